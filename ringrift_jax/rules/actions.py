"""Layout of the flat action space: (plane, cell) pairs, then two actions without a cell.

Planes, in order:

| planes | cell | meaning |
|---|---|---|
| 3 placements | the cell placed on | ``P c n`` with n = plane + 1 |
| directions x max_distance | the origin | ``M``, ``C``, ``K`` or a recovery's slide to origin + distance * direction |
| per axis: odd, even, window | middle (lower if even); first of window | ``L a~b``; ``L a~b/c~d``, recovery option 2 |
| n border colours, then none | first cell of the region | ``T`` by its lowest border digit, counted from the mover |
| payment | the paying stack | ``EL``, ``ET``, ``ER``, ``FE``, ``@e`` |

The flat index is ``plane * size**2 + cell``; ``skip`` and ``swap`` follow the last plane.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import MAX_PLACEMENT, Board, Offset
from .arrays.grid import divide


class Kind(IntEnum):
    """What family a plane belongs to."""

    PLACE = 0
    RAY = 1
    LINE = 2
    WINDOW = 3
    REGION = 4
    PAY = 5
    SKIP = 6
    SWAP = 7


@dataclass(frozen=True)
class Layout:
    """Offsets of the planes of a board; every number is static."""

    board: Board

    @property
    def num_directions(self) -> int:
        return len(self.board.directions)

    @property
    def num_axes(self) -> int:
        return len(self.board.axes)

    @property
    def cells(self) -> int:
        """Cells of a plane, those off the board included."""
        return self.board.size**2

    @property
    def rays(self) -> int:
        """First ray plane; direction d at distance k is ``rays + d * max_distance + k - 1``."""
        return MAX_PLACEMENT

    @property
    def lines(self) -> int:
        """First line plane; axis a has ``lines + 3 * a + (0 odd, 1 even, 2 window)``."""
        return self.rays + self.num_directions * self.board.max_distance

    @property
    def regions(self) -> int:
        """First region plane; colour c seen from mover m is ``regions + (c - m) % n``, no colour ``regions + n``."""
        return self.lines + 3 * self.num_axes

    @property
    def payment(self) -> int:
        return self.regions + self.board.num_players + 1

    @property
    def num_planes(self) -> int:
        return self.payment + 1

    @property
    def plane_names(self) -> tuple[str, ...]:
        """One name per plane, of what it means: ``place/2``, ``ray/1,-1/3`` by offset and distance, ``line/0,1/odd``,
        ``region/0`` by the border's relative seat or ``region/none``, and ``pay``."""
        board = self.board
        steps = [f"{dx},{dy}" for dx, dy in board.directions]
        return (
            *(f"place/{count}" for count in range(1, MAX_PLACEMENT + 1)),
            *(f"ray/{step}/{distance}" for step in steps for distance in range(1, board.max_distance + 1)),
            *(f"line/{step}/{part}" for step in steps[: self.num_axes] for part in ("odd", "even", "window")),
            *(f"region/{seat}" for seat in [*range(board.num_players), "none"]),
            "pay",
        )

    @property
    def plane_offsets(self) -> tuple[Offset, ...]:
        """By how many rows and columns the actions of each plane move; (0, 0) if not at all."""
        rays = [(k * dx, k * dy) for dx, dy in self.board.directions for k in range(1, self.board.max_distance + 1)]
        return (*[(0, 0)] * self.rays, *rays, *[(0, 0)] * (self.num_planes - self.lines))

    @property
    def skip(self) -> int:
        return self.num_planes * self.cells

    @property
    def swap(self) -> int:
        return self.skip + 1

    @property
    def num_actions(self) -> int:
        return self.swap + 1

    def place(self, cell: int, count: int) -> int:
        return (count - 1) * self.cells + cell

    def ray(self, cell: int, direction: int, distance: int) -> int:
        return (self.rays + direction * self.board.max_distance + distance - 1) * self.cells + cell

    def line(self, axis: int, first: int, length: int) -> int:
        """The whole line of ``length`` cells that starts at cell ``first`` along an axis."""
        dx, dy = self.board.axes[axis]
        middle = first + (length - 1) // 2 * (dx * self.board.size + dy)
        return (self.lines + 3 * axis + (length + 1) % 2) * self.cells + middle

    def window(self, axis: int, first: int) -> int:
        return (self.lines + 3 * axis + 2) * self.cells + first

    def region(self, colour: int, mover: int, cell: int) -> int:
        """``colour``: the 0-based seat of the border, -1 for none; ``mover``: the 0-based seat to move."""
        n = self.board.num_players
        plane = n if colour < 0 else (colour - mover) % n
        return (self.regions + plane) * self.cells + cell

    def pay(self, cell: int) -> int:
        return self.payment * self.cells + cell


class Action(NamedTuple):
    """A decoded action; int32[N] each. ``a`` and ``b`` depend on the kind.

    PLACE: a = count. RAY: a = direction, b = distance. LINE: a = axis, b = 0 odd or 1 even. WINDOW: a = axis.
    REGION: a = mode (``rules/territory.py``). Others: 0.
    """

    kind: jax.Array
    cell: jax.Array
    a: jax.Array
    b: jax.Array


def decode(board: Board, mover: jax.Array, action: jax.Array) -> Action:
    """Takes actions int32[N] of seats ``mover`` int32[N] apart. Actions outside the action space decode to kind -1."""
    layout, n = Layout(board), board.num_players
    plane, cell = divide(action, layout.cells)
    direction, distance = divide(plane - layout.rays, board.max_distance)
    axis, part = divide(plane - layout.lines, 3)
    colour = plane - layout.regions
    on_cell = [
        (plane < layout.rays, Kind.PLACE, plane + 1, 0),
        (plane < layout.lines, Kind.RAY, direction, distance + 1),
        ((plane < layout.regions) & (part < 2), Kind.LINE, axis, part),
        (plane < layout.regions, Kind.WINDOW, axis, 0),
        (plane < layout.payment, Kind.REGION, jnp.where(colour == n, 0, 1 + lax.rem(colour + mover, jnp.int32(n))), 0),
        (plane < layout.num_planes, Kind.PAY, 0, 0),
        (action == layout.skip, Kind.SKIP, 0, 0),
        (action == layout.swap, Kind.SWAP, 0, 0),
    ]
    kind, a, b = jnp.full_like(action, -1), jnp.zeros_like(action), jnp.zeros_like(action)
    for condition, this_kind, this_a, this_b in reversed(on_cell):
        kind = jnp.where(condition, int(this_kind), kind)
        a, b = jnp.where(condition, this_a, a), jnp.where(condition, this_b, b)
    return Action(jnp.where(action < 0, -1, kind), cell, a, b)
