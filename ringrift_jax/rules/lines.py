"""Lines (RULES section 7): maximal runs of one seat's markers, whole or by windows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .arrays.grid import any_bit, pull


class LineOptions(NamedTuple):
    """bool[axes, S, S, N] each, keyed as in ``rules/actions.py``."""

    odd: jax.Array
    even: jax.Array
    window: jax.Array


def options(board: Board, own: jax.Array, own_runs: jax.Array) -> LineOptions:
    """What a seat may collapse. ``own``: bool[S, S, N] its markers; ``own_runs``: ``rays.runs`` of them."""
    axes, length = len(board.axes), board.line_length
    after, before = own_runs[:axes], own_runs[axes:]
    total = after + before + 1
    is_line = own & (total >= length)
    return LineOptions(
        odd=is_line & (after == before),
        even=is_line & (after == before + 1),
        window=own & (total > length) & (after >= length - 1),
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
