"""Floods as kernels for an NVIDIA card, written in Pallas for Triton.

A program floods the sets of :data:`LANES` games, row by row in registers, one game in each thread of a warp, and ends
when these are done, whatever other games need. Not the work is saved so, but the waiting: a loop outside of a kernel is
turned by the host, which waits for the card before each turn.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial, reduce
from importlib.util import find_spec
from operator import or_

import jax
import jax.numpy as jnp
from jax import lax

from ...boards import Offset

Rows = tuple[jax.Array, ...]
"""Row by row the sets of a program's games, ``uint32[LANES]`` each."""

LANES = 32
STEPS = 4
"""How many cells a flood goes on before it is asked whether it grows."""


def wanted() -> bool:
    """Whether a card shall flood by kernels: unless ``RINGRIFT_KERNELS=0`` is in the environment, or JAX has no Triton,
    whose end it announces since 0.12."""
    return os.environ.get("RINGRIFT_KERNELS") != "0" and find_spec("jax.experimental.pallas.triton") is not None


@partial(jax.jit, static_argnames=("offsets", "interpret"))
def flood(open_: jax.Array, seeds: jax.Array, *, offsets: Sequence[Offset], interpret: bool = False) -> jax.Array:
    """As :func:`.floods.flood`, of at most two leading axes. ``interpret``: without a card, slowly."""
    return _call(partial(_flood, offsets), (open_, seeds), interpret)


@partial(jax.jit, static_argnames=("offsets", "interpret"))
def first_cells(cells: jax.Array, *, offsets: Sequence[Offset], interpret: bool = False) -> jax.Array:
    """As :func:`.floods.first_cells`, of at most two leading axes. ``interpret``: without a card, slowly."""
    return _call(partial(_first_cells, offsets), (cells,), interpret)


def _flood(offsets: Sequence[Offset], open_: Rows, seeds: Rows) -> Rows:
    def more(carry):
        rows, _ = carry
        grown = _grow(open_, rows, offsets)
        return grown, _any(_changed(grown, rows))

    start = _map(jnp.bitwise_and, seeds, open_)
    return lax.while_loop(lambda carry: carry[1], more, (start, _any(_union(start))))[0]


def _first_cells(offsets: Sequence[Offset], cells: Rows) -> Rows:
    def peel(carry):
        remaining, component, found = carry
        grown = _grow(cells, component, offsets)
        done = _changed(grown, component) == 0
        ended = tuple(jnp.where(done, row, 0) for row in grown)
        found = _map(jnp.bitwise_or, found, _first_bit(ended))
        remaining = tuple(row & ~gone for row, gone in zip(remaining, ended, strict=True))
        fresh = _first_bit(remaining)
        component = tuple(jnp.where(done, new, row) for new, row in zip(fresh, grown, strict=True))
        return remaining, component, found

    start = cells, _first_bit(cells), tuple(jnp.zeros_like(row) for row in cells)
    return lax.while_loop(lambda carry: _any(_union(carry[0])), peel, start)[2]


def _call(function: Callable[..., Rows], sets: tuple[jax.Array, ...], interpret: bool) -> jax.Array:
    """Runs a function of rows on sets ``uint32[..., S, N]``, the last of them of the result's shape.

    XLA cannot look into a kernel: where it divides a program among devices by itself, in place of ``jax.shard_map``,
    each of them is told the sets of all and floods them all.
    """
    # Here, because nothing but a card needs them: they take 0.2 s, and Triton is not in every jaxlib.
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    *lead, size, lanes = sets[-1].shape
    padded = -lanes % LANES
    sets = tuple(jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, padded)]) for x in sets)

    def block(shape: Sequence[int]) -> pl.BlockSpec:
        def index(*program):
            *places, lane = program
            return *(place if length > 1 else 0 for place, length in zip(places, shape, strict=False)), 0, lane

        return pl.BlockSpec((*[None] * len(lead), size, LANES), index)

    def kernel(*refs):
        *inputs, output = refs
        result = function(*(tuple(ref[row, :] for row in range(size)) for ref in inputs))
        for row in range(size):
            output[row, :] = result[row]

    whole = pl.pallas_call(
        kernel,
        jax.ShapeDtypeStruct((*lead, size, lanes + padded), jnp.uint32),
        grid=(*lead, (lanes + padded) // LANES),
        in_specs=[block(x.shape) for x in sets],
        out_specs=block(sets[-1].shape),
        interpret=interpret,
        compiler_params=triton.CompilerParams(num_warps=1, num_stages=1),
    )(*sets)
    return whole[..., :lanes]


def _grow(open_: Rows, rows: Rows, offsets: Sequence[Offset]) -> Rows:
    """Some steps of a flood. Bits may leave the columns of the board; they are not open."""
    for _ in range(STEPS):
        beside = [_neighbours(rows, x, offsets) for x in range(len(rows))]
        rows = tuple(row | here & there for row, here, there in zip(rows, open_, beside, strict=True))
    return rows


def _neighbours(rows: Rows, x: int, offsets: Sequence[Offset]) -> jax.Array:
    """The cells of row x next to cells of a set."""
    beside = [(rows[x + dx], dy) for dx, dy in offsets if 0 <= x + dx < len(rows)]
    return reduce(or_, (row >> jnp.uint32(dy) if dy >= 0 else row << jnp.uint32(-dy) for row, dy in beside))


def _first_bit(rows: Rows) -> Rows:
    """The first cell of each game's set."""
    first, empty = [], True
    for row in rows:
        first.append(jnp.where(empty, row & (~row + 1), 0))
        empty &= row == 0
    return tuple(first)


def _map(function: Callable[..., jax.Array], *sets: Rows) -> Rows:
    return tuple(map(function, *sets))


def _union(rows: Rows) -> jax.Array:
    return reduce(or_, rows)


def _changed(rows: Rows, before: Rows) -> jax.Array:
    """Not zero for games whose set has changed."""
    return _union(_map(jnp.bitwise_xor, rows, before))


def _any(bits: jax.Array) -> jax.Array:
    """Whether it is not zero for some game of the program."""
    return jnp.max(bits) != 0
