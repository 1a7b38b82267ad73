"""A searched decision in each of many games: by the tree over decisions or by whole turns, as the settings say.

What a player knows of the turn it is in, it remembers: a plan, or that the rest of the turn holds no win.
"""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from ..devices import spread
from ..env import Env
from ..game import Game, GameState
from ..numerics import check_typed_keys, in_32_bits
from ..pytrees import check_leading_axis, select
from .config import SearchConfig, SearchOutput, divergence
from .evaluation import Evaluate, evaluate_observations
from .tree import ROOT, search_tree, summarise
from .whole_turns import Plan, make_plans, no_plans
from .winning_turn import WinningTurn, turn_goes_on, winning_lines


class Memory(NamedTuple):
    """What is known of the running turns of B games.

    Attributes:
      barren: ``bool[B]`` the rest of the turn is proved to hold no win.
      plan: what to do in it; None for a tree over decisions.
    """

    barren: jax.Array
    plan: Plan | None


def no_memory(config: SearchConfig, batch: int) -> Memory:
    """At the start of games."""
    return Memory(jnp.zeros(batch, bool), no_plans(batch, config.turns) if config.turns else None)


@in_32_bits
def search(
    env: Game, evaluate: Evaluate, params: Any, states: GameState, keys: jax.Array, config: SearchConfig
) -> SearchOutput:
    """Searches B positions independently; game b depends on ``states[b]`` and ``keys[b]`` alone, but for which of
    several wins of a turn is found.

    Args:
      env: the game, static.
      evaluate: the network.
      params: passed to ``evaluate``.
      states: batched state, leading axis B.
      keys: typed PRNG keys ``[B]``, each used once.
      config: static.

    Raises:
      ValueError: states and keys do not have one leading axis B, or the network returns other shapes than it must.
    """
    check_typed_keys(keys, 1)
    return search_on(env, evaluate, params, states, keys, config, no_memory(config, len(keys)))[0]


@in_32_bits
def search_on(
    env: Game,
    evaluate: Evaluate,
    params: Any,
    states: GameState,
    keys: jax.Array,
    config: SearchConfig,
    memory: Memory,
) -> tuple[SearchOutput, Memory]:
    """:func:`search`, by players who play what it finds and remember what they meant to do in their turns."""
    check_leading_axis(len(keys), states=states, memory=memory)
    never = jnp.zeros(len(keys), bool)
    if config.turns:
        return _by_turns(cast(Env, env), evaluate, config, params, states, keys, never, memory)
    found = jax.vmap(lambda state, key: summarise(search_tree(env, evaluate, params, state, key, config)))(states, keys)
    if config.turn_nodes:
        turn, _ = winning_lines(cast(Env, env), states, config.turn_nodes, ~never)
        found = _with_wins(found, turn)
    return found, memory


@in_32_bits
def play_ply(
    env: Game,
    evaluate: Evaluate,
    config: SearchConfig,
    params: Any,
    states: GameState,
    keys: jax.Array,
    in_opening: jax.Array,
    noise: jax.Array,
    memory: Memory,
    mesh: Mesh | None = None,
) -> tuple[GameState, SearchOutput, Memory]:
    """One searched decision in each of B games; the same for self-play and for the arena.

    Args:
      env: the environment.
      evaluate: the network.
      config: of the search.
      params: parameters of the network, the same for all games.
      states: states with leading axis ``[B]``.
      keys: a typed key for each game, consumed.
      in_opening: ``bool[B]``, games whose decision is drawn evenly from those considered: the root actions that were
        visited, or the first ones of the turns. These are themselves drawn from the network's policy. A win that is
        proved (``SearchConfig.turn_nodes``, ``proofs``) is played in openings too.
      noise: ``float32[B]``, 1 for searches with the noise of the configuration, 0 for the best play.
      memory: of the running turns.
      mesh: devices to spread the games over.

    Returns:
      The states after the decision, what the search found, with the decision played as its ``action``, and what is
      remembered.

    Raises:
      ValueError: not everything has one leading axis B, or the network returns other shapes than it must.
    """
    check_leading_axis(len(keys), states=states, in_opening=in_opening, noise=noise, memory=memory)

    def many(params, states, keys, in_opening, noise, memory):
        if config.turns:
            found, memory = _by_turns(cast(Env, env), evaluate, config, params, states, keys, in_opening, memory)
            return jax.vmap(env.step)(states, found.action), found, memory
        return _by_decisions(env, evaluate, config, params, states, keys, in_opening, noise, memory)

    return spread(many, mesh)(params, states, keys, in_opening, noise, memory)


