"""Self-play: many games side by side, each lane starting the next game as soon as its last one ends."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp

from . import replay as ring
from .env import random_action
from .replay import Replay
from .search import Evaluate, SearchConfig, SearchOutput, search


@dataclass(frozen=True)
class SelfPlayConfig:
    """How games for learning are played.

    Attributes:
      lanes: games played side by side.
      chunk: decisions each lane makes in an iteration.
      opening: a game begins with 0 to this many uniformly random decisions, which are not learned from.
      network: which network plays, the one being trained or the last one that won an arena.
    """

    lanes: int = 64
    chunk: int = 64
    opening: int = 4
    network: Literal["latest", "champion"] = "latest"


@partial(jax.tree_util.register_dataclass, data_fields=["state", "number", "length", "opening"], meta_fields=[])
@dataclass(frozen=True)
class Games:
    """The running games; L = lanes.

    Attributes:
      state: states with leading axis ``[L]``.
      number: ``int32[L]`` games the lane has finished, which is the number of the one it plays.
      length: ``int32[L]`` decisions made in the running game.
      opening: ``int32[L]`` how many of its first decisions are random.
    """

    state: Any
    number: jax.Array
    length: jax.Array
    opening: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["games", "decisions", "mean_depth", "max_depth", "overflow"],
    meta_fields=[],
)
@dataclass(frozen=True)
class SelfPlayStats:
    """What happened in a chunk: ``int32`` games ended and the decisions of those games, ``float32`` mean and ``int32``
    largest depth of the search trees, ``int32`` tree nodes with more legal actions than slots."""

    games: jax.Array
    decisions: jax.Array
    mean_depth: jax.Array
    max_depth: jax.Array
    overflow: jax.Array


def select(condition: jax.Array, yes: Any, no: Any) -> Any:
    """``where`` over two pytrees of one structure whose leaves begin with the axes of ``condition``."""

    def pick(y, n):
        return jnp.where(condition.reshape(condition.shape + (1,) * (jnp.ndim(n) - condition.ndim)), y, n)

    return jax.tree.map(pick, yes, no)


def new_games(env, config: SelfPlayConfig, key: jax.Array) -> Games:
    """Every lane at the start of its first game. The key is consumed."""
    lanes = config.lanes
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (lanes, *leaf.shape)), env.init())
    zeros = jnp.zeros(lanes, jnp.int32)
    return Games(start, zeros, zeros, _draw_opening(config, key))


def _draw_opening(config: SelfPlayConfig, key: jax.Array) -> jax.Array:
    return jax.random.randint(key, (config.lanes,), 0, config.opening + 1)


def play_ply(
    env, act: Callable[[Any, jax.Array], tuple[jax.Array, Any]], states: Any, keys: jax.Array, in_opening: jax.Array
) -> tuple[Any, Any]:
    """One decision in each of B games, the same for self-play and for matches.

    Args:
      env: the environment.
      act: takes states ``[B]`` and keys ``[B]``; returns ``int32[B]`` actions and anything else.
      states: states with leading axis ``[B]``.
      keys: a typed key for each game, consumed.
      in_opening: ``bool[B]``, games whose decision is uniformly random instead.

    Returns:
      The states after the decision and whatever else ``act`` returned.
    """
    act_keys, random_keys = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
    actions, extra = act(states, act_keys)
    at_random = jax.vmap(lambda state, key: random_action(env, state, key))(states, random_keys)
    return jax.vmap(env.step)(states, jnp.where(in_opening, at_random, actions)), extra


def play_chunk(
    env,
    evaluate: Evaluate,
    search_config: SearchConfig,
    config: SelfPlayConfig,
    params: Any,
    games: Games,
    replay: Replay,
    key: jax.Array,
) -> tuple[Games, Replay, SelfPlayStats]:
    """``config.chunk`` decisions in every lane, each recorded in the ring before it is made. The key is consumed."""

    def act(states, keys):
        found = search(env, evaluate, params, states, keys, search_config)
        return found.action, found

    def ply(carry, key):
        games, replay = carry
        keys = jax.random.split(key, config.lanes + 1)
        in_opening = games.length < games.opening
        found: SearchOutput
        state, found = play_ply(env, act, games.state, keys[1:], in_opening)
        rows = ring.make_rows(games.state, found.slot_actions, found.slot_weights, env.num_actions)
        replay = ring.append(replay, rows, games.number, ~in_opening)
        ended = state.is_over
        replay = ring.complete(replay, games.number, ended, state.rewards)
        length = games.length + 1
        stats = SelfPlayStats(
            games=jnp.sum(ended, dtype=jnp.int32),
            decisions=jnp.sum(jnp.where(ended, length, 0), dtype=jnp.int32),
            mean_depth=jnp.mean(found.mean_depth),
            max_depth=jnp.max(found.max_depth),
            overflow=jnp.sum(found.overflow, dtype=jnp.int32),
        )
        games = Games(
            state=select(ended, env.init(), state),
            number=games.number + ended,
            length=jnp.where(ended, 0, length),
            opening=jnp.where(ended, _draw_opening(config, keys[0]), games.opening),
        )
        return (games, replay), stats

    (games, replay), stats = jax.lax.scan(ply, (games, replay), jax.random.split(key, config.chunk))
    total = SelfPlayStats(
        games=stats.games.sum(),
        decisions=stats.decisions.sum(),
        mean_depth=stats.mean_depth.mean(),
        max_depth=stats.max_depth.max(),
        overflow=stats.overflow.sum(),
    )
    return games, replay, total
