"""Positions as plain text, for terminals."""

import numpy as np

from ..boards import Board
from ..notation.states import cell_names
from .geometry import CELL, centre


def board_text(board: Board, text: str) -> str:
    """Draws a state string of the board as text, x to the right and y down, as ``board_svg`` does.

    A stack is the seats of its rings from bottom to top, ``o1`` a marker and ``#1`` a cell collapsed by seat 1. Each
    row begins with the name of its first cell.
    """
    stacks, markers, collapsed = (
        dict(item.split(":") for item in field.split(" ") if item) for field in text.split("|")[5:8]
    )
    shown = stacks | {c: f"o{s}" for c, s in markers.items()} | {c: f"#{s}" for c, s in collapsed.items()}
    # Even, because rows of hex boards are shifted by half a cell.
    width = (max(map(len, shown.values()), default=2) + 2) // 2 * 2
    label = max(map(len, cell_names(board)))
    left, _ = centre(board, int(np.flatnonzero(board.mask)[0]))
    lines = []
    for y in range(board.size):
        row = np.flatnonzero(board.mask[:, y]).tolist()
        names = [board.cell_name(x * board.size + y) for x in row]
        indent = (centre(board, row[0] * board.size + y)[0] - left) / CELL
        cells = "".join(shown.get(name, ".").ljust(width) for name in names)
        lines.append(f"{names[0]:>{label}}  {' ' * round(indent * width)}{cells}".rstrip())
    return "\n".join(lines)
