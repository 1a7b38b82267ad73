"""A state with what more than one chapter asks of its board, computed once."""

from typing import NamedTuple

import jax

from ..boards import Board
from .arrays import rays, stacks
from .arrays.grid import at, pick
from .arrays.lanes import materialize
from .state import State


class Position(NamedTuple):
    """A state and the sights of its mover. S = board size, D = number of directions, N = lanes.

    Attributes:
      state: the state.
      hand: ``int32[N]`` rings in the mover's hand.
      word: its stacks.
      seen: what each cell sees along each direction.
      controlled: ``bool[S, S, N]`` stacks that the mover controls.
      buried: ``bool[S, S, N]`` stacks with a ring of the mover below the top.
      own: ``bool[S, S, N]`` markers of the mover.
      own_runs: ``int8[D, S, S, N]`` how many of them follow each cell without a gap.
    """

    state: State
    hand: jax.Array
    word: stacks.Word
    seen: rays.Survey
    controlled: jax.Array
    buried: jax.Array
    own: jax.Array
    own_runs: jax.Array


def look(board: Board, state: State) -> Position:
    """Computes the position of lanes of states."""
    seat = state.current_seat
    word = stacks.unpack(state.stacks)
    seen = rays.survey(board, word, state.ground)
    own = state.ground == (seat + 1).astype(state.ground.dtype)
    own_runs = rays.runs(board, own)
    buried = stacks.has_buried(word, seat)
    own, own_runs, buried = materialize((own, own_runs, buried))
    return Position(
        state=state,
        hand=pick(state.hand, seat),
        word=word,
        seen=seen,
        controlled=seen.top == seat.astype(seen.top.dtype),
        buried=buried,
        own=own,
        own_runs=own_runs,
    )


def stack_at(pos: Position, cell: jax.Array) -> stacks.Word:
    """What stands on cell int32[N], ``[N]``."""
    return tuple(at(w, cell) for w in pos.word)