def _by_decisions(
    env: Game, evaluate, config: SearchConfig, params, states, keys, in_opening, noise, memory: Memory
) -> tuple[GameState, SearchOutput, Memory]:
    """The state after a decision is taken from the search tree, which has been there already: ``step`` is a large
    program, and this way it occurs once."""

    def one(state, key, in_opening, noise):
        search_key, draw_key = jax.random.split(key)
        result = search_tree(env, evaluate, params, state, search_key, config, noise)
        tree = result.tree
        visited = tree.children_visits[ROOT] > 0
        drawn = jax.random.categorical(draw_key, jnp.where(visited, 0.0, -jnp.inf))
        slot = jnp.where(in_opening & ~result.won, drawn, result.slot).astype(jnp.int32)
        child = tree.children_index[ROOT, slot]
        found = summarise(result._replace(slot=slot))
        return jax.tree.map(lambda leaf: leaf[child], tree.embeddings.state), found

    after, found = jax.vmap(one)(states, keys, in_opening, noise)
    if not config.turn_nodes:
        return after, found, memory
    turn, _ = winning_lines(cast(Env, env), states, config.turn_nodes, ~memory.barren)
    won = jax.vmap(env.step)(states, turn.action)
    after, found = select(turn.found, won, after), _with_wins(found, turn)
    return after, found, Memory(turn.complete & ~turn.found & turn_goes_on(states, after), None)


def _with_wins(found: SearchOutput, turn: WinningTurn) -> SearchOutput:
    """What was found ``[B]``, with a win of the turn as the only decision where there is one. A win that has no slot,
    which the network holds for as unlikely as any of them, takes that of the least likely action."""
    here = found.slot_actions == turn.action[:, None]
    slot = jnp.where(here.any(axis=1), jnp.argmax(here, axis=1), jnp.argmin(found.slot_log_priors, axis=1))
    wins = turn.found[:, None] & (jnp.arange(here.shape[1]) == slot[:, None])
    weights = jnp.where(turn.found[:, None], wins, found.slot_weights)
    return found._replace(
        action=jnp.where(turn.found, turn.action, found.action),
        slot_actions=jnp.where(wins, turn.action[:, None], found.slot_actions),
        slot_weights=weights,
        value=jnp.where(turn.found, 1.0, found.value),
        surprise=jnp.where(turn.found, divergence(weights, found.slot_log_priors), found.surprise),
    )


def _by_turns(
    env: Env, evaluate, config: SearchConfig, params, states, keys, in_opening, memory: Memory
) -> tuple[SearchOutput, Memory]:
    assert memory.plan is not None
    asked = (memory.plan.decision < 0) & ~states.is_over
    barren = memory.plan.barren == states.turn
    fresh = make_plans(env, evaluate, config, params, states, keys, asked, in_opening, barren)
    plan = select(asked, fresh, memory.plan)
    actions, weights = plan.options(config.value_scale * config.maxvisit_init)

    logits = evaluate_observations(env, evaluate, params, jax.vmap(env.observe)(states)).logits
    finite = jnp.isfinite(logits).all(axis=-1)
    masks = jax.vmap(env.legal_action_mask)(states)
    lowest = jnp.finfo(logits.dtype).min
    prior = jax.nn.log_softmax(jnp.where(masks, jnp.where(jnp.isfinite(logits), logits, 0), lowest), axis=-1)
    log_priors = jnp.where(actions >= 0, jnp.take_along_axis(prior, jnp.maximum(actions, 0), axis=1), lowest)
    lengths = jnp.sum(plan.lines >= 0, axis=-1, dtype=jnp.int32) - plan.at[:, None]
    found = SearchOutput(
        action=plan.decision,
        slot_actions=actions,
        slot_weights=weights,
        slot_log_priors=log_priors,
        value=plan.value,
        mean_depth=jnp.take_along_axis(lengths, plan.chosen[:, None], axis=1)[:, 0].astype(jnp.float32),
        max_depth=jnp.where(actions >= 0, lengths, 0).max(axis=1),
        overflow=jnp.zeros_like(plan.at),
        not_finite=(~finite).astype(jnp.int32),
        surprise=jnp.where(plan.improves & ~states.is_over, divergence(weights, log_priors), 0),
    )
    return found, Memory(memory.barren, plan.after_decision())
