"""Settings of a search, and what a search finds."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from ..game import Game
from ..settings import Count, CountOrZero, NotNegative, check
from .slots import num_cells

TURNS = 16
"""Whole turns that a champion compares unless told otherwise."""
REDRAWS = 3
"""How often it draws as many others where all of them are lost."""


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search; hashable, static under jit.

    Attributes:
      simulations: nodes expanded per search, at least 1.
      considered: root actions that sequential halving starts with. Fewer give a deeper tree: 4 suit 16 simulations, 8
        suit 32 and more. With as many as simulations the tree is one decision deep.
      slots: K, actions a node can hold; None for :func:`num_slots`' default.
      gumbel_scale: scale of the noise at the root; 0 makes the search deterministic.
      max_depth: longest path in decisions; None for no limit.
      value_scale, maxvisit_init, rescale_values, use_mixed_value: the transform of completed Q-values,
        ``value_scale * (maxvisit_init + largest visit count) * Q``, see ``mctx.qtransform_completed_by_mix_value``.
      opponents: of three or four players. ``"paranoid"``: all others together against the root player
        (:mod:`.tree`). ``"maxn"``: each for itself (:mod:`.mcts`), as all presets have it with more than two.
      proofs: positions of the tree that are proved won or lost are backed up as such, no simulation goes below them,
        and a decision of the root that is proved to win is played: the policy is that decision alone, the value 1.
      turn_nodes: decisions of the own turn that are tried at the root to find a win (``winning_turn``). Where there is
        one it is played: the policy is that decision alone, the value 1. 0 for no such search; other games than
        RingRift have none.
      turns: K, whole turns that are drawn from the policy at the start of a turn and played to their end, of which the
        best is played (:mod:`.whole_turns`). 0 for the tree over decisions, of which all settings before ``turn_nodes``
        are, but for ``value_scale * maxvisit_init``, which is the factor of Q here too.
      answers: ends of these turns, best first, after which the next player's turn is searched for a win, until one
        holds none. 0 for no such search.
      answer_nodes: decisions tried in each of these searches.
      redraws: how often K other turns are drawn where the next player wins after all of those before, each time from
        a flatter policy.
    """

    simulations: Count = 16
    considered: Count = 4
    slots: Count | None = None
    gumbel_scale: NotNegative = 1.0
    max_depth: Count | None = None
    value_scale: NotNegative = 0.1
    maxvisit_init: NotNegative = 50.0
    rescale_values: bool = True
    use_mixed_value: bool = True
    opponents: Literal["paranoid", "maxn"] = "paranoid"
    proofs: bool = False
    turn_nodes: CountOrZero = 0
    turns: CountOrZero = 0
    answers: CountOrZero = 0
    answer_nodes: Count = 4096
    redraws: CountOrZero = 0

    def __post_init__(self) -> None:
        check(self)

    def by_turns(self, turns: int, nodes: int) -> "SearchConfig":
        """The same over so many whole turns, with that many decisions for a win of the own turn, and for the answer to
        each, and others in their place where all are lost."""
        return replace(self, turns=turns, turn_nodes=nodes, answers=turns, answer_nodes=nodes, redraws=REDRAWS)


class SearchOutput(NamedTuple):
    """Results of B searches with K slots.

    Attributes:
      action: ``int32[B]`` the chosen action; -1 for a finished game.
      slot_actions: ``int32[B, K]`` the actions searched at the root, -1 in empty slots.
      slot_weights: ``float32[B, K]`` the improved policy over them, summing to 1; 0 in empty slots.
      slot_log_priors: ``float32[B, K]`` logarithms of the network's policy, as far as the search looked at it: over
        the slots of a tree, over all legal actions where whole turns were drawn. Very low in empty slots.
      value: ``float32[B]`` the search's value of the root for the player to move, in [-1, 1]; 0 for a finished game.
      mean_depth: ``float32[B]`` decisions from the root to where a simulation ended, averaged over simulations.
      max_depth: ``int32[B]`` the longest of these.
      overflow: ``int32[B]`` nodes, the root included, with more legal actions than slots.
      not_finite: ``int32[B]`` nodes whose evaluation was not finite; there such numbers count as 0.
      surprise: ``float32[B]`` :func:`divergence` of the improved policy from the network's over the slots: how much the
        search found out. 0 for a finished game.
    """

    action: jax.Array
    slot_actions: jax.Array
    slot_weights: jax.Array
    slot_log_priors: jax.Array
    value: jax.Array
    mean_depth: jax.Array
    max_depth: jax.Array
    overflow: jax.Array
    not_finite: jax.Array
    surprise: jax.Array


def divergence(weights: jax.Array, log_priors: jax.Array) -> jax.Array:
    """``float32[B]``: the Kullback-Leibler divergence of policies ``float32[B, K]`` from others, in nats, of which the
    logarithms are given; 0 for policies without weights."""
    terms = jnp.where(weights > 0, weights * (jnp.log(weights) - log_priors), 0)
    return jnp.maximum(jnp.sum(terms, axis=-1), 0)


def num_slots(env: Game, config: SearchConfig) -> int:
    """K. The default holds most positions of the middle game: 64 on boards of up to 100 cells, else 128. A search over
    whole turns has a slot for each."""
    if config.turns:
        return config.turns
    if config.slots is not None:
        return config.slots
    return min(64 if num_cells(env) <= 100 else 128, env.num_actions)
