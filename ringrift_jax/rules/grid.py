"""Whole-board arithmetic: planes ``[..., S, S]``, rows of bits ``uint32[..., S]``, and floods over them.

A plane holds one number per cell. Rows hold one bit per cell, cell (x, y) in bit y of row x: sets of cells as sets of
bits make floods and line tests as cheap as a few words. Everything shifts; nothing gathers per cell.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board, Offset


def cell_indices(board: Board) -> jax.Array:
    """int32[S, S]: the index of every cell."""
    return lax.iota(jnp.int32, board.size**2).reshape(board.size, board.size)


def at(plane: jax.Array, cell) -> jax.Array:
    """The entries of planes ``[..., S, S]`` at one (traced) cell index; cells outside are clamped."""
    flat = plane.reshape(*plane.shape[:-2], -1)
    return lax.dynamic_index_in_dim(flat, cell, axis=-1, keepdims=False)


def shift(plane: jax.Array, offset: Offset, fill) -> jax.Array:
    """``result[c] = plane[c + offset]``, and ``fill`` where c + offset is outside the array."""
    dx, dy = offset
    config = [(0, 0, 0)] * (plane.ndim - 2) + [(-dx, dx, 0), (-dy, dy, 0)]
    return lax.pad(plane, jnp.asarray(fill, plane.dtype), config)


def along(board: Board, origin, direction) -> tuple[jax.Array, jax.Array]:
    """Position of every cell on the straight line through a cell.

    Args:
      origin: int32, cell index.
      direction: int32, index into ``board.directions``.

    Returns:
      int32[S, S] signed steps from the origin, meaningful where the second result, bool[S, S], says that the cell is
      on the line.
    """
    offsets = jnp.asarray(board.directions, jnp.int32)
    step = lax.dynamic_index_in_dim(offsets, direction, keepdims=False)
    dx, dy = step[0], step[1]
    rows = lax.broadcasted_iota(jnp.int32, (board.size, board.size), 0) - origin // board.size
    columns = lax.broadcasted_iota(jnp.int32, (board.size, board.size), 1) - origin % board.size
    steps = jnp.where(dx != 0, rows * dx, columns * dy)
    return steps, (rows == steps * dx) & (columns == steps * dy)


def neighbour(board: Board, cell, direction, distance) -> jax.Array:
    """int32: index of the cell ``distance`` steps from a cell; only meaningful when it is on the board."""
    strides = jnp.asarray([dx * board.size + dy for dx, dy in board.directions], jnp.int32)
    return cell + distance * lax.dynamic_index_in_dim(strides, direction, keepdims=False)


def to_rows(plane: jax.Array) -> jax.Array:
    """bool[..., S, S] -> uint32[..., S]."""
    weights = jnp.uint32(1) << lax.iota(jnp.uint32, plane.shape[-1])
    return jnp.sum(jnp.where(plane, weights, jnp.uint32(0)), axis=-1, dtype=jnp.uint32)


def to_plane(rows: jax.Array) -> jax.Array:
    """uint32[..., S] -> bool[..., S, S]."""
    bits = lax.iota(jnp.uint32, rows.shape[-1])
    return (rows[..., None] >> bits) & 1 != 0


def pull(rows: jax.Array, offset: Offset) -> jax.Array:
    """Rows whose bit c is bit c + offset of the given ones. Bits may leave the S columns: mask the result."""
    dx, dy = offset
    if dx:
        rows = lax.pad(rows, jnp.uint32(0), [(0, 0, 0)] * (rows.ndim - 1) + [(-dx, dx, 0)])
    return rows >> dy if dy >= 0 else rows << -dy


def any_bit(rows: jax.Array) -> jax.Array:
    """bool[...]: whether a set is not empty."""
    return jnp.any(rows != 0, axis=-1)


def count_bits(rows: jax.Array) -> jax.Array:
    """int32[...]: number of cells in a set."""
    return jnp.sum(lax.population_count(rows), axis=-1, dtype=jnp.int32)


def first_bit(rows: jax.Array) -> jax.Array:
    """The set's first cell in cell order as a set of its own; empty for the empty set."""
    index = lax.iota(jnp.int32, rows.shape[-1])
    first = jnp.min(jnp.where(rows != 0, index, rows.shape[-1]), axis=-1, keepdims=True)
    return jnp.where(index == first, rows & (~rows + 1), 0)


def dilate(rows: jax.Array, offsets: Sequence[Offset]) -> jax.Array:
    """The neighbours of a set, its own cells included where they touch each other."""
    result = jnp.zeros_like(rows)
    for offset in offsets:
        result |= pull(rows, offset)
    return result


def sweeper(open_: jax.Array, offsets: Sequence[Offset]):
    """Prepares a sweep inside ``open_``: one pass that carries sets as far as straight lines reach in every direction.

    Each direction doubles its stride (Kogge-Stone), so a pass costs log2(S) shifts a direction, and a flood needs about
    as many passes as the corridor has bends.
    """
    size = open_.shape[-1]
    passes = []
    for dx, dy in offsets:
        mask, stride = open_, 1
        while stride < size:
            offset = (dx * stride, dy * stride)
            passes.append((offset, mask))
            mask = mask & pull(mask, offset)
            stride *= 2

    def sweep(rows: jax.Array) -> jax.Array:
        for offset, mask in passes:
            rows = rows | (mask & pull(rows, offset))
        return rows

    return sweep


def flood(open_: jax.Array, seeds: jax.Array, offsets: Sequence[Offset]) -> jax.Array:
    """Every cell of ``open_`` connected to a seed in it, by passes until nothing changes.

    Args:
      open_, seeds: uint32[..., S], shapes broadcast.
      offsets: the neighbours that connect.
    """
    sweep = sweeper(open_, offsets)

    def more(carry):
        rows, _ = carry
        grown = sweep(rows)
        return grown, jnp.any(grown != rows)

    start = seeds & open_
    rows, _ = lax.while_loop(lambda carry: carry[1], more, (start, jnp.any(start != 0)))
    return rows
