"""Positions as pictures: SVG or plain text, without any dependency."""

from typing import TYPE_CHECKING

import jax
import numpy as np

from .boards import Board
from .rules.state import Phase, State
from .state_text import PHASE_NAMES, cell_names, stack_rings

if TYPE_CHECKING:
    from .env import Env

SEAT_COLOURS = ("#2f6db5", "#e0822c", "#3d9950", "#8e55a5")
"""Fill of the rings, markers and collapsed cells of each seat."""

_CELL = 44.0  # distance between neighbouring cells
_MARGIN = 14.0
_LEGEND = 22.0  # height of a line of the legend


def board_svg(env: "Env", state: State) -> str:
    """Draws one unbatched state, with hands, eliminated rings and territory of each seat below the board.

    Stacks are seen from the side, their bottom ring lowest; a marker is a disc; a collapsed cell is filled. Pointing at
    a cell shows its coordinates and rings.
    """
    host: State = jax.device_get(state)
    board = env.board
    cells = np.flatnonzero(board.mask)
    centres = {int(cell): _centre(board, int(cell)) for cell in cells}
    left, top = (min(c[i] for c in centres.values()) - _CELL / 2 - _MARGIN for i in (0, 1))
    width, height = (max(c[i] for c in centres.values()) + _CELL / 2 + _MARGIN - o for i, o in ((0, left), (1, top)))
    ground, rings = host.ground.reshape(-1), stack_rings(host.stacks)
    drawn = [_cell(board, cell, *centres[cell], int(ground[cell]), rings.get(cell, [])) for cell in centres]
    legend = _legend(env, host, left + _MARGIN, top + height + _LEGEND / 2)
    box = f"{left:g} {top:g} {width:g} {height + _LEGEND * len(legend):g}"
    style = 'font-family="sans-serif" font-size="13" fill="#333"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {style}>', *drawn, *legend, "</svg>"]
    return "\n".join(lines) + "\n"


def _centre(board: Board, cell: int) -> tuple[float, float]:
    """Where a cell is drawn: x runs to the right; on hex boards y also shifts to the right by half a cell."""
    x, y = divmod(cell, board.size)
    if board.shape == "square":
        return x * _CELL, y * _CELL
    return round((x + y / 2) * _CELL, 2), round(y * _CELL * 0.75**0.5, 2)


def _cell(board: Board, cell: int, x: float, y: float, ground: int, rings: list[int]) -> str:
    fill, opacity = (SEAT_COLOURS[-ground - 1], 0.65) if ground < 0 else ("#f4efe4", 1)
    title = cell_names(board)[cell]
    parts = [_outline(board, x, y, fill, opacity)]
    if ground > 0:
        parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="8" fill="{SEAT_COLOURS[ground - 1]}" stroke="#fff"/>')
    if rings:
        title += f": rings {''.join(str(seat + 1) for seat in rings)} from bottom to top"
        thick = min(7.0, 36 / len(rings))
        bottom = y + thick * len(rings) / 2
        for level, seat in enumerate(rings, start=1):
            box = f'x="{x - 15:g}" y="{bottom - thick * level:g}" width="30" height="{thick:g}" rx="{thick / 2:g}"'
            parts.append(f'<rect {box} fill="{SEAT_COLOURS[seat]}" stroke="#222" stroke-width=".8"/>')
    return f"<g><title>{title}</title>{''.join(parts)}</g>"


def _outline(board: Board, x: float, y: float, fill: str, opacity: float) -> str:
    half = _CELL / 2
    if board.shape == "square":
        corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    else:
        low, high = half / 3**0.5, _CELL / 3**0.5
        corners = [(x, y - high), (x + half, y - low), (x + half, y + low), (x, y + high), (x - half, y + low)]
        corners.append((x - half, y - low))
    points = " ".join(f"{a:.2f},{b:.2f}" for a, b in corners)
    return f'<polygon points="{points}" fill="{fill}" fill-opacity="{opacity}" stroke="#b9ad96"/>'


def _legend(env: "Env", host: State, x: float, y: float) -> list[str]:
    """One line of text for each seat."""
    lines = []
    for seat in range(env.num_players):
        territory = int((host.ground == -(seat + 1)).sum())
        text = f"{host.hand[seat]} in hand, {host.eliminated[seat]} eliminated, {territory} territory"
        if host.phase != Phase.OVER and seat == host.current_seat:
            text += f", to move ({PHASE_NAMES[Phase(int(host.phase))]})"
        elif seat == host.winner:
            text += ", winner"
        dot = f'<circle cx="{x + 6:g}" cy="{y - 4:g}" r="6" fill="{SEAT_COLOURS[seat]}"/>'
        lines.append(f'{dot}<text x="{x + 18:g}" y="{y:g}">seat {seat + 1}: {text}</text>')
        y += _LEGEND
    return lines


def board_text(board: Board, text: str) -> str:
    """Draws a state string of the board as text, x to the right and y down, as :func:`board_svg` does.

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
    left, _ = _centre(board, int(np.flatnonzero(board.mask)[0]))
    lines = []
    for y in range(board.size):
        row = np.flatnonzero(board.mask[:, y]).tolist()
        names = [board.cell_name(x * board.size + y) for x in row]
        indent = (_centre(board, row[0] * board.size + y)[0] - left) / _CELL
        cells = "".join(shown.get(name, ".").ljust(width) for name in names)
        lines.append(f"{names[0]:>{label}}  {' ' * round(indent * width)}{cells}".rstrip())
    return "\n".join(lines)
