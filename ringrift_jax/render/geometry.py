"""Where things are drawn: cells, outlines and the labels around a board, in units of the picture."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from ..boards import Board

CELL = 44.0
"""Distance between neighbouring cells."""


def centre(board: Board, cell: int) -> tuple[float, float]:
    """x runs to the right and y down; on hex boards y also shifts to the right by half a cell."""
    return point(board, *divmod(cell, board.size))


def point(board: Board, x: float, y: float) -> tuple[float, float]:
    """The same for array coordinates, which may be beyond the board."""
    if board.shape == "square":
        return x * CELL, y * CELL
    return round((x + y / 2) * CELL, 2), round(y * CELL * 0.75**0.5, 2)


@cache
def cells(board: Board) -> tuple[int, ...]:
    """Cells of the board in cell order."""
    return tuple(np.flatnonzero(board.mask).tolist())


@cache
def bounds(board: Board) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the cells."""
    centres = [centre(board, cell) for cell in cells(board)]
    high = CELL / 2 if board.shape == "square" else CELL / 3**0.5
    xs, ys = [x for x, _ in centres], [y for _, y in centres]
    return min(xs) - CELL / 2, min(ys) - high, max(xs) + CELL / 2, max(ys) + high


def outline(board: Board, x: float, y: float) -> str:
    """Corners of the cell drawn at a point, for ``points`` of a polygon."""
    half = CELL / 2
    if board.shape == "square":
        corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    else:
        low, high = half / 3**0.5, CELL / 3**0.5
        corners = [(x, y - high), (x + half, y - low), (x + half, y + low), (x, y + high), (x - half, y + low)]
        corners.append((x - half, y - low))
    return " ".join(f"{a:.2f},{b:.2f}" for a, b in corners)


def labels(board: Board) -> Iterator[tuple[str, float, float]]:
    """The coordinates written around the board with their points: y left of each row, x at the end of each column."""
    for y in range(board.size):
        first = int(np.flatnonzero(board.mask[:, y])[0])
        yield str(y - board.radius), *point(board, first - 0.8, y)
    for x in range(board.size):
        last = int(np.flatnonzero(board.mask[x])[-1])
        yield str(x - board.radius), *point(board, x, last + 0.85)
