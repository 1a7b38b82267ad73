"""Floods over sets of cells: what is connected to a set, and the first cell of every component.

How long a flood takes depends on the positions. A loop of XLA's is right on a CPU, but on a GPU the host turns it, and
waits for the card before each turn; there a flood is a kernel that turns by itself (``kernels.py``).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import mlir

from ...boards import Offset
from . import kernels
from .grid import first_bit, pull
from .lanes import materialize

Offsets = tuple[Offset, ...]


def flood(open_: jax.Array, seeds: jax.Array, offsets: Offsets) -> jax.Array:
    """Every cell of ``open_`` connected to a seed in it.

    Args:
      open_, seeds: uint32[..., S, N], shapes broadcast.
      offsets: the neighbours that connect.
    """
    seeds = jnp.broadcast_to(seeds, jnp.broadcast_shapes(open_.shape, seeds.shape))
    open_ = jnp.expand_dims(open_, range(seeds.ndim - open_.ndim))
    return _flood.bind(open_, seeds, offsets=offsets)


def first_cells(cells: jax.Array, offsets: Offsets) -> jax.Array:
    """The first cell, in cell order, of each of the components of a set.

    Args:
      cells: uint32[..., S, N].
      offsets: the neighbours that connect.
    """
    return _first_cells.bind(cells, offsets=offsets)


def _sweeper(open_: jax.Array, offsets: Offsets) -> Callable[[jax.Array], jax.Array]:
    """Prepares a sweep inside ``open_``: one pass that carries sets as far as straight lines reach in every direction.

    Each direction doubles its stride (Kogge-Stone), so a pass costs log2(S) shifts a direction, and a flood needs about
    as many passes as the corridor has bends.
    """
    size = open_.shape[-2]
    passes = []
    for dx, dy in offsets:
        mask, stride = open_, 1
        while stride < size:
            offset = (dx * stride, dy * stride)
            passes.append((offset, mask))
            mask = materialize(mask & pull(mask, offset))
            stride *= 2

    def sweep(rows: jax.Array) -> jax.Array:
        for offset, mask in passes:
            rows = materialize(rows | (mask & pull(rows, offset)))
        return rows

    return sweep


def _flood_by_passes(open_: jax.Array, seeds: jax.Array, *, offsets: Offsets) -> jax.Array:
    """Passes until nothing changes."""
    sweep = _sweeper(open_, offsets)

    def more(carry):
        rows, _ = carry
        grown = sweep(rows)
        return grown, jnp.any(grown != rows)

    start = seeds & open_
    return lax.while_loop(lambda carry: carry[1], more, (start, jnp.any(start != 0)))[0]


def _first_cells_by_passes(cells: jax.Array, *, offsets: Offsets) -> jax.Array:
    """Components are peeled off one after the other: a pass grows the current one of each set, and where it has stopped
    growing the next first cell starts."""
    sweep = _sweeper(cells, offsets)

    def peel(carry):
        remaining, component, found = carry
        grown = sweep(component)
        done = jnp.all(grown == component, axis=-2, keepdims=True)
        found |= jnp.where(done, first_bit(grown), 0)
        remaining = jnp.where(done, remaining & ~grown, remaining)
        return remaining, jnp.where(done, first_bit(remaining), grown), found

    start = cells, first_bit(cells), jnp.zeros_like(cells)
    return lax.while_loop(lambda carry: jnp.any(carry[0] != 0), peel, start)[2]


def _primitive(name: str, by_passes: Callable[..., jax.Array], by_kernel: Callable[..., jax.Array]) -> Primitive:
    """A primitive, so that nothing but the way of the platform is traced."""

    def on_a_card(*sets: jax.Array, offsets: Offsets) -> jax.Array:
        return (by_kernel if kernels.wanted() else by_passes)(*sets, offsets=offsets)

    primitive = Primitive(name)
    primitive.def_impl(jax.jit(primitive.bind, static_argnames="offsets"))
    primitive.def_abstract_eval(lambda *sets, offsets: sets[-1])
    mlir.register_lowering(primitive, mlir.lower_fun(by_passes, multiple_results=False))
    mlir.register_lowering(primitive, mlir.lower_fun(on_a_card, multiple_results=False), platform="cuda")
    return primitive


_flood = _primitive("flood", _flood_by_passes, kernels.flood)
_first_cells = _primitive("first_cells", _first_cells_by_passes, kernels.first_cells)
