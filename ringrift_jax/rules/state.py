"""The state of a game as a pytree of small arrays, and what is derived from it."""

import dataclasses
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp

from ..boards import Board
from .arrays import stacks


class Phase(IntEnum):
    """Phases in the order of a turn (records section 2)."""

    PLACE = 0
    MOVE = 1
    CAPTURE = 2
    CHAIN = 3
    LINE = 4
    TERRITORY = 5
    FORCED_ELIMINATION = 6
    OVER = 7


class Reason(IntEnum):
    """Why a game ended (records section 5.3)."""

    NONE = 0
    RING_ELIMINATION = 1
    TERRITORY_CONTROL = 2
    LAST_PLAYER_STANDING = 3
    LPS_ROUNDS = 4
    STALEMATE_TERRITORY = 5
    STALEMATE_ELIMINATION = 6
    STALEMATE_LAST_PLAYER = 7
    STALEMATE_SEAT_ORDER = 8
    TRUNCATED = 9


class Mark(IntEnum):
    """What round tracking recorded for a seat in the current round (rulebook section 12)."""

    UNRECORDED = 0
    BLOCKED = 1
    ACTIVE = 2


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """One position; n = number of players, S = board size. Any leading batch axes may come before the shapes given.

    Attributes:
      stacks: ``uint32[words, S, S]``, packed rings; see ``rules/arrays/stacks.py``.
      ground: ``int8[S, S]``, 0 nothing, s + 1 a marker of seat s, -(s + 1) a cell collapsed by seat s.
      hand: ``int32[n]`` rings in hand by seat.
      eliminated: ``int32[n]`` eliminated rings credited to each seat.
      lost_turn: ``int32[n]`` turn in which a seat lost its last ring anywhere, 0 while it has one.
      marks: ``int8[n]`` of :class:`Mark` for the current round.
      current_seat: ``int32`` seat to decide, 0 to n - 1.
      phase: ``int32`` of :class:`Phase`.
      focus: ``int32`` cell index, or -1. In ``MOVE`` the stack placed this turn, in ``CAPTURE`` and ``CHAIN`` the
        capturing stack, while a slide is pending its origin.
      slide: ``int32`` direction of the pending recovery slide, or -1.
      owed: ``bool``, one elimination is owed (``EL`` in ``LINE``, ``ET`` or ``ER`` in ``TERRITORY``).
      acted: ``bool``, the seat changed the board this turn (flag ``act``).
      recovered: ``bool``, this turn contains a recovery slide (flag ``rec``).
      swapped: ``bool``, players 0 and 1 have exchanged seats.
      round_first, streak_seat: ``int32`` seats of round tracking (rulebook section 12: first and X), -1 for none.
      streak_length: ``int32``, K of rulebook section 12.
      turn: ``int32``, turns begun, 1 from the start.
      steps: ``int32``, decisions made.
      illegal: ``bool``, the last action was illegal and changed nothing else.
      just_ended: ``bool``, the last step ended the game; rewards are paid in this state only.
      winner: ``int32`` seat, -1 while running or when truncated.
      reason: ``int32`` of :class:`Reason`.
      board: static; so that a state can be shown by itself.
    """

    stacks: jax.Array
    ground: jax.Array
    hand: jax.Array
    eliminated: jax.Array
    lost_turn: jax.Array
    marks: jax.Array
    current_seat: jax.Array
    phase: jax.Array
    focus: jax.Array
    slide: jax.Array
    owed: jax.Array
    acted: jax.Array
    recovered: jax.Array
    swapped: jax.Array
    round_first: jax.Array
    streak_seat: jax.Array
    streak_length: jax.Array
    turn: jax.Array
    steps: jax.Array
    illegal: jax.Array
    just_ended: jax.Array
    winner: jax.Array
    reason: jax.Array
    board: Board = dataclasses.field(metadata={"static": True})

    _repr_html_: ClassVar[Callable[..., str]]
    """The picture that a notebook shows. The package sets it, since pictures know the rules and not the other way."""

    def replace(self, **changes) -> "State":
        return dataclasses.replace(self, **changes)

    @property
    def num_players(self) -> int:
        return self.hand.shape[-1]

    @property
    def seat_of_player(self) -> jax.Array:
        """``int32[n]``: the seat each player sits in. An involution, so it also gives the player of each seat."""
        seats = jnp.arange(self.num_players, dtype=jnp.int32)
        exchanged = jnp.where(seats < 2, 1 - seats, seats)
        return jnp.where(self.swapped[..., None], exchanged, seats)

    @property
    def current_player(self) -> jax.Array:
        """``int32``: the player who decides now."""
        exchange = self.swapped & (self.current_seat < 2)
        return jnp.where(exchange, 1 - self.current_seat, self.current_seat)

    @property
    def is_over(self) -> jax.Array:
        return self.phase == Phase.OVER

    @property
    def truncated(self) -> jax.Array:
        """``bool``: stopped by ``max_steps``."""
        return self.reason == Reason.TRUNCATED

    @property
    def terminated(self) -> jax.Array:
        """``bool``: ended by the rules."""
        return self.is_over & ~self.truncated

    @property
    def territory(self) -> jax.Array:
        """``int32[n]``: collapsed cells each seat owns."""
        return self._count_ground(-1)

    @property
    def markers(self) -> jax.Array:
        """``int32[n]``: markers of each seat on the board."""
        return self._count_ground(1)

    def _count_ground(self, sign: int) -> jax.Array:
        counts = [(self.ground == sign * (s + 1)).sum((-2, -1), dtype=jnp.int32) for s in range(self.num_players)]
        return jnp.stack(counts, axis=-1)

    @property
    def rewards(self) -> jax.Array:
        """``float32[n]`` by player: +1 and -1/(n-1) in the state that has just ended, else 0."""
        n = self.num_players
        won = self.seat_of_player == self.winner[..., None]
        paid = (self.just_ended & (self.winner >= 0))[..., None]
        return jnp.where(paid, jnp.where(won, 1.0, -1.0 / (n - 1)), 0.0).astype(jnp.float32)

    @property
    def ranks(self) -> jax.Array:
        """``int32[n]`` by seat (rulebook section 13): the winner 1, ties share a rank; all 1 when truncated."""
        n = self.num_players
        stalemate = (self.reason >= Reason.STALEMATE_TERRITORY) & (self.reason <= Reason.STALEMATE_SEAT_ORDER)
        eliminated = self.eliminated + jnp.where(stalemate[..., None], self.hand, 0)
        lost = jnp.where(self.lost_turn == 0, jnp.iinfo(jnp.int32).max, self.lost_turn)
        won = (jnp.arange(n) == self.winner[..., None]).astype(jnp.int32)
        rank = jnp.ones_like(self.hand)
        ahead = jnp.zeros((*self.hand.shape, n), bool)
        for key in (lost, self.markers, eliminated, self.territory, won):
            mine, other = key[..., :, None], key[..., None, :]
            ahead = (other > mine) | ((other == mine) & ahead)
        return jnp.where(self.truncated[..., None], rank, rank + ahead.sum(-1, dtype=jnp.int32))


def initial_state(board: Board) -> State:
    """The start of every game: all rings in hand, seat 0 to place (rulebook section 1)."""
    n = board.num_players
    number, flag = partial(jnp.asarray, dtype=jnp.int32), jnp.asarray
    return State(
        stacks=stacks.empty(board),
        ground=jnp.zeros((board.size, board.size), jnp.int8),
        hand=jnp.full(n, board.rings_per_player, jnp.int32),
        eliminated=jnp.zeros(n, jnp.int32),
        lost_turn=jnp.zeros(n, jnp.int32),
        marks=jnp.full(n, Mark.UNRECORDED, jnp.int8),
        current_seat=number(0),
        phase=number(Phase.PLACE),
        focus=number(-1),
        slide=number(-1),
        owed=flag(False),
        acted=flag(False),
        recovered=flag(False),
        swapped=flag(False),
        round_first=number(-1),
        streak_seat=number(-1),
        streak_length=number(0),
        turn=number(1),
        steps=number(0),
        illegal=flag(False),
        just_ended=flag(False),
        winner=number(-1),
        reason=number(Reason.NONE),
        board=board,
    )
