"""Territory (RULES section 8): which regions exist, who may process them, and their borders.

A *mode* is a border colour: mode 0 has collapsed cells alone as walls, mode 1 + s also the markers of seat s. Sets of
cells are rows of bits (``rules/grid.py``); M = n + 1 modes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import SQUARE_AXES, Board
from . import stacks
from .grid import any_bit, cell_indices, dilate, first_bit, flood, sweeper, to_plane, to_rows
from .state import State

_SQUARE_NEIGHBOURS = SQUARE_AXES + tuple((-dx, -dy) for dx, dy in SQUARE_AXES)


class Land(NamedTuple):
    """What the regions of a board depend on.

    Attributes:
      open: ``uint32[M, S]`` cells that are no walls.
      exists: ``bool[M]`` mode 0, and the colours that own a marker.
      controlled: ``uint32[n, S]`` stacks by controller.
      active: ``bool[n]`` seats with a ring in any stack.
      markers: ``uint32[n, S]`` markers by seat.
    """

    open: jax.Array
    exists: jax.Array
    controlled: jax.Array
    active: jax.Array
    markers: jax.Array


class Region(NamedTuple):
    """The component of one cell in every mode.

    Attributes:
      cells: ``uint32[M, S]``.
      eligible: ``bool[M]`` it is a region there.
      outside: ``bool[M]`` the payer has something to pay with outside it.
    """

    cells: jax.Array
    eligible: jax.Array
    outside: jax.Array


def survey_land(board: Board, ground: jax.Array, top: jax.Array, active: jax.Array) -> Land:
    """``ground``: int8[S, S]; ``top``: int8[S, S] controllers, -1 for none; ``active``: bool[n]."""
    seats = jnp.arange(board.num_players, dtype=jnp.int8)[:, None, None]
    markers = to_rows(ground == seats + 1)
    controlled = to_rows(top == seats)
    free = to_rows(board.mask & (ground >= 0))
    open_ = jnp.concatenate([free[None], free & ~markers])
    exists = jnp.concatenate([jnp.ones(1, bool), any_bit(markers)])
    return Land(open_, exists, controlled, active, markers)


def processable(board: Board, land: Land, payers: jax.Array) -> jax.Array:
    """uint32[P, M, S]: the cells of all regions that each payer may process.

    ``payers``: uint32[P, S], for each payer the stacks it could pay with. A region may be processed when one of them
    is outside: unless all are in one component that holds for every region, else for every other one.
    """
    n = board.num_players
    seeds = jnp.concatenate([land.controlled, first_bit(payers)])
    filled = flood(land.open[:, None], seeds, board.territory_offsets)
    present, together = filled[:, :n], filled[:, n:].swapaxes(0, 1)
    somebody_absent = jnp.zeros_like(land.open)
    once, twice = jnp.zeros_like(land.open[0]), jnp.zeros_like(land.open[0])
    for seat in range(n):
        somebody_absent |= jnp.where(land.active[seat], ~present[:, seat], 0)
        twice |= once & present[0, seat]
        once |= present[0, seat]
    eligible = jnp.where(land.exists[:, None], land.open & somebody_absent, 0)
    eligible = jnp.concatenate([eligible[:1] & once & ~twice, eligible[1:]])
    all_together = ~any_bit(payers[:, None] & ~together)
    regions = jnp.where(all_together[..., None], eligible & ~together, eligible)
    return jnp.where(any_bit(payers)[:, None, None], regions, 0)


def region_keys(board: Board, land: Land, regions: jax.Array) -> jax.Array:
    """uint32[M, S]: the first cell of every distinct region, in the lowest mode that finds it.

    ``regions``: uint32[M, S], unions of whole components. Components are peeled off one after the other, in all modes at
    once: a pass grows the current one, and when it stops growing the next first cell starts.
    """
    modes = land.open.shape[0]
    sweep = sweeper(land.open, board.territory_offsets)
    mine, theirs = land.open[:, None], land.open[None]
    # A component is one of another mode too iff it has no cell that is a wall there or touches a cell open only there.
    differs = mine & (~theirs | dilate(theirs & ~mine, board.territory_offsets))
    lower = jnp.tril(jnp.ones((modes, modes), bool), -1) & land.exists[None]

    def peel(carry):
        remaining, component, keys = carry
        grown = sweep(component)
        done = jnp.all(grown == component, axis=-1)
        single = jnp.sum(any_bit(grown[:, None] & land.controlled[None]), axis=-1) == 1
        counts_there = jnp.concatenate([single[:, None], jnp.ones((modes, modes - 1), bool)], axis=1)
        same = lower & counts_there & ~any_bit(grown[:, None] & differs)
        fresh = done & ~jnp.any(same, axis=-1)
        keys |= jnp.where(fresh[:, None], first_bit(grown), 0)
        remaining = jnp.where(done[:, None], remaining & ~grown, remaining)
        return remaining, jnp.where(done[:, None], first_bit(remaining), grown), keys

    start = regions, first_bit(regions), jnp.zeros_like(regions)
    return lax.while_loop(lambda carry: jnp.any(carry[0] != 0), peel, start)[2]


def region_at(board: Board, land: Land, cell: jax.Array, payer: jax.Array) -> Region:
    """The component of a cell in every mode. ``cell``: uint32[S] with one bit; ``payer``: uint32[S]."""
    cells = flood(land.open, cell, board.territory_offsets)
    controllers = any_bit(cells[:, None] & land.controlled[None])
    eligible = jnp.any(land.active & ~controllers, axis=-1) & land.exists & any_bit(cells)
    single = jnp.sum(controllers[0]) == 1
    eligible &= jnp.concatenate([single[None], jnp.ones(len(cells) - 1, bool)])
    return Region(cells, eligible, any_bit(payer & ~cells))


def is_legal(region: Region, cell: jax.Array, mode) -> jax.Array:
    """bool: whether ``T`` with this first cell and mode is the key of a processable region."""
    chosen = lax.dynamic_index_in_dim(region.cells, mode, keepdims=False)
    found = region.eligible & jnp.all(region.cells == chosen, axis=-1)
    lowest = jnp.argmax(found) == mode
    is_first = jnp.all(first_bit(chosen) == cell)
    here = lax.dynamic_index_in_dim(region.eligible & region.outside, mode, keepdims=False)
    return here & lowest & is_first


def border(board: Board, land: Land, region: jax.Array) -> jax.Array:
    """uint32[S]: the markers that collapse with a region (RULES section 8, step 1)."""
    markers = lax.reduce(land.markers, jnp.uint32(0), lax.bitwise_or, (0,)) & ~region
    touching = dilate(region, board.territory_offsets) & markers
    return flood(markers, touching, _SQUARE_NEIGHBOURS) if board.border_closure else touching


def region_of(board: Board, state: State, colour, cell) -> tuple[jax.Array, jax.Array]:
    """The region that a ``T`` action names, for the notation.

    Args:
      colour: int32 seat of the border, -1 for none.
      cell: int32 index of a cell of the region.

    Returns:
      bool[S, S] its cells, and bool[M]: the modes that find exactly these cells, that is the digits of its border.
    """
    word = stacks.unpack(state.stacks)
    top = jnp.where(stacks.is_stack(word), stacks.top(word), -1).astype(jnp.int8)
    active = jnp.stack([jnp.any(stacks.contains(word, seat)) for seat in range(board.num_players)])
    land = survey_land(board, state.ground, top, active)
    region = region_at(board, land, to_rows(cell_indices(board) == cell), jnp.zeros(board.size, jnp.uint32))
    chosen = lax.dynamic_index_in_dim(region.cells, jnp.asarray(colour + 1), keepdims=False)
    return to_plane(chosen), region.eligible & jnp.all(region.cells == chosen, axis=-1)
