"""Matches between a challenger and an opponent that are fair to both, and the decision whether the challenger won.

Games come in groups of one per player: all games of a group begin with the same random opening, and in each the
challenger is another player, so that every seat is held equally often. With two players a group is a pair. The mean
score of a group is the unit of the statistics, because games of one opening are not independent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .agents import Agent
from .selfplay import play_ply, select

SideAct = Callable[[jax.Array, Any, jax.Array], jax.Array]
"""``act(challenging: bool, states [B], keys [B]) -> int32[B]``: actions of the challenger or of the opponent."""


@dataclass(frozen=True)
class ArenaConfig:
    """When the network being trained challenges the champion, and what it takes to win.

    Attributes:
      every: iterations from one arena to the next.
      groups: openings; each is played once per player with the challenger in another seat.
      opening: random decisions at the start of each game.
      confidence: the challenger wins if its mean score exceeds 0 by more than this many standard errors.
    """

    every: int = 4
    groups: int = 32
    opening: int = 4
    confidence: float = 1.0


@partial(jax.tree_util.register_dataclass, data_fields=["score", "won", "length"], meta_fields=[])
@dataclass(frozen=True)
class MatchResult:
    """Game by game; G = groups, n = players, and the challenger is player i in game i of each group.

    Attributes:
      score: ``float32[G, n]`` reward of the challenger: 1 for a win, -1/(n-1) for a loss, 0 when truncated.
      won: ``bool[G, n]``.
      length: ``int32[G, n]`` decisions.
    """

    score: jax.Array
    won: jax.Array
    length: jax.Array


def between(challenger: Agent, opponent: Agent) -> SideAct:
    """Joins two agents of different kinds into what :func:`play_match` wants."""

    def act(challenging, states, keys):
        return jax.lax.cond(challenging, challenger, opponent, states, keys)

    return act


def play_match(env, act: SideAct, groups: int, opening: int, key: jax.Array) -> MatchResult:
    """Plays ``groups * n`` games to their end, with ``opening`` random decisions first. The key is consumed.

    Each round moves in games that wait for the same side, the side more games wait for, half of all games at most; so
    that one network at a time is evaluated, on a nearly full batch. The games of a group share their keys, too.
    """
    players = env.num_players
    total = groups * players
    width = (total + 1) // 2
    group = jnp.arange(total) // players
    challenger = jnp.arange(players) == (jnp.arange(total) % players)[:, None]
    group_keys = jax.random.split(key, groups)

    def running(carry):
        states, _, _ = carry
        return ~jnp.all(states.is_over)

    def play_round(carry):
        states, score, length = carry
        side = jnp.take_along_axis(challenger, states.current_player[:, None], axis=1)[:, 0]
        waiting = ~states.is_over
        challenging = 2 * jnp.sum(waiting & side) >= jnp.sum(waiting)
        ready = waiting & (side == challenging)
        chosen = jnp.argsort(~ready)[:width]
        moves = ready[chosen]

        before = jax.tree.map(lambda leaf: leaf[chosen], states)
        keys = jax.vmap(jax.random.fold_in)(group_keys[group[chosen]], length[chosen])
        after, _ = play_ply(
            env, lambda s, k: (act(challenging, s, k), None), before, keys, length[chosen] < opening
        )
        after = select(moves, after, before)
        gained = jnp.where(moves, jnp.sum(after.rewards * challenger[chosen], axis=-1), 0.0)
        states = jax.tree.map(lambda all_games, some: all_games.at[chosen].set(some), states, after)
        return states, score.at[chosen].add(gained), length.at[chosen].add(moves)

    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (total, *leaf.shape)), env.init())
    carry = start, jnp.zeros(total, jnp.float32), jnp.zeros(total, jnp.int32)
    _, score, length = jax.lax.while_loop(running, play_round, carry)
    score, length = score.reshape(groups, players), length.reshape(groups, players)
    return MatchResult(score, score > 0, length)


def mean_and_error(per_group: jax.Array) -> tuple[jax.Array, jax.Array]:
    """``float32``: mean over the groups of ``float32[G, n]`` and its standard error, which is infinite for one group."""
    means = per_group.mean(axis=1)
    groups = means.shape[0]
    if groups < 2:
        return means.mean(), jnp.float32(jnp.inf)
    return means.mean(), means.std(ddof=1) / jnp.sqrt(groups)
