"""Territory (rulebook section 8): which regions exist, who may process them, and their borders.

A *mode* is a border colour: mode 0 has collapsed cells alone as walls, mode 1 + s also the markers of seat s. Sets of
cells are rows of bits (``rules/arrays/grid.py``); M = n + 1 modes, N lanes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import SQUARE_AXES, Board
from .actions import Action, Kind
from .arrays import stacks
from .arrays.floods import first_cells, flood
from .arrays.grid import (
    any_bit,
    cell_bit,
    cells_of,
    dilate,
    first_bit,
    seat_axis,
    to_plane,
    to_rows,
)
from .arrays.lanes import materialize, unbatched
from .effect import Effect
from .position import Position
from .state import Phase, State

_SQUARE_NEIGHBOURS = SQUARE_AXES + tuple((-dx, -dy) for dx, dy in SQUARE_AXES)


class Land(NamedTuple):
    """What the regions of a board depend on.

    Attributes:
      open: ``uint32[M, S, N]`` cells that are no walls.
      exists: ``bool[M, N]`` mode 0, and the colours that own a marker.
      controlled: ``uint32[n, S, N]`` stacks by controller.
      active: ``bool[n, N]`` seats with a ring in any stack.
      markers: ``uint32[n, S, N]`` markers by seat.
    """

    open: jax.Array
    exists: jax.Array
    controlled: jax.Array
    active: jax.Array
    markers: jax.Array


class Region(NamedTuple):
    """The component of one cell in every mode.

    Attributes:
      cells: ``uint32[M, S, N]``.
      eligible: ``bool[M, N]`` it is a region there.
      outside: ``bool[M, N]`` the payer has something to pay with outside it.
    """

    cells: jax.Array
    eligible: jax.Array
    outside: jax.Array


def survey_land(board: Board, ground: jax.Array, word: stacks.Word) -> Land:
    """Computes the land of a board. ``ground``: int8[S, S, N]; ``word``: its stacks."""
    seats = seat_axis(board)
    markers = to_rows(ground == seats + 1)
    controlled = to_rows(stacks.is_stack(word) & (stacks.top(word) == seats))
    active = jnp.any(stacks.contains(word, seats), axis=(1, 2))
    free = to_rows(cells_of(board) & (ground >= 0))
    open_ = jnp.concatenate([free[None], free & ~markers])
    exists = jnp.concatenate([jnp.ones_like(active[:1]), any_bit(markers)])
    return materialize(Land(open_, exists, controlled, active, markers))


def payers(pos: Position) -> jax.Array:
    """uint32[S, N]: stacks the mover could pay for a region with; in a recovery turn those with a buried own ring."""
    return to_rows(jnp.where(pos.state.recovered, pos.buried, pos.controlled))


def processable(board: Board, land: Land, payers: jax.Array) -> jax.Array:
    """uint32[P, M, S, N]: the cells of all regions that each payer may process.

    ``payers``: uint32[P, S, N], for each payer the stacks it could pay with. A region may be processed when one of them
    is outside: unless all are in one component that holds for every region, else for every other one.
    """
    n = board.num_players
    seeds = materialize(jnp.concatenate([land.controlled, first_bit(payers)]))
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
    regions = jnp.where(all_together[:, :, None], eligible & ~together, eligible)
    return jnp.where(any_bit(payers)[:, None, None], regions, 0)


def region_keys(board: Board, land: Land, regions: jax.Array) -> jax.Array:
    """uint32[M, S, N]: the first cell of every distinct region, in the lowest mode that finds it.

    ``regions``: uint32[M, S, N], unions of whole components. No marker is a wall in the modes of two colours, so what
    is a component in both is one in mode 0 too, in which there is no marker of either colour.
    """
    some = jnp.any(any_bit(regions), axis=0)
    marked = flood(land.open[:1], jnp.where(some, land.markers, 0), board.territory_offsets)
    known, fresh = regions[0], [regions[0]]
    for region, with_markers in zip(regions[1:], marked, strict=True):
        without = region & ~with_markers
        fresh.append(region & ~(without & known))
        known |= without
    return first_cells(materialize(jnp.stack(fresh)), board.territory_offsets)


def region_at(board: Board, land: Land, cell: jax.Array, payer: jax.Array) -> Region:
    """The component of a cell in every mode. ``cell``: uint32[S, N] with one bit or none; ``payer``: uint32[S, N]."""
    cells = flood(land.open, cell, board.territory_offsets)
    controllers = any_bit(cells[:, None] & land.controlled[None])
    eligible = jnp.any(land.active & ~controllers, axis=1) & land.exists & any_bit(cells)
    single = jnp.sum(controllers[:1], axis=1) == 1
    eligible &= jnp.concatenate([single, jnp.ones_like(eligible[1:])])
    return Region(cells, eligible, any_bit(payer & ~cells))


def cells_in_mode(region: Region, mode) -> jax.Array:
    """uint32[S, N]: the region's cells in mode int32[N]."""
    here = jnp.arange(region.cells.shape[0])[:, None, None] == mode
    return lax.reduce(jnp.where(here, region.cells, 0), jnp.uint32(0), lax.bitwise_or, (0,))


