"""Self-play: many games side by side, each lane starting the next game as soon as its last one ends."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from ..collectives import Collectives
from ..game import Game, GameState
from ..numerics import in_32_bits
from ..pytrees import select
from ..search.config import SearchConfig, SearchOutput, num_slots
from ..search.ply import Memory, no_memory
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Games:
    """The running games; L = lanes.

    Attributes:
      state: states with leading axis ``[L]``.
      number: ``int32[L]`` games the lane has finished, which is the number of the one it plays.
      length: ``int32[L]`` decisions made in the running game.
      opening: ``int32[L]`` how many of its first decisions are drawn.
      memory: what is known of the running turns.
    """

    state: GameState
    number: jax.Array
    length: jax.Array
    opening: jax.Array
    memory: Memory


class Ply(NamedTuple):
    """What the statistics of a ply of L lanes are taken from.

    Attributes:
      ended: ``bool[L]`` lanes whose game ended.
      length: ``int32[L]`` decisions of the running games, this one included.
      won: ``bool[L, n]`` seats that won a game that ended.
      truncated: ``bool[L]`` games that ended by ``max_steps``.
      found: what the searches found.
    """

    ended: jax.Array
    length: jax.Array
    won: jax.Array
    truncated: jax.Array
    found: SearchOutput


class Reduction(NamedTuple):
    """How a number of a chunk comes from its plies: where it starts, what a ply makes of it, and what it is of several
    devices.

    The arguments of ``add`` are the number so far, that of the ply, and the plies of the chunk; that of ``across`` are
    the numbers ``[devices, ...]``.
    """

    start: int | float
    add: Callable[[jax.Array, jax.Array, int], jax.Array]
    across: Callable[[jax.Array], jax.Array]


NO_GAME = jnp.iinfo(jnp.int32).max
"""The length of the shortest of no games."""

SUM = Reduction(0, lambda so_far, new, plies: so_far + new, partial(jnp.sum, axis=0))
MIN = Reduction(NO_GAME, lambda so_far, new, plies: jnp.minimum(so_far, new), partial(jnp.min, axis=0))
MAX = Reduction(0, lambda so_far, new, plies: jnp.maximum(so_far, new), partial(jnp.max, axis=0))
MEAN = Reduction(0.0, lambda so_far, new, plies: so_far + new / plies, partial(jnp.mean, axis=0))


def _statistic(reduction: Reduction, of: Callable[[Ply], jax.Array], per_seat: bool = False) -> Any:
    """A field of :class:`SelfPlayStats`: how it is reduced over plies, what it is of one, and whether of each seat."""
    return field(metadata={"reduction": reduction, "of": of, "per_seat": per_seat})


def _total(what: jax.Array) -> jax.Array:
    return jnp.sum(what, axis=0, dtype=jnp.int32)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SelfPlayStats:
    """What happened in a chunk. A field says itself how it comes from the plies.

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

    games: jax.Array = _statistic(SUM, lambda ply: _total(ply.ended))
    decisions: jax.Array = _statistic(SUM, lambda ply: _total(jnp.where(ply.ended, ply.length, 0)))
    truncated: jax.Array = _statistic(SUM, lambda ply: _total(ply.truncated))
    wins: jax.Array = _statistic(SUM, lambda ply: _total(ply.won), per_seat=True)
    shortest: jax.Array = _statistic(MIN, lambda ply: jnp.where(ply.ended, ply.length, NO_GAME).min())
    longest: jax.Array = _statistic(MAX, lambda ply: jnp.where(ply.ended, ply.length, 0).max())
    mean_depth: jax.Array = _statistic(MEAN, lambda ply: ply.found.mean_depth.mean())
    max_depth: jax.Array = _statistic(MAX, lambda ply: ply.found.max_depth.max())
    overflow: jax.Array = _statistic(SUM, lambda ply: _total(ply.found.overflow))
    not_finite: jax.Array = _statistic(SUM, lambda ply: _total(ply.found.not_finite))

    def of_all(self, peers: Collectives) -> "SelfPlayStats":
        """The same of the lanes of all devices, from those of each."""
        gathered = peers.gather(self)
        return SelfPlayStats(
            **{each.name: each.metadata["reduction"].across(getattr(gathered, each.name)) for each in fields(self)}
        )


def no_stats(num_players: int) -> SelfPlayStats:
    """Of a chunk without plies."""

    def start(reduction: Reduction, per_seat: bool) -> jax.Array:
        dtype = jnp.float32 if isinstance(reduction.start, float) else jnp.int32
        return jnp.full((num_players,) if per_seat else (), reduction.start, dtype)

    return SelfPlayStats(
        **{each.name: start(each.metadata["reduction"], each.metadata["per_seat"]) for each in fields(SelfPlayStats)}
    )


def _add_ply(stats: SelfPlayStats, ply: Ply, plies: int) -> SelfPlayStats:
    """The statistics with those of one more of so many plies."""
    return SelfPlayStats(
        **{
            each.name: each.metadata["reduction"].add(getattr(stats, each.name), each.metadata["of"](ply), plies)
            for each in fields(SelfPlayStats)
        }
    )


@in_32_bits
def new_games(env: Game, config: SelfPlayConfig, search: SearchConfig, key: jax.Array) -> Games:
    """Every lane at the start of its first game. The key is consumed."""
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (config.lanes, *leaf.shape)), env.init())
    zeros = jnp.zeros(config.lanes, jnp.int32)
    return Games(start, zeros, zeros, draw_openings(config, key), no_memory(search, config.lanes))


@in_32_bits
def new_replay(env: Game, config: SearchConfig, blocks: int, lanes: int) -> Replay:
    """A ring for what such searches find, without rows."""
    slots = jnp.zeros(num_slots(env, config), jnp.float32)
    row = ring.make_rows(env.init(), jnp.int32(0), slots, slots, jnp.float32(0), env.num_actions)
    return ring.empty(row, blocks, lanes, env.num_players)


def draw_openings(config: SelfPlayConfig, key: jax.Array) -> jax.Array:
    """``int32[lanes]``: how many decisions of a game that begins there are drawn. The key is consumed."""
    return jax.random.randint(key, (config.lanes,), 0, config.opening + 1, jnp.int32)


@in_32_bits
def record_ply(
    env: Game,
    config: SelfPlayConfig,
    games: Games,
    replay: Replay,
    stats: SelfPlayStats,
    after: GameState,
    found: SearchOutput,
    memory: Memory,
    openings: jax.Array,
    iteration: jax.Array,
    version: jax.Array,
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
      memory: what is known of the turns after it.
      openings: ``int32[L]`` of :func:`draw_openings`, for games that begin.
      iteration, version: ``int32`` the iteration it is played in, and version of the champion then.
    """
    rows = ring.make_rows(
        games.state, found.action, found.slot_actions, found.slot_weights, found.surprise, env.num_actions
    )
    replay = ring.append(replay, rows, games.number, iteration, version)
    ended = after.is_over
    replay = ring.complete(replay, games.number, ended, after.rewards, games.state.turn, iteration)
    length = games.length + 1
    won = ended[:, None] & (after.winner[:, None] == jnp.arange(env.num_players))
    ply = Ply(ended, length, won, ended & after.truncated, found)
    following = Games(
        state=select(ended, env.init(), after),
        number=games.number + ended,
        length=jnp.where(ended, 0, length),
        opening=jnp.where(ended, openings, games.opening),
        memory=memory,
    )
    return following, replay, _add_ply(stats, ply, config.chunk)
