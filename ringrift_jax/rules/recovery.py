"""Recovery (RULES section 6): slides of a marker by a seat that controls nothing, and what they cost.

A recovery is two actions. The slide only remembers where it goes; the payment or the window applies everything.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .arrays import rays, stacks
from .arrays.grid import along, at, cells_of, neighbour, pick, shift
from .arrays.lanes import materialize, unbatched
from .arrays.rays import Survey
from .state import State


class PendingSlide(NamedTuple):
    """The slide that waits for its payment; ``[N]`` each, meaningless where none is pending.

    Attributes:
      origin, destination: int32 cell indices.
      strike: bool, the destination holds a stack (``S``).
      line: bool, a line forms through the destination (``1``, or ``2`` when it is overlength).
      overlength: bool, the line is longer than needed, so a window may be chosen.
      axis: int32, the axis of the longest line through the destination (patch P2).
      before, after: int8, markers of that line before and after the destination in the direction of the axis.
    """

    origin: jax.Array
    destination: jax.Array
    strike: jax.Array
    line: jax.Array
    overlength: jax.Array
    axis: jax.Array
    before: jax.Array
    after: jax.Array


def slides(board: Board, seen: Survey, ground: jax.Array, own: jax.Array, own_runs: jax.Array) -> jax.Array:
    """bool[D, S, S, N]: legal slides of an eligible seat, by origin and direction.

    Args:
      ground: int8[S, S, N]; own: bool[S, S, N], the seat's markers; own_runs: ``rays.runs`` of them.
    """
    axes = len(board.axes)
    open_ = cells_of(board) & (ground == 0)
    vacant = open_ & ~seen.is_stack
    through = own_runs[:axes] + own_runs[axes:] + 1 >= board.line_length
    ahead = own_runs + 1 >= board.line_length
    vacant, through, ahead = materialize((vacant, through, ahead))
    line_ends = []
    for direction in range(2 * axes):
        # The moved marker leaves its origin, so along its own axis only the markers ahead count.
        makes_line = ahead[direction]
        for axis in range(axes):
            if axis != direction % axes:
                makes_line |= through[axis]
        line_ends.append(vacant & makes_line)
    line_ends = materialize(line_ends)
    lines = materialize([own & shift(end, o, False) for end, o in zip(line_ends, board.directions, strict=True)])
    any_line = jnp.any(jnp.stack([jnp.any(line, axis=(0, 1)) for line in lines]), axis=0)
    everywhere = [own & shift(open_, offset, False) for offset in board.directions]
    return jnp.stack([jnp.where(any_line, line, slide) for line, slide in zip(lines, everywhere, strict=True)])


def pending(board: Board, state: State, seen: Survey, own_runs: jax.Array) -> PendingSlide:
    """Describes the pending slide of a state."""
    axes = len(board.axes)
    destination = neighbour(board, state.focus, state.slide, 1)
    back = (state.slide + axes) % (2 * axes)
    around = jnp.where(jnp.arange(2 * axes)[:, None] == back, 0, at(own_runs, destination))
    lengths = around[:axes] + around[axes:] + 1
    length = jnp.max(lengths, axis=0)
    axis = jnp.argmax(lengths, axis=0).astype(jnp.int32)
    strike = at(seen.top, destination) >= 0
    line = ~strike & (length >= board.line_length)
    return PendingSlide(
        origin=state.focus,
        destination=destination,
        strike=strike,
        line=line,
        overlength=line & (length > board.line_length),
        axis=axis,
        before=pick(around, axis + axes),
        after=pick(around, axis),
    )


def windows(board: Board, slide: PendingSlide) -> jax.Array:
    """bool[axes, S, S, N]: first cells of the windows that hold the destination (option 2)."""
    length = board.line_length
    steps, on_line = along(board, slide.destination, slide.axis)
    inside = (steps >= -slide.before) & (steps + length - 1 <= slide.after)
    holds = (steps <= 0) & (steps + length - 1 >= 0)
    first = slide.overlength & on_line & inside & holds
    return first & (jnp.arange(len(board.axes))[:, None] == slide.axis)[:, None, None]


def slide_info(board: Board, state: State) -> PendingSlide:
    """:func:`pending` of one unbatched state; its fields are then scalars."""

    def on_lanes(lane_state):
        seen = rays.survey(board, stacks.unpack(lane_state.stacks), lane_state.ground)
        own_runs = rays.runs(board, lane_state.ground == lane_state.current_seat + 1)
        return pending(board, lane_state, seen, own_runs)

    return unbatched(on_lanes)(state)
