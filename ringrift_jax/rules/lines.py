"""Lines (rulebook section 7): maximal runs of one seat's markers, whole or by windows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .actions import Action, Kind
from .arrays.grid import Segment, any_bit, anywhere, at, pick, pull
from .effect import Effect
from .position import Position
from .state import Phase


class LineOptions(NamedTuple):
    """bool[axes, S, S, N] each, keyed as in ``rules/actions.py``."""

    odd: jax.Array
    even: jax.Array
    window: jax.Array


def options(board: Board, pos: Position) -> LineOptions:
    """What the mover may collapse."""
    axes, length = len(board.axes), board.line_length
    after, before = pos.own_runs[:axes], pos.own_runs[axes:]
    total = after + before + 1
    is_line = pos.own & (total >= length)
    return LineOptions(
        odd=is_line & (after == before),
        even=is_line & (after == before + 1),
        window=pos.own & (total > length) & (after >= length - 1),
    )


def any_line(board: Board, markers: jax.Array) -> jax.Array:
    """bool[n, N]: which seats own a line. ``markers``: uint32[n, S, N] rows of each seat's markers."""
    found = jnp.zeros_like(markers)
    for dx, dy in board.axes:
        run = markers
        for step in range(1, board.line_length):
            run = run & pull(markers, (dx * step, dy * step))
        found |= run
    return any_bit(found)


def effect(board: Board, pos: Position, act: Action) -> Effect:
    """A line or a window of it collapses; a whole line owes the top ring of a stack if one is there, paid next.

    By rulebook section 7. Twin: reference/lines.py::play_line and play_line_payment.
    """
    pays, whole = act.kind == Kind.PAY, act.kind == Kind.LINE
    runs, axes = at(pos.own_runs, act.cell), len(board.axes)
    before, after = pick(runs, act.a + axes), pick(runs, act.a)
    first, last = jnp.where(whole, -before, 0), jnp.where(whole, after, board.line_length - 1)
    return Effect(
        then=Phase.LINE,
        segment=Segment(act.cell, act.a, first, last).only_if(~pays),
        paid=pays,
        owed=whole & anywhere(pos.controlled),
        acted=True,
    )
