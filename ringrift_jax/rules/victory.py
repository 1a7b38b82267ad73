"""How games end: the check at the end of a turn and round tracking (rulebook sections 11 and 12)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .arrays.grid import pick
from .state import Mark, Reason


class Seats(NamedTuple):
    """What each seat has and could do on a board; bool[n, N] each.

    Attributes:
      controls: a stack.
      on_board: a ring in any stack.
      places: some legal placement of 1 to 3 rings.
      places_one: some legal placement of one ring.
      moves: a controlled stack with a move or a capture.
      lines: a line of its markers.
      recovers: it is eligible for recovery.
    """

    controls: jax.Array
    on_board: jax.Array
    places: jax.Array
    places_one: jax.Array
    moves: jax.Array
    lines: jax.Array
    recovers: jax.Array

    @property
    def acts(self) -> jax.Array:
        """bool[n, N]: a real action in the sense of rulebook section 12."""
        return self.places_one | self.moves


class Rounds(NamedTuple):
    """Round tracking as in the state: opener int32[N], marks int8[n, N], streak seat and length int32[N]."""

    first: jax.Array
    marks: jax.Array
    streak_seat: jax.Array
    streak_length: jax.Array


def _lowest(seats: jax.Array) -> jax.Array:
    """int32[N]: lowest True seat of bool[n, N], -1 for none."""
    result = jnp.full(seats.shape[1:], -1, jnp.int32)
    for seat in reversed(range(seats.shape[0])):
        result = jnp.where(seats[seat], seat, result)
    return result


def _count(seats: jax.Array) -> jax.Array:
    return jnp.sum(seats, axis=0, dtype=jnp.int32)


def check(board: Board, seats: Seats, hand, eliminated, territory, markers, mover) -> tuple[jax.Array, jax.Array]:
    """The victory check at the end of the turn of ``mover`` int32[N]. Counts are int32[n, N].

    Returns:
      int32[N] winner seat (-1: not over) and int32[N] reason.
    """
    by_rings = _lowest(eliminated >= board.ring_threshold)
    more_than_others = 2 * territory > _count(territory)
    by_territory = _lowest((territory >= board.territory_minimum) & more_than_others)

    alive = seats.on_board | (hand > 0)
    last = jnp.where((_count(seats.controls) == 1) & (_count(alive) == 1), _lowest(seats.controls), -1)

    stuck = ~jnp.any(seats.on_board, axis=0) & ~jnp.any(seats.places_one, axis=0)
    stalemate_winner, stalemate_reason = _stalemate(territory, eliminated + hand, markers, mover)

    winner = jnp.where(stuck, stalemate_winner, -1)
    reason = jnp.where(stuck, stalemate_reason, Reason.NONE)
    for seat, why in (
        (last, Reason.LAST_PLAYER_STANDING),
        (by_territory, Reason.TERRITORY_CONTROL),
        (by_rings, Reason.RING_ELIMINATION),
    ):
        winner, reason = jnp.where(seat >= 0, seat, winner), jnp.where(seat >= 0, why, reason)
    return winner, reason


def _stalemate(territory, eliminated, markers, mover) -> tuple[jax.Array, jax.Array]:
    """The ladder of rulebook section 11.4: the first rung with a single best seat decides."""
    tied = jnp.ones(territory.shape, bool)
    reason = jnp.full_like(mover, Reason.STALEMATE_SEAT_ORDER)
    decided = jnp.zeros(mover.shape, bool)
    was_mover = jnp.arange(territory.shape[0])[:, None] == mover
    rungs = (
        (territory, Reason.STALEMATE_TERRITORY),
        (eliminated, Reason.STALEMATE_ELIMINATION),
        (markers, Reason.STALEMATE_LAST_PLAYER),
        (was_mover.astype(jnp.int32), Reason.STALEMATE_LAST_PLAYER),
    )
    for score, why in rungs:
        tied = tied & (score == jnp.max(jnp.where(tied, score, -1), axis=0))
        single = _count(tied) == 1
        reason = jnp.where(single & ~decided, why, reason)
        decided |= single
    return _lowest(tied), reason


def begin_turn(rounds: Rounds, seat, alive: jax.Array, acts: jax.Array) -> tuple[Rounds, jax.Array]:
    """Round tracking when a seat's turn starts (rulebook section 12).

    Args:
      seat: int32[N], whose turn starts.
      alive: bool[n, N], seats with any ring anywhere; acts: bool[n, N], seats with a real action.

    Returns:
      The new rounds, and bool[N]: the seat wins by ``lps_rounds``.
    """
    first, marks, streak_seat, length = rounds
    mine = jnp.arange(alive.shape[0])[:, None] == seat

    restart = ~pick(alive, first)
    streak_ends = restart & ~pick(alive, streak_seat)
    complete = ~restart & (seat == first) & jnp.any(marks != Mark.UNRECORDED, axis=0)
    exclusive = alive & (marks == Mark.ACTIVE)
    only = jnp.where(_count(exclusive) == 1, _lowest(exclusive), -1)

    length_after_round = jnp.where(only < 0, 0, jnp.where(only == streak_seat, length + 1, 1))
    length = jnp.where(streak_ends, 0, jnp.where(complete, length_after_round, length))
    streak_seat = jnp.where(streak_ends, -1, jnp.where(complete, only, streak_seat))
    first = jnp.where(restart, seat, first)
    marks = jnp.where(restart | complete, jnp.int8(Mark.UNRECORDED), marks)
    marks = jnp.where(mine, jnp.where(acts, jnp.int8(Mark.ACTIVE), jnp.int8(Mark.BLOCKED)), marks)
    others_act = jnp.any(alive & acts & ~mine, axis=0)
    wins = (length >= 3) & (streak_seat == seat) & pick(acts, seat) & ~others_act
    return Rounds(first, marks, streak_seat, length), wins
