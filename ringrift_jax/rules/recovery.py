"""Recovery (RULES section 6): slides of a marker by a seat that controls nothing, and what they cost.

A recovery is two actions. The slide only remembers where it goes; the payment or the window applies everything.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board
from .grid import along, at, neighbour, shift
from .rays import Survey, runs
from .state import State


class PendingSlide(NamedTuple):
    """The slide that waits for its payment; scalars, meaningless when none is pending.

    Attributes:
      origin, destination: int32 cell indices.
      strike: bool, the destination holds a stack (``S``).
      line: bool, a line forms through the destination (``1``, or ``2`` when it is overlength).
      overlength: bool, the line is longer than needed, so a window may be chosen.
      axis: int32, the axis of the longest line through the destination (patch P2).
      before, after: int32, markers of that line before and after the destination in the direction of the axis.
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
    """bool[D, S, S]: legal slides of an eligible seat, by origin and direction.

    Args:
      ground: int8[S, S]; own: bool[S, S], the seat's markers; own_runs: ``rays.runs`` of them.
    """
    axes = len(board.axes)
    open_ = board.mask & (ground == 0)
    through = own_runs[:axes] + own_runs[axes:] + 1
    line_slides, all_slides = [], []
    for direction, offset in enumerate(board.directions):
        # The moved marker leaves its origin, so along its own axis only the markers ahead count.
        longest = own_runs[direction] + 1
        for axis in range(axes):
            if axis != direction % axes:
                longest = jnp.maximum(longest, through[axis])
        makes_line = open_ & ~seen.is_stack & (longest >= board.line_length)
        line_slides.append(own & shift(makes_line, offset, False))
        all_slides.append(own & shift(open_, offset, False))
    lines = jnp.stack(line_slides)
    return jnp.where(jnp.any(lines), lines, jnp.stack(all_slides))


def pending(board: Board, state: State, seen: Survey, own_runs: jax.Array) -> PendingSlide:
    """Describes the pending slide of a state."""
    axes = len(board.axes)
    destination = neighbour(board, state.focus, state.slide, 1)
    around = at(own_runs, destination).astype(jnp.int32)
    back = (state.slide + axes) % (2 * axes)
    around = jnp.where(lax.iota(jnp.int32, 2 * axes) == back, 0, around)
    lengths = around[:axes] + around[axes:] + 1
    axis = jnp.argmax(lengths).astype(jnp.int32)
    length = jnp.max(lengths)
    strike = at(seen.top, destination) >= 0
    line = ~strike & (length >= board.line_length)
    return PendingSlide(
        origin=state.focus,
        destination=destination,
        strike=strike,
        line=line,
        overlength=line & (length > board.line_length),
        axis=axis,
        before=lax.dynamic_index_in_dim(around, axis + axes, keepdims=False),
        after=lax.dynamic_index_in_dim(around, axis, keepdims=False),
    )


def windows(board: Board, slide: PendingSlide) -> jax.Array:
    """bool[axes, S, S]: first cells of the windows that hold the destination (option 2)."""
    length = board.line_length
    steps, on_line = along(board, slide.destination, slide.axis)
    inside = (steps >= -slide.before) & (steps + length - 1 <= slide.after)
    holds = (steps <= 0) & (steps + length - 1 >= 0)
    first = slide.overlength & on_line & inside & holds
    return first & (lax.iota(jnp.int32, len(board.axes)) == slide.axis)[:, None, None]


def slide_info(board: Board, state: State) -> PendingSlide:
    """:func:`pending` from a state alone, for the notation."""
    from . import rays, stacks

    seen = rays.survey(board, stacks.unpack(state.stacks), state.ground)
    own_runs = runs(board, state.ground == state.current_seat + 1)
    return pending(board, state, seen, own_runs)
