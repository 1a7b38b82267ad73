"""Recovery (rulebook section 6): slides of a marker by a seat that controls nothing, and what they cost.

A recovery is two actions. The slide only remembers where it goes; the payment or the window applies everything.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board
from .actions import Action, Kind
from .arrays.grid import Segment, at, cells_of, neighbour, on_segment, pick, shift
from .arrays.lanes import materialize, unbatched
from .effect import Effect
from .position import Position, look
from .state import Phase, State


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


def eligible(controls: jax.Array, markers: jax.Array, buried: jax.Array) -> jax.Array:
    """bool: whether a seat may recover that ``controls`` a stack, owns ``markers``, has a ring ``buried``; any shape.

    By rulebook section 6. Twin: reference/recovery.py::eligible.
    """
    return ~controls & markers & buried


def slides(board: Board, pos: Position) -> jax.Array:
    """bool[D, S, S, N]: legal slides of the mover if it is eligible, by origin and direction."""
    axes, own, own_runs = len(board.axes), pos.own, pos.own_runs
    open_ = cells_of(board) & (pos.state.ground == 0)
    vacant = open_ & ~pos.seen.is_stack
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
    makers = materialize([own & shift(end, o, False) for end, o in zip(line_ends, board.directions, strict=True)])
    any_line = jnp.any(jnp.stack([jnp.any(maker, axis=(0, 1)) for maker in makers]), axis=0)
    everywhere = [own & shift(open_, offset, False) for offset in board.directions]
    return jnp.stack([jnp.where(any_line, maker, slide) for maker, slide in zip(makers, everywhere, strict=True)])


def pending(board: Board, pos: Position) -> PendingSlide:
    """Describes the pending slide of a state."""
    state, axes = pos.state, len(board.axes)
    destination = neighbour(board, state.focus, state.slide, 1)
    back = lax.rem(state.slide + axes, jnp.int32(2 * axes))
    around = jnp.where(jnp.arange(2 * axes)[:, None] == back, 0, at(pos.own_runs, destination))
    lengths = around[:axes] + around[axes:] + 1
    length = jnp.max(lengths, axis=0)
    axis = jnp.argmax(lengths, axis=0).astype(jnp.int32)
    strike = at(pos.seen.top, destination) >= 0
    line = ~strike & (length >= board.line_length)
    slide = PendingSlide(
        origin=state.focus,
        destination=destination,
        strike=strike,
        line=line,
        overlength=line & (length > board.line_length),
        axis=axis,
        before=pick(around, axis + axes),
        after=pick(around, axis),
    )
    return materialize(slide)


def windows(board: Board, slide: PendingSlide) -> jax.Array:
    """bool[axes, S, S, N]: first cells of the windows that hold the destination (option 2)."""
    length = board.line_length
    earliest = jnp.maximum(-slide.before, 1 - length)
    latest = jnp.minimum(slide.after - length + 1, 0)
    firsts = on_segment(board, Segment(slide.destination, slide.axis, earliest, latest))
    along_axis = (jnp.arange(len(board.axes))[:, None] == slide.axis) & slide.overlength
    return firsts & along_axis[:, None, None]


def effect(board: Board, slide: PendingSlide, act: Action) -> Effect:
    """A slide waits for its payment or window, which moves the marker or spends it on a strike, and collapses a line.

    The payer was chosen before a strike, so where it is the stack struck, its ring may be on top by now.

    By rulebook section 6. Twin: reference/recovery.py::play_slide, play_strike, play_line_slide and play_window_slide.
    """
    begins, pays = act.kind == Kind.RAY, act.kind == Kind.PAY
    strikes = pays & slide.strike
    window = Segment(act.cell, act.a, 0, board.line_length - 1)
    line = Segment(slide.destination, slide.axis, -slide.before, slide.after).only_if(pays & slide.line)
    return Effect(
        then=jnp.where(begins, Phase.MOVE, Phase.LINE),
        marked=jnp.where(begins | strikes, -1, slide.destination),
        cleared=jnp.where(begins, -1, slide.origin),
        segment=jax.tree.map(partial(jnp.where, act.kind == Kind.WINDOW), window, line),
        beheaded=jnp.where(strikes, slide.destination, -1),
        extracts=pays,
        eliminated=strikes,
        focus=jnp.where(begins, act.cell, -1),
        slide=jnp.where(begins, act.a, -1),
        acted=~begins,
        recovered=~begins,
    )


def slide_info(board: Board, state: State) -> PendingSlide:
    """:func:`pending` of one unbatched state; its fields are then scalars."""
    return unbatched(lambda lane_state: pending(board, look(board, lane_state)))(state)
