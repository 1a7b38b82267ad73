"""What is drawn over a board: the last move, what is pending, legal moves, and the weights of a policy."""

from collections.abc import Iterable, Mapping
from html import escape
from math import hypot

from ..boards import Board
from ..reference.moves import ends, parse_move
from ..reference.position import Position
from .geometry import CELL, centre
from .themes import SEAT_COLOURS, Theme

SHOWN_WEIGHTS = 12
"""The heaviest moves of a policy are drawn, no more."""


def pending(board: Board, pos: Position, theme: Theme) -> list[str]:
    """The stack that may move or capture, and a recovery slide that is not paid yet."""
    parts = []
    if pos.focus is not None:
        parts.append(_ring(board, pos.focus, theme.accent, dashed=True))
    if pos.slide is not None:
        parts.append(_arrow(board, *pos.slide, theme.accent, 3, dashed=True))
    return parts


def last_move(board: Board, move: str, theme: Theme) -> list[str]:
    """Where a move went."""
    parsed = parse_move(board, move)
    arrow = ends(parsed)
    if arrow:
        return [_arrow(board, *arrow, theme.accent, 3)]
    if parsed.kind == "L":
        (ax, ay), (bx, by) = (centre(board, cell) for cell in parsed.cells[:2])
        return [f'<path d="M{ax:g},{ay:g}L{bx:g},{by:g}" stroke="{theme.accent}" stroke-width="3"/>']
    return [_ring(board, cell, theme.accent) for cell in parsed.cells[:1]]


def changed(before: Position, after: Position) -> set[int]:
    """Cells on which something is different."""
    found = set()
    for name in ("stacks", "markers", "collapsed"):
        one, two = getattr(before, name), getattr(after, name)
        found |= {cell for cell in one.keys() | two.keys() if one.get(cell) != two.get(cell)}
    return found


def legal_moves(board: Board, moves: Iterable[str], seat: int) -> list[str]:
    """A ring around each cell from which something may move, and a dot on each cell where a move may end."""
    origins, targets = set(), set()
    for move in map(lambda text: parse_move(board, text), moves):
        arrow = ends(move)
        origins |= {arrow[0]} if arrow else set()
        targets |= {arrow[1]} if arrow else set(move.cells)
    colour = SEAT_COLOURS[seat - 1]
    return [
        *(_ring(board, cell, colour) for cell in sorted(origins)),
        *(_dot(board, c, colour) for c in sorted(targets)),
    ]


def weights(board: Board, weights: Mapping[str, float], theme: Theme) -> list[str]:
    """The heaviest moves in per cent: arrows, and cells for what happens on one."""
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_WEIGHTS]
    most = max(heaviest[0][1], 1e-9) if heaviest else 1.0
    parts, written = [], {}
    for text, weight in reversed(heaviest):
        if weight <= 0:
            continue
        move = parse_move(board, text)
        arrow = ends(move)
        if not move.cells:
            continue
        title = f"<title>{escape(text)}: {weight:.1%}</title>"
        strength = 0.25 + 0.75 * weight / most
        where = arrow[1] if arrow else move.cells[0]
        shape = (
            _arrow(board, *arrow, theme.accent, 1.5 + 3.5 * weight / most)
            if arrow
            else _ring(board, where, theme.accent, wide=1.5 + 2.5 * weight / most)
        )
        parts.append(f'<g opacity="{strength:.3f}">{title}{shape}</g>')
        written[where] = written.get(where, 0.0) + weight
    return parts + [_percent(board, cell, weight, theme) for cell, weight in sorted(written.items())]


def _percent(board: Board, cell: int, weight: float, theme: Theme) -> str:
    x, y = centre(board, cell)
    text = f"{100 * weight:.0f}" if weight >= 0.01 else "&lt;1"
    box = f'<rect x="{x - 11:g}" y="{y + 6:g}" width="22" height="14" rx="4" fill="{theme.accent}"/>'
    return f'{box}<text x="{x:g}" y="{y + 17:g}" font-size="11" text-anchor="middle" fill="#fff">{text}</text>'


def _ring(board: Board, cell: int, colour: str, dashed: bool = False, wide: float = 2.5) -> str:
    x, y = centre(board, cell)
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{CELL / 2 - 2.5:g}" fill="none" stroke="{colour}" '
        f'stroke-width="{wide:.3g}"{dash}/>'
    )


def _dot(board: Board, cell: int, colour: str) -> str:
    x, y = centre(board, cell)
    return f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{colour}" fill-opacity=".55" stroke="#fff" stroke-width="1"/>'


def _arrow(board: Board, start: int, end: int, colour: str, wide: float, dashed: bool = False) -> str:
    (ax, ay), (bx, by) = centre(board, start), centre(board, end)
    length = hypot(bx - ax, by - ay)
    ux, uy = (bx - ax) / length, (by - ay) / length
    head, half = 9 + wide, 3.5 + wide
    # It begins and ends a little inside its cells, so that what stands there can be seen.
    ax, ay, bx, by = ax + 9 * ux, ay + 9 * uy, bx - 6 * ux, by - 6 * uy
    nx, ny = bx - head * ux, by - head * uy
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    corners = f"{bx:.2f},{by:.2f} {nx - half * uy:.2f},{ny + half * ux:.2f} {nx + half * uy:.2f},{ny - half * ux:.2f}"
    return (
        f'<path d="M{ax:.2f},{ay:.2f}L{nx:.2f},{ny:.2f}" stroke="{colour}" stroke-width="{wide:.3g}" '
        f'stroke-opacity=".85"{dash}/><polygon points="{corners}" fill="{colour}" fill-opacity=".85"/>'
    )
