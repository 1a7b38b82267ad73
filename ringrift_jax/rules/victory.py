"""How games end: the check at the end of a turn (RULES section 11) and round tracking (section 12)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .state import Mark, Reason


class Seats(NamedTuple):
    """What each seat has and could do on a board; bool[n] each.

    Attributes:
      controls: a stack.
      on_board: a ring in any stack.
      buried: a ring below the top of a stack.
      places: some legal placement of 1 to 3 rings.
      places_one: some legal placement of one ring.
      moves: a controlled stack with a move or a capture.
      lines: a line of its markers.
      recovers: it is eligible for recovery.
    """

    controls: jax.Array
    on_board: jax.Array
    buried: jax.Array
    places: jax.Array
    places_one: jax.Array
    moves: jax.Array
    lines: jax.Array
    recovers: jax.Array

    @property
    def acts(self) -> jax.Array:
        """bool[n]: a real action in the sense of RULES section 12."""
        return self.places_one | self.moves


class Rounds(NamedTuple):
    """Round tracking, as in the state: opener, marks int8[n], streak seat and length."""

    first: jax.Array
    marks: jax.Array
    streak_seat: jax.Array
    streak_length: jax.Array


def _lowest(seats: jax.Array) -> jax.Array:
    """int32: lowest True seat, -1 for none."""
    return jnp.where(jnp.any(seats), jnp.argmax(seats), -1).astype(jnp.int32)


def check(board: Board, seats: Seats, hand, eliminated, territory, markers, mover) -> tuple[jax.Array, jax.Array]:
    """The victory check at the end of ``mover``'s turn. Counts are int32[n].

    Returns:
      int32 winner seat (-1: not over) and int32 reason.
    """
    by_rings = _lowest(eliminated >= board.ring_threshold)
    more_than_others = 2 * territory > jnp.sum(territory)
    by_territory = _lowest((territory >= board.territory_minimum) & more_than_others)

    alive = seats.on_board | (hand > 0)
    last = jnp.where((jnp.sum(seats.controls) == 1) & (jnp.sum(alive) == 1), _lowest(seats.controls), -1)

    stuck = ~jnp.any(seats.on_board) & ~jnp.any(seats.places_one)
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
    """The ladder of RULES section 11.4: the first rung with a single best seat decides."""
    tied = jnp.ones(territory.shape, bool)
    decided = jnp.asarray(False)
    reason = jnp.int32(Reason.STALEMATE_SEAT_ORDER)
    rungs = (
        (territory, Reason.STALEMATE_TERRITORY),
        (eliminated, Reason.STALEMATE_ELIMINATION),
        (markers, Reason.STALEMATE_LAST_PLAYER),
        ((jnp.arange(territory.shape[0]) == mover).astype(jnp.int32), Reason.STALEMATE_LAST_PLAYER),
    )
    for score, why in rungs:
        tied = tied & (score == jnp.max(jnp.where(tied, score, -1)))
        single = jnp.sum(tied) == 1
        reason = jnp.where(single & ~decided, why, reason)
        decided |= single
    return _lowest(tied), reason


def begin_turn(rounds: Rounds, seat, alive: jax.Array, acts: jax.Array) -> tuple[Rounds, jax.Array]:
    """Round tracking when a seat's turn starts (RULES section 12).

    Args:
      seat: int32, whose turn starts.
      alive: bool[n], seats with any ring anywhere; acts: bool[n], seats with a real action.

    Returns:
      The new rounds, and bool: the seat wins by ``lps_rounds``.
    """
    first, marks, streak_seat, length = rounds
    everyone = jnp.arange(alive.shape[0])

    def is_alive(s):
        return jnp.any(alive & (everyone == s))

    restart = ~is_alive(first)
    keep_streak = is_alive(streak_seat)
    complete = ~restart & (seat == first) & jnp.any(marks != Mark.UNRECORDED)
    exclusive = alive & (marks == Mark.ACTIVE)
    only = jnp.where(jnp.sum(exclusive) == 1, _lowest(exclusive), -1)

    length_after_round = jnp.where(only < 0, 0, jnp.where(only == streak_seat, length + 1, 1))
    length = jnp.where(restart, jnp.where(keep_streak, length, 0), jnp.where(complete, length_after_round, length))
    streak_seat = jnp.where(
        restart, jnp.where(keep_streak, streak_seat, -1), jnp.where(complete, only, streak_seat)
    )
    first = jnp.where(restart, seat, first)
    marks = jnp.where(restart | complete, Mark.UNRECORDED, marks)
    mine = everyone == seat
    marks = jnp.where(mine, jnp.where(acts, Mark.ACTIVE, Mark.BLOCKED), marks).astype(jnp.int8)
    others_act = jnp.any(alive & acts & ~mine)
    wins = (length >= 3) & (streak_seat == seat) & jnp.any(acts & mine) & ~others_act
    return Rounds(first, marks, streak_seat, length), wins
