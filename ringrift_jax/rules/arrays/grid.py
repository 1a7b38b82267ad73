"""Whole-board arithmetic: planes ``[..., S, S, N]``, and rows of bits ``uint32[..., S, N]``.

A plane holds one number per cell; N counts lanes (``lanes.py``). Rows hold one bit per cell, cell (x, y) in bit y of
row x: sets of cells as sets of bits make floods (``floods.py``) and line tests as cheap as a few words. Everything
shifts; nothing gathers per cell.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ...boards import Board, Offset


def cells_of(board: Board) -> jax.Array:
    """bool[S, S, 1]: the cells on the board."""
    return jnp.asarray(board.mask[..., None])


def seat_axis(board: Board) -> jax.Array:
    """int8[n, 1, 1, 1]: the seats, to compare planes with all of them at once."""
    return jnp.arange(board.num_players, dtype=jnp.int8)[:, None, None, None]


def divide(number: jax.Array, divisor: int) -> tuple[jax.Array, jax.Array]:
    """Quotient and remainder of int32, truncated: cell -1 is in row 0 and in column -1, which is nowhere."""
    by = jnp.int32(divisor)
    return lax.div(number, by), lax.rem(number, by)


def _coordinates(board: Board, cell) -> tuple[jax.Array, jax.Array]:
    """int8[S, 1, N] and int8[1, S, N]: rows and columns of every cell, seen from cell int32[N]."""
    size = board.size
    line = jnp.arange(size, dtype=jnp.int8)[:, None]
    row, column = divide(cell, size)
    return (line - row.astype(jnp.int8))[:, None], (line - column.astype(jnp.int8))[None]


def is_cell(board: Board, cell) -> jax.Array:
    """bool[S, S, N]: where a plane is at cell int32[N]; nowhere for -1."""
    rows, columns = _coordinates(board, cell)
    return (rows == 0) & (columns == 0)


def on_lines(board: Board, cell) -> jax.Array:
    """bool[S, S, N]: the cells on a line with cell int32[N] along any axis, itself among them."""
    rows, columns = _coordinates(board, cell)
    axes = (rows * jnp.int8(dy) == columns * jnp.int8(dx) for dx, dy in board.axes)
    return reduce(jnp.logical_or, axes)


def cell_bit(board: Board, cell) -> jax.Array:
    """uint32[S, N]: the set of one cell int32[N]; empty for -1."""
    row, column = divide(cell, board.size)
    # The shift for -1 is out of range, which gives 0.
    return jnp.where(jnp.arange(board.size)[:, None] == row, jnp.uint32(1) << column.astype(jnp.uint32), 0)


def pick(values: jax.Array, index) -> jax.Array:
    """``values[..., index, :]`` for an index int32[N] into a short second-to-last axis; zero or False outside."""
    here = jnp.arange(values.shape[-2])[:, None] == index
    if values.dtype == jnp.bool_:
        return jnp.any(values & here, axis=-2)
    return jnp.sum(jnp.where(here, values, 0), axis=-2, dtype=values.dtype)


def anywhere(plane: jax.Array) -> jax.Array:
    """bool[N]: whether a bool[S, S, N] plane is True on some cell."""
    return jnp.any(plane, axis=(0, 1))


def at(plane: jax.Array, cell) -> jax.Array:
    """``[..., N]``: the entries of planes ``[..., S, S, N]`` at cell int32[N], which is clipped to the array."""
    *lead, rows, columns, lanes = plane.shape
    flat = plane.reshape(*lead, rows * columns, lanes)
    index = jnp.broadcast_to(cell, (*[1] * len(lead), 1, lanes))
    return jnp.take_along_axis(flat, index, axis=-2, mode="clip")[..., 0, :]


def shift(plane: jax.Array, offset: Offset, fill) -> jax.Array:
    """``result[c] = plane[c + offset]``, and ``fill`` where c + offset is outside the array."""
    dx, dy = offset
    config = [(0, 0, 0)] * (plane.ndim - 3) + [(-dx, dx, 0), (-dy, dy, 0), (0, 0, 0)]
    return lax.pad(plane, jnp.asarray(fill, plane.dtype), config)


class Segment(NamedTuple):
    """The cells ``first`` to ``last`` steps from a cell in a direction, none where first > last; numbers, ``[N]`` each.

    ``origin`` is a cell index and ``direction`` an index into ``board.directions``; steps may be negative.
    """

    origin: jax.Array | int
    direction: jax.Array | int
    first: jax.Array | int
    last: jax.Array | int

    def only_if(self, condition: jax.Array) -> "Segment":
        """Without cells where the condition does not hold."""
        return self._replace(first=jnp.where(condition, self.first, 1), last=jnp.where(condition, self.last, 0))


NO_SEGMENT = Segment(0, 0, 1, 0)


def on_segment(board: Board, segment: Segment) -> jax.Array:
    """bool[S, S, N]: the cells of a segment."""
    offsets = zip(*board.directions, strict=True)
    dx, dy = (pick(jnp.asarray(d, jnp.int8)[:, None], segment.direction) for d in offsets)
    rows, columns = _coordinates(board, segment.origin)
    steps = jnp.where(dx != 0, rows * dx, columns * dy)
    on_line = (rows == steps * dx) & (columns == steps * dy)
    first, last = (jnp.asarray(bound).astype(jnp.int8) for bound in segment[2:])
    return on_line & (steps >= first) & (steps <= last)


def neighbour(board: Board, cell, direction, distance) -> jax.Array:
    """int32[N]: index of the cell ``distance`` steps from a cell; only meaningful when it is on the board."""
    strides = jnp.asarray([dx * board.size + dy for dx, dy in board.directions], jnp.int32)
    return cell + distance * pick(strides[:, None], direction)


def along_rays(board: Board, plane: jax.Array, cell: jax.Array) -> jax.Array:
    """``[D, max_distance, N]``: the entries of a plane ``[S, S, N]`` on all rays from cell int32[N], nearest first.

    Only meaningful as far as the rays are on the board.
    """
    steps = jnp.arange(1, board.max_distance + 1)[:, None]
    cells = jnp.stack([cell + steps * (dx * board.size + dy) for dx, dy in board.directions])
    flat = plane.reshape(-1, plane.shape[-1])
    return jnp.take_along_axis(flat, cells.reshape(-1, plane.shape[-1]), axis=0, mode="clip").reshape(cells.shape)


def to_rows(plane: jax.Array) -> jax.Array:
    """bool[..., S, S, N] -> uint32[..., S, N]."""
    weights = (jnp.uint32(1) << jnp.arange(plane.shape[-2], dtype=jnp.uint32))[:, None]
    return jnp.sum(jnp.where(plane, weights, jnp.uint32(0)), axis=-2, dtype=jnp.uint32)


def to_plane(rows: jax.Array) -> jax.Array:
    """uint32[..., S, N] -> bool[..., S, S, N]."""
    bits = jnp.arange(rows.shape[-2], dtype=jnp.uint32)[:, None]
    return (rows[..., None, :] >> bits) & 1 != 0


def pull(rows: jax.Array, offset: Offset) -> jax.Array:
    """Rows whose bit c is bit c + offset of the given ones. Bits may leave the S columns: mask the result."""
    dx, dy = offset
    if dx:
        rows = lax.pad(rows, jnp.uint32(0), [(0, 0, 0)] * (rows.ndim - 2) + [(-dx, dx, 0), (0, 0, 0)])
    return rows >> dy if dy >= 0 else rows << -dy


def any_bit(rows: jax.Array) -> jax.Array:
    """bool[..., N]: whether a set is not empty."""
    return jnp.any(rows != 0, axis=-2)


def count_bits(rows: jax.Array) -> jax.Array:
    """int32[..., N]: number of cells in a set."""
    return jnp.sum(lax.population_count(rows), axis=-2, dtype=jnp.int32)


def first_bit(rows: jax.Array) -> jax.Array:
    """The set's first cell in cell order as a set of its own; empty for the empty set."""
    index = jnp.arange(rows.shape[-2], dtype=jnp.uint8)[:, None]
    first = jnp.min(jnp.where(rows != 0, index, rows.shape[-2]), axis=-2, keepdims=True)
    return jnp.where(index == first, rows & (~rows + 1), 0)


def dilate(rows: jax.Array, offsets: Sequence[Offset]) -> jax.Array:
    """The neighbours of a set, its own cells included where they touch each other."""
    result = jnp.zeros_like(rows)
    for offset in offsets:
        result |= pull(rows, offset)
    return result
