"""Self-play: many games side by side, each lane starting the next game as soon as its last one ends."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import mctx
from jax.sharding import Mesh

from ..devices import spread
from ..pytrees import select
from ..search.tree import Evaluate, SearchConfig, SearchOutput, num_slots, search_tree, summarise
from ..settings import Count, CountOrZero, check
from . import ring
from .ring import Replay


@dataclass(frozen=True)
class SelfPlayConfig:
    """How games for learning are played.

    Attributes:
      lanes: games played side by side.
      chunk: decisions each lane makes in an iteration.
      opening: a game begins with 0 to this many decisions that are drawn from those the search considered.
      network: which network plays, the one being trained or the last one that won an arena.
    """

    lanes: Count = 64
    chunk: Count = 64
    opening: CountOrZero = 8
    network: Literal["latest", "champion"] = "latest"

    def __post_init__(self) -> None:
        check(self)


@partial(jax.tree_util.register_dataclass, data_fields=["state", "number", "length", "opening"], meta_fields=[])
@dataclass(frozen=True)
class Games:
    """The running games; L = lanes.

    Attributes:
      state: states with leading axis ``[L]``.
      number: ``int32[L]`` games the lane has finished, which is the number of the one it plays.
      length: ``int32[L]`` decisions made in the running game.
      opening: ``int32[L]`` how many of its first decisions are drawn.
    """

    state: Any
    number: jax.Array
    length: jax.Array
    opening: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "games", "decisions", "truncated", "wins", "shortest", "longest", "mean_depth", "max_depth", "overflow",
        "not_finite",
    ],
    meta_fields=[],
)  # fmt: skip
@dataclass(frozen=True)
class SelfPlayStats:
    """What happened in a chunk.

    Attributes:
      games: ``int32`` games that ended.
      decisions: ``int32`` decisions of those games, from their beginning.
      truncated: ``int32`` those of them that were stopped by ``max_steps``.
      wins: ``int32[n]`` games won by each seat.
      shortest, longest: ``int32`` decisions of the shortest game, 2**31 - 1 without one, and of the longest, 0.
      mean_depth: ``float32`` mean depth of the search trees' simulations, in decisions.
      max_depth: ``int32`` depth of the deepest.
      overflow: ``int32`` tree nodes with more legal actions than slots.
      not_finite: ``int32`` tree nodes whose evaluation by the network was not finite.
    """

    games: jax.Array
    decisions: jax.Array
    truncated: jax.Array
    wins: jax.Array
    shortest: jax.Array
    longest: jax.Array
    mean_depth: jax.Array
    max_depth: jax.Array
    overflow: jax.Array
    not_finite: jax.Array


NO_GAME = jnp.iinfo(jnp.int32).max
"""The length of the shortest of no games."""


def no_stats(num_players: int) -> SelfPlayStats:
    """Of a chunk without plies."""
    zero = jnp.int32(0)
    return SelfPlayStats(
        games=zero,
        decisions=zero,
        truncated=zero,
        wins=jnp.zeros(num_players, jnp.int32),
        shortest=jnp.int32(NO_GAME),
        longest=zero,
        mean_depth=jnp.float32(0),
        max_depth=zero,
        overflow=zero,
        not_finite=zero,
    )


def new_games(env, config: SelfPlayConfig, key: jax.Array) -> Games:
    """Every lane at the start of its first game. The key is consumed."""
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (config.lanes, *leaf.shape)), env.init())
    zeros = jnp.zeros(config.lanes, jnp.int32)
    return Games(start, zeros, zeros, _draw_opening(config, key))


def new_replay(env, config: SearchConfig, blocks: int, lanes: int) -> Replay:
    """A ring for what such searches find, without rows."""
    slots = jnp.zeros(num_slots(env, config))
    row = ring.make_rows(env.init(), jnp.int32(0), slots, slots, jnp.float32(0), env.num_actions)
    return ring.empty(row, blocks, lanes, env.num_players)


def _draw_opening(config: SelfPlayConfig, key: jax.Array) -> jax.Array:
    return jax.random.randint(key, (config.lanes,), 0, config.opening + 1)


def play_ply(
    env,
    evaluate: Evaluate,
    config: SearchConfig,
    params: Any,
    states: Any,
    keys: jax.Array,
    in_opening: jax.Array,
    noise: jax.Array,
    mesh: Mesh | None = None,
) -> tuple[Any, SearchOutput]:
    """One searched decision in each of B games; the same for self-play and for the arena.

    The state after a decision is taken from the search tree, which has been there already: ``step`` is a large program,
    and this way it occurs once.

    Args:
      env: the environment.
      evaluate: the network.
      config: of the search.
      params: parameters of the network, the same for all games.
      states: states with leading axis ``[B]``.
      keys: a typed key for each game, consumed.
      in_opening: ``bool[B]``, games whose decision is drawn evenly from the root actions that were visited. These are
        themselves drawn from the network's policy, by the noise of the search.
      noise: ``float32[B]``, 1 for searches with the noise of the configuration, 0 for the best play.
      mesh: devices to spread the games over.

    Returns:
      The states after the decision, and what the search found. Its ``action`` is the one played.
    """

    def one(params, state, key, in_opening, noise):
        search_key, draw_key = jax.random.split(key)
        result = search_tree(env, evaluate, params, state, search_key, config, noise)
        tree = jax.tree.map(lambda leaf: leaf[0], result.tree)
        visited = tree.children_visits[mctx.Tree.ROOT_INDEX] > 0
        drawn = jax.random.categorical(draw_key, jnp.where(visited, 0.0, -jnp.inf))
        slot = jnp.where(in_opening, drawn, result.slot).astype(jnp.int32)
        child = tree.children_index[mctx.Tree.ROOT_INDEX, slot]
        found = summarise(result._replace(slot=slot))
        return jax.tree.map(lambda leaf: leaf[child], tree.embeddings.state), found

    return spread(jax.vmap(one, in_axes=(None, 0, 0, 0, 0)), mesh)(params, states, keys, in_opening, noise)


def record_ply(
    env,
    config: SelfPlayConfig,
    games: Games,
    replay: Replay,
    stats: SelfPlayStats,
    after: Any,
    found: SearchOutput,
    key: jax.Array,
    iteration: jax.Array,
    version: jax.Array,
    active: jax.Array,
) -> tuple[Games, Replay, SelfPlayStats]:
    """Writes a ply of self-play to the ring, completes the games it ended, and starts new ones in their lanes.

    Args:
      env: the environment.
      config: of self-play.
      games: before the ply.
      replay: the ring.
      stats: of the plies before; the mean depth counts 1 / chunk of each ply.
      after: states after the ply, leading axis ``[L]``.
      found: what the searches of the ply found.
      key: typed key, consumed.
      iteration, version: ``int32`` the iteration it is played in, and version of the champion then.
      active: ``bool``; if False nothing changes.
    """
    rows = ring.make_rows(
        games.state, found.action, found.slot_actions, found.slot_weights, found.surprise, env.num_actions
    )
    replay = ring.append(replay, rows, games.number, iteration, version, active)
    ended = after.is_over & active
    replay = ring.complete(replay, games.number, ended, after.rewards, iteration)
    length = games.length + 1
    won = ended[:, None] & (after.winner[:, None] == jnp.arange(env.num_players))
    stats = SelfPlayStats(
        games=stats.games + jnp.sum(ended, dtype=jnp.int32),
        decisions=stats.decisions + jnp.sum(jnp.where(ended, length, 0), dtype=jnp.int32),
        truncated=stats.truncated + jnp.sum(ended & after.truncated, dtype=jnp.int32),
        wins=stats.wins + jnp.sum(won, axis=0, dtype=jnp.int32),
        shortest=jnp.minimum(stats.shortest, jnp.where(ended, length, NO_GAME).min()),
        longest=jnp.maximum(stats.longest, jnp.where(ended, length, 0).max()),
        mean_depth=stats.mean_depth + jnp.where(active, found.mean_depth.mean() / config.chunk, 0),
        max_depth=jnp.maximum(stats.max_depth, jnp.where(active, found.max_depth.max(), 0)),
        overflow=stats.overflow + jnp.where(active, jnp.sum(found.overflow, dtype=jnp.int32), 0),
        not_finite=stats.not_finite + jnp.where(active, jnp.sum(found.not_finite, dtype=jnp.int32), 0),
    )
    following = Games(
        state=select(ended, env.init(), after),
        number=games.number + ended,
        length=jnp.where(ended, 0, length),
        opening=jnp.where(ended, _draw_opening(config, key), games.opening),
    )
    return select(active, following, games), replay, stats