def is_legal(region: Region, cell: jax.Array, mode) -> jax.Array:
    """bool[N]: whether ``T`` with this first cell and mode is the key of a processable region."""
    chosen = cells_in_mode(region, mode)
    found = region.eligible & jnp.all(region.cells == chosen, axis=-2)
    lowest = jnp.argmax(found, axis=0) == mode
    is_first = jnp.all(first_bit(chosen) == cell, axis=0)
    here = jnp.arange(found.shape[0])[:, None] == mode
    return jnp.any(found & region.outside & here, axis=0) & lowest & is_first


def border(board: Board, land: Land, region: jax.Array) -> jax.Array:
    """uint32[S, N]: the markers that collapse with a region uint32[S, N] (rulebook section 8.3)."""
    markers = lax.reduce(land.markers, jnp.uint32(0), lax.bitwise_or, (0,)) & ~region
    touching = dilate(region, board.territory_offsets) & markers
    return flood(markers, touching, _SQUARE_NEIGHBOURS) if board.border_closure else touching


def effect(board: Board, pos: Position, land: Land, region: Region, act: Action, cap: jax.Array) -> Effect:
    """A region's rings are eliminated, it collapses with its border, and a cap is owed, in a recovery turn a ring.

    ``region``: that of a ``REGION`` decision, without cells for a payment; ``cap``: int32[N], of the stack that pays.

    By rulebook section 8. Twin: reference/territory.py::play_region and play_region_payment.
    """
    pays, recovered = act.kind == Kind.PAY, pos.state.recovered
    cells = cells_in_mode(region, act.a)
    inside = jnp.sum(jnp.where(to_plane(cells), pos.seen.height, 0), axis=(0, 1), dtype=jnp.int32)
    return Effect(
        then=Phase.TERRITORY,
        collapsed=cells | border(board, land, cells),
        paid=jnp.where(pays & ~recovered, cap, 0),
        extracts=pays & recovered,
        emptied=cells,
        eliminated=inside,
        owed=~pays,
        acted=True,
    )


def region_of(board: Board, state: State, colour, cell) -> tuple[jax.Array, jax.Array]:
    """The region that a ``T`` action names, of one unbatched state, for the notation.

    Args:
      colour: int32 seat of the border, -1 for none.
      cell: int32 index of a cell of the region.

    Returns:
      bool[S, S] its cells, and bool[M]: the modes that find exactly these cells, that is the digits of its border.
    """

    def on_lanes(lane_state, colour, cell):
        land = survey_land(board, lane_state.ground, stacks.unpack(lane_state.stacks))
        start = cell_bit(board, cell)
        region = region_at(board, land, start, start)
        chosen = cells_in_mode(region, colour + 1)
        return to_plane(chosen), region.eligible & jnp.all(region.cells == chosen, axis=-2)

    return unbatched(on_lanes)(state, colour, cell)
