"""Winding regions that a flood needs many steps to fill, on any board."""

from ringrift_jax.boards import Board
from ringrift_jax.reference.geometry import geometry


def serpentine(board: Board) -> set[int]:
    """Every second row, joined at alternating ends."""
    grid, size = geometry(board), board.size
    rows = [[c for c in grid.cells if c // size == x] for x in range(size)]
    path = {c for row in rows[::2] for c in row}
    wall_rows = rows[1 : size - 1 : 2]
    return path | {row[0 if i % 2 == 0 else -1] for i, row in enumerate(reversed(wall_rows))}


def spiral(board: Board) -> set[int]:
    """A walk from the first cell that goes straight on while it can without touching itself, else turns inwards."""
    grid, size = geometry(board), board.size
    square = ((0, 1), (1, 0), (0, -1), (-1, 0))
    turns = square if board.shape == "square" else ((0, 1), (1, 0), (1, -1), (0, -1), (-1, 0), (-1, 1))
    offsets = [dx * size + dy for dx, dy in turns]
    cell, heading, path = grid.cells[0], 0, {grid.cells[0]}

    def free(new: int) -> bool:
        return new in grid.adjacent[cell] and not path & {new, *grid.adjacent[new]} - {cell}

    while True:
        possible = [h for h in (heading, (heading + 1) % len(turns)) if free(cell + offsets[h])]
        if not possible:
            return path
        heading = possible[0]
        cell += offsets[heading]
        path.add(cell)


def comb(board: Board) -> set[int]:
    """Every second column, joined along one row."""
    grid, size = geometry(board), board.size
    spine = size // 2 if board.shape == "hex" else 0
    return {c for c in grid.cells if c // size == spine or c % size % 2 == 0}


def with_outpost(board: Board, corridor: set[int]) -> tuple[set[int], int]:
    """The corridor cut just before its end, and that end: the cell farthest from the first."""
    adjacent = geometry(board).adjacent
    order, seen = [min(corridor)], {min(corridor)}
    for cell in order:
        new = [n for n in adjacent[cell] if n in corridor and n not in seen]
        order += new
        seen.update(new)
    end = order[-1]
    return corridor - {end, *adjacent[end]}, end


SHAPES = {"serpentine": serpentine, "spiral": spiral, "comb": comb}
