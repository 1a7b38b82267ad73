"""The replay ring: positions written as they are played, learned from once their game has ended.

The ring is an array of *blocks*; one block holds one row per lane of self-play (a lane plays one game after another),
so that each ply of all lanes is one contiguous write. A row is written exactly once, as pending, with the number of its
game in its lane. When that game ends, all its rows get the true outcome and become complete. They are sampled from when
the chunk of self-play in which their game ended is approved; if it is rejected, they are dropped. New blocks overwrite
the oldest; rows overwritten while their game still runs are lost and counted.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..collectives import ALONE, BY_LANE, EVERYWHERE, Collectives
from ..game import GameState


class Status(IntEnum):
    """What a row of the ring holds."""

    EMPTY = 0  # or dropped
    PENDING = 1
    COMPLETE = 2


ELSEWHERE = -1
"""The number of a game that no lane has played."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """Positions and what the search made of them; any leading axes before the shapes given.

    Attributes:
      state: the state of the environment; what the network sees is computed from it again.
      action: ``int16`` or ``int32`` the action that was played.
      slot_actions: ``int16[slots]`` or ``int32[slots]`` legal actions, -1 where empty.
      slot_weights: ``float16[slots]`` improved policy over the slots, sums to 1 but for rounding.
      surprise: ``float16`` divergence of that policy from the network's, in nats, 0 or more.
    """

    state: GameState
    action: jax.Array
    slot_actions: jax.Array
    slot_weights: jax.Array
    surprise: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Replay:
    """The ring; B = blocks, L = lanes, n = number of players.

    Attributes:
      rows: :class:`Rows` with leading axes ``[B, L]``.
      status: ``int8[B, L]`` of :class:`Status`.
      game: ``int32[B, L]`` number of the row's game within its lane.
      outcome: ``float32[B, L, n]`` rewards of the row's game by player; zeros until it is complete.
      last_turn: ``int32[B, L]`` the turn in which the row's game ended; 0 until then.
      ended: ``int32[B, L]`` iteration in which the row's game ended; 0 until then.
      iteration, version: ``int32[B]`` iteration in which the block was written, and version of the champion then.
      cursor: ``int32`` block that is written next.
      approved: ``int32`` last iteration whose games may be learned from.
      lost: ``int32`` rows overwritten while pending, since the beginning.
    """

    rows: Rows
    status: jax.Array
    game: jax.Array
    outcome: jax.Array
    last_turn: jax.Array
    ended: jax.Array
    iteration: jax.Array
    version: jax.Array
    cursor: jax.Array
    approved: jax.Array
    lost: jax.Array

    @property
    def trainable(self) -> jax.Array:
        """``bool[B, L]``: rows that may be learned from."""
        return (self.status == Status.COMPLETE) & (self.ended <= self.approved)


class Sample(NamedTuple):
    """Rows of finished games, and how these ended; leading axis ``[N]``.

    Attributes:
      rows: positions and what the search made of them.
      outcome: ``float32[N, n]`` rewards by player.
      last_turn: ``int32[N]`` the turn in which the game ended.
    """

    rows: Rows
    outcome: jax.Array
    last_turn: jax.Array


LAYOUT = Replay(
    rows=BY_LANE,
    status=BY_LANE,
    game=BY_LANE,
    outcome=BY_LANE,
    last_turn=BY_LANE,
    ended=BY_LANE,
    iteration=EVERYWHERE,
    version=EVERYWHERE,
    cursor=EVERYWHERE,
    approved=EVERYWHERE,
    lost=EVERYWHERE,
)
"""Every device holds the rows of its lanes."""


def make_rows(
    state: GameState,
    action: jax.Array,
    slot_actions: jax.Array,
    slot_weights: jax.Array,
    surprise: jax.Array,
    num_actions: int,
) -> Rows:
    """Packs search results into the narrow types of :class:`Rows`."""
    narrow = jnp.int16 if num_actions <= jnp.iinfo(jnp.int16).max else jnp.int32
    return Rows(
        state=state,
        action=action.astype(narrow),
        slot_actions=slot_actions.astype(narrow),
        slot_weights=slot_weights.astype(jnp.float16),
        surprise=surprise.astype(jnp.float16),
    )


def empty(row: Rows, blocks: int, lanes: int, num_players: int) -> Replay:
    """A ring without rows. ``row``: one row without leading axes, or its ``jax.ShapeDtypeStruct``."""
    return Replay(
        rows=jax.tree.map(lambda leaf: jnp.zeros((blocks, lanes, *leaf.shape), leaf.dtype), row),
        status=jnp.full((blocks, lanes), Status.EMPTY, jnp.int8),
        game=jnp.zeros((blocks, lanes), jnp.int32),
        outcome=jnp.zeros((blocks, lanes, num_players), jnp.float32),
        last_turn=jnp.zeros((blocks, lanes), jnp.int32),
        ended=jnp.zeros((blocks, lanes), jnp.int32),
        iteration=jnp.zeros(blocks, jnp.int32),
        version=jnp.zeros(blocks, jnp.int32),
        cursor=jnp.int32(0),
        approved=jnp.int32(0),
        lost=jnp.int32(0),
    )


def append(
    replay: Replay,
    rows: Rows,
    game: jax.Array,
    iteration: jax.Array | int,
    version: jax.Array | int,
) -> Replay:
    """Writes one row per lane over the oldest block.

    Args:
      replay: the ring.
      rows: :class:`Rows` with leading axis ``[L]``.
      game: ``int32[L]`` number of the game each lane plays.
      iteration, version: ``int32``, of the block.
    """
    at = replay.cursor

    def put(ring, block):
        return ring.at[at].set(jnp.asarray(block).astype(ring.dtype))

    lost = jnp.sum(replay.status[at] == Status.PENDING, dtype=jnp.int32)
    return replace(
        replay,
        rows=jax.tree.map(put, replay.rows, rows),
        status=put(replay.status, jnp.full_like(replay.status[0], Status.PENDING)),
        game=put(replay.game, game),
        outcome=put(replay.outcome, jnp.zeros_like(replay.outcome[0])),
        last_turn=put(replay.last_turn, jnp.zeros_like(replay.last_turn[0])),
        ended=put(replay.ended, jnp.zeros_like(replay.ended[0])),
        iteration=put(replay.iteration, iteration),
        version=put(replay.version, version),
        cursor=(at + 1) % replay.status.shape[0],
        lost=replay.lost + lost,
    )


def complete(
    replay: Replay, game: jax.Array, ended: jax.Array, rewards: jax.Array, turn: jax.Array, iteration: jax.Array | int
) -> Replay:
    """Gives every pending row of the games that have just ended its outcome.

    Args:
      replay: the ring.
      game: ``int32[L]`` number of the game each lane plays.
      ended: ``bool[L]``, whether that game has just ended.
      rewards: ``float32[L, n]`` its rewards by player.
      turn: ``int32[L]`` the turn in which it did.
      iteration: ``int32``, now.
    """
    done = ended & (replay.game == game) & (replay.status == Status.PENDING)
    return replace(
        replay,
        status=jnp.where(done, jnp.int8(Status.COMPLETE), replay.status),
        outcome=jnp.where(done[..., None], rewards, replay.outcome),
        last_turn=jnp.where(done, turn, replay.last_turn),
        ended=jnp.where(done, iteration, replay.ended),
    )


def insert(replay: Replay, sample: Sample, number: jax.Array | int) -> Replay:
    """Writes rows of finished games from elsewhere over the oldest block; they may be learned from at once.

    Args:
      replay: the ring.
      sample: the rows, leading axis ``[L]``.
      number: ``int32``, how many of them there are; the rest of the block stays empty.
    """
    at, lanes = replay.cursor, replay.status.shape[1]
    filled = jnp.where(jnp.arange(lanes) < number, Status.COMPLETE, Status.EMPTY)
    replay = append(replay, sample.rows, jnp.full(lanes, ELSEWHERE), replay.approved, 0)
    return replace(
        replay,
        status=replay.status.at[at].set(filled.astype(replay.status.dtype)),
        outcome=replay.outcome.at[at].set(sample.outcome),
        last_turn=replay.last_turn.at[at].set(sample.last_turn),
        ended=replay.ended.at[at].set(replay.approved),
    )


def drop(replay: Replay, iteration: jax.Array | int, rejected: jax.Array | bool) -> Replay:
    """Without the rows of the games that ended in an iteration, if ``rejected``."""
    rows = _ended_in(replay, iteration) & rejected
    return replace(replay, status=jnp.where(rows, jnp.int8(Status.EMPTY), replay.status))


def approve(replay: Replay, iteration: jax.Array | int) -> tuple[Replay, jax.Array]:
    """Releases the games that ended in an iteration, in the order of iterations; also returns ``int32`` their rows."""
    released = jnp.sum(_ended_in(replay, iteration), dtype=jnp.int32)
    return replace(replay, approved=jnp.asarray(iteration, jnp.int32)), released


def _ended_in(replay: Replay, iteration: jax.Array | int) -> jax.Array:
    return (replay.status == Status.COMPLETE) & (replay.ended == iteration)


class Tickets(NamedTuple):
    """How likely rows are drawn: in proportion to their tickets, of which those that may not be learned from have none.

    Attributes:
      upto: ``int32[B, L]`` tickets of the rows of a block up to each, of this device's lanes.
      parts: ``int32[B * devices]`` tickets of all rows up to the last one of a device in a block, in this order.
      rows: ``int32`` rows that have tickets, of all devices.
    """

    upto: jax.Array
    parts: jax.Array
    rows: jax.Array


def give_tickets(replay: Replay, surprise: float = 0.0, peers: Collectives = ALONE) -> Tickets:
    """Policy surprise weighting (KataGo): rows at which the search changed the policy much are drawn more often.

    Args:
      replay: the ring.
      surprise: share of the draws in which a row is as likely as its surprise is large, in [0, 1]; in the others all
        rows are equally likely.
      peers: the devices that hold the ring.

    Tickets are integers, so that their sums are exact, and add up to about 2**30 at the most.
    """
    trainable = replay.trainable
    numbers = trainable.astype(jnp.int32)
    found = jnp.where(trainable, replay.rows.surprise.astype(jnp.float32), 0)
    rows, total = peers.total((jnp.sum(numbers), jnp.sum(found)))
    if surprise:
        relative = jnp.where(total > 0, found * (rows / jnp.where(total > 0, total, 1)), 1)
        unit = max(2**30 // (trainable.size * peers.size), 1)
        numbers = jnp.where(trainable, jnp.round(unit * (1 - surprise + surprise * relative)), 0).astype(jnp.int32)
    upto = jnp.cumsum(numbers, axis=1, dtype=jnp.int32)
    return Tickets(upto, jnp.cumsum(peers.gather(upto[:, -1]).T, dtype=jnp.int32), rows)


def sample(replay: Replay, tickets: Tickets, key: jax.Array, number: int, peers: Collectives = ALONE) -> Sample:
    """Rows drawn with replacement, leading axis ``[number]``. Of several devices each gets its share of them.

    Args:
      replay: the ring.
      tickets: of :func:`give_tickets`.
      key: typed key, consumed.
      number: of rows on all devices.
      peers: the devices that hold the ring.

    There must be at least one trainable row; otherwise the rows are meaningless.
    """
    ticket = jax.random.randint(key, (number,), 0, jnp.maximum(tickets.parts[-1], 1))
    part = jnp.searchsorted(tickets.parts, ticket, side="right")
    ticket -= jnp.where(part > 0, tickets.parts[part - 1], 0)
    block, device = jnp.divmod(part, peers.size)
    lane = jnp.sum(tickets.upto[block] <= ticket[:, None], axis=1, dtype=jnp.int32)
    held = Sample(replay.rows, replay.outcome, replay.last_turn)
    return peers.pick(jax.tree.map(lambda leaf: leaf[block, lane], held), device == peers.rank)
