"""Cells of a board, their names, and the rays and neighbours between them (rulebook section 1)."""

from dataclasses import dataclass
from functools import cache

from ..boards import Board, Offset

Cells = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Tables of a board. A cell is the integer ``x * size + y`` of :class:`~ringrift_jax.boards.Board`.

    Attributes:
      cells: all cells on the board, in cell order.
      names: ``"x,y"`` of every cell.
      index: the cell of every name.
      rays: for a cell and a direction, the cells met from there to the edge, nearest first. The first half of the
        directions are the axes; direction d + len(axes) is opposite to d.
      neighbours: cells one step away, where a recovery may slide to.
      adjacent: cells connected to a cell for territory.
      closure: cells to which a border spreads from a cell; empty tuples on boards without border closure.
    """

    cells: Cells
    names: dict[int, str]
    index: dict[str, int]
    rays: dict[int, tuple[Cells, ...]]
    neighbours: dict[int, Cells]
    adjacent: dict[int, Cells]
    closure: dict[int, Cells]

    def between(self, a: int, b: int) -> Cells:
        """Cells strictly between two cells of one ray; ValueError when no ray from a meets b."""
        for ray in self.rays[a]:
            if b in ray:
                return ray[: ray.index(b)]
        raise ValueError(f"{self.names[b]} is not on a straight line from {self.names[a]}")


@cache
def geometry(board: Board) -> Geometry:
    """The tables of a board, computed once."""
    size, mask = board.size, board.mask.tolist()
    cells = tuple(x * size + y for x in range(size) for y in range(size) if mask[x][y])
    names = {c: board.cell_name(c) for c in cells}

    def ray(cell: int, offset: Offset) -> Cells:
        x, y = divmod(cell, size)
        met = []
        while 0 <= (x := x + offset[0]) < size and 0 <= (y := y + offset[1]) < size and mask[x][y]:
            met.append(x * size + y)
        return tuple(met)

    def nearest(offsets: tuple[Offset, ...]) -> dict[int, Cells]:
        return {c: tuple(n for offset in offsets for n in ray(c, offset)[:1]) for c in cells}

    square_offsets = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
    return Geometry(
        cells=cells,
        names=names,
        index={name: c for c, name in names.items()},
        rays={c: tuple(ray(c, offset) for offset in board.directions) for c in cells},
        neighbours=nearest(board.directions),
        adjacent=nearest(board.territory_offsets),
        closure=nearest(square_offsets if board.border_closure else ()),
    )
