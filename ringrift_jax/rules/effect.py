"""What a decision does: every chapter says it in the same few small things, which are then applied together.

Nothing here is a rule. A chapter's ``effect`` names cells, stretches of a line and single stacks; only :func:`apply`
touches whole boards, once for all chapters.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from ..boards import Board
from .arrays import stacks
from .arrays.grid import NO_SEGMENT, Segment, is_cell, on_segment, to_plane
from .position import Position, stack_at
from .state import State

# An array, or a plain number that holds in every lane.
Number: TypeAlias = Any
Flag: TypeAlias = Any


class Effect(NamedTuple):
    """What a decision changes: ``[N]`` each, but for sets of cells ``uint32[S, N]``. The defaults change nothing.

    Cells are indices, -1 for none. Changes come in the order of the attributes.

    Attributes:
      then: the :class:`Phase` that the turn goes on to; ``turn.settle`` goes further where it leaves no decision.
      marked: cell that gets a marker of the mover.
      cleared: cell that loses its marker.
      segment: cells that collapse for the mover.
      crosses: the segment is travelled over instead: own markers on it collapse, others become the mover's.
      collapsed: set of cells that collapse for the mover.
      beheaded: cell whose stack loses its top ring.
      placed: rings from the mover's hand that go on top of the decision's cell.
      paid: rings eliminated from the top of the stack there.
      extracts: its bottommost ring of the mover is eliminated.
      departs: it leaves the cell.
      landing: cell that gets the stack ``landed``.
      emptied: set of cells that lose their stacks.
      eliminated: rings credited to the mover besides those paid and extracted.
      focus, slide, owed: as in the state.
      acted, recovered: they set the flags of the state.
      swaps: the players of seats 0 and 1 exchange them.
    """

    then: Number
    marked: Number = -1
    cleared: Number = -1
    segment: Segment = NO_SEGMENT
    crosses: Flag = False
    collapsed: Number = 0
    beheaded: Number = -1
    placed: Number = 0
    paid: Number = 0
    extracts: Flag = False
    departs: Flag = False
    landing: Number = -1
    landed: stacks.Word = ()
    emptied: Number = 0
    eliminated: Number = 0
    focus: Number = -1
    slide: Number = -1
    owed: Flag = False
    acted: Flag = False
    recovered: Flag = False
    swaps: Flag = False


def merge(nothing: Effect, chapters: Iterable[tuple[jax.Array, Effect]]) -> Effect:
    """The effect of the chapter whose condition bool[N] holds, of which there is at most one; else ``nothing``."""
    merged = nothing._asdict()
    for decides, effect in chapters:
        for name, value in effect._asdict().items():
            if value is not Effect._field_defaults.get(name):
                merged[name] = jax.tree.map(partial(jnp.where, decides), value, merged[name])
    return Effect(**merged)


def apply(board: Board, pos: Position, cell: jax.Array, stack: stacks.Word, effect: Effect) -> State:
    """The state after a decision, before anything that follows without a choice.

    Args:
      cell: int32[N], the cell of the decision; stack: what stands there.
    """
    state, ground = pos.state, pos.state.ground
    seat = state.current_seat
    mine = (seat + 1).astype(ground.dtype)
    ground = jnp.where(is_cell(board, effect.marked), mine, jnp.where(is_cell(board, effect.cleared), 0, ground))
    crossed = jnp.where(ground > 0, jnp.where(ground == mine, -mine, mine), ground)
    ground = jnp.where(on_segment(board, effect.segment), jnp.where(effect.crosses, crossed, -mine), ground)
    ground = jnp.where(to_plane(effect.collapsed), -mine, ground)

    beheaded = stacks.pop_top(stack_at(pos, effect.beheaded))
    stack = stacks.select(cell == effect.beheaded, beheaded, stack)
    stack = stacks.pop_top(stacks.push_top(stack, seat, effect.placed), effect.paid)
    stack = stacks.select(effect.extracts, stacks.remove_bottommost(stack, seat), stack)
    stack = stacks.select(effect.departs, stacks.none_like(stack), stack)
    word = pos.word
    for index, value in ((effect.beheaded, beheaded), (cell, stack), (effect.landing, effect.landed)):
        word = stacks.select(is_cell(board, index), value, word)
    word = stacks.select(to_plane(effect.emptied), stacks.none_like(word), word)

    credit = effect.paid + effect.extracts + effect.eliminated
    is_mover = jnp.arange(board.num_players)[:, None] == seat
    return state.replace(
        stacks=stacks.pack(word),
        ground=ground,
        hand=state.hand - jnp.where(is_mover, effect.placed, 0),
        eliminated=state.eliminated + jnp.where(is_mover, credit, 0),
        phase=effect.then,
        focus=effect.focus,
        slide=effect.slide,
        owed=effect.owed,
        acted=state.acted | effect.acted,
        recovered=state.recovered | effect.recovered,
        swapped=state.swapped ^ effect.swaps,
    )
