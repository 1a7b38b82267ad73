"""What stands on a cell: collapsed ground, a marker, or a stack seen from the side."""

from html import escape

from ..boards import Board
from ..reference.position import Position
from .geometry import CELL, centre, outline
from .themes import SEAT_COLOURS, Theme

LINE_HEIGHT = 21.0
"""Height of a line of text."""

_HIGH = 34.0  # room for the rings of a stack
_THICK = 8.0  # of a ring, where there is room for it
_WIDE = 25.0


def content(pos: Position, cell: int) -> str:
    """What is on a cell: ``c1`` collapsed by seat 1, ``m1`` its marker, ``s12`` a stack from the bottom; or empty."""
    if cell in pos.collapsed:
        return f"c{pos.collapsed[cell]}"
    if cell in pos.markers:
        return f"m{pos.markers[cell]}"
    if cell in pos.stacks:
        return f"s{''.join(map(str, pos.stacks[cell]))}"
    return ""


def cell_svg(board: Board, pos: Position, cell: int, theme: Theme, changed: bool = False) -> str:
    """A cell and what is on it, as one group with a title that says it in words; ``changed``: by the last move."""
    x, y = centre(board, cell)
    on = content(pos, cell)
    lit = lit_svg(board, x, y, theme) if changed else ""
    title = f"<title>{escape(board.cell_name(cell))}: {_words(on)}</title>"
    return f"<g>{title}{ground_svg(board, x, y, on, theme)}{lit}{piece_svg(x, y, on, theme)}</g>"


def ground_svg(board: Board, x: float, y: float, on: str, theme: Theme) -> str:
    """The cell itself at a point, in the colour of who collapsed it; ``on`` is its :func:`content`."""
    fill, opacity = theme.cell, ""
    if on.startswith("c"):
        fill, opacity = SEAT_COLOURS[int(on[1:]) - 1], ' fill-opacity=".7"'
    return f'<polygon points="{outline(board, x, y)}" fill="{fill}"{opacity} stroke="{theme.edge}"/>'


def lit_svg(board: Board, x: float, y: float, theme: Theme) -> str:
    """What marks a cell as changed."""
    return f'<polygon class="changed" points="{outline(board, x, y)}" fill="{theme.accent}" fill-opacity=".16"/>'


def piece_svg(x: float, y: float, on: str, theme: Theme) -> str:
    """The number on collapsed ground, a marker, a stack or nothing, at a point; ``on`` is the :func:`content`."""
    kind, seats = on[:1], tuple(map(int, on[1:]))
    if kind == "c":
        return _text(x, y + 4, on[1:], 11, theme.background)
    if kind == "m":
        return _marker(x, y, seats[0], theme)
    return _stack(x, y, seats, cap_height(seats), theme) if kind else ""


def _words(on: str) -> str:
    kind, seats = on[:1], tuple(map(int, on[1:]))
    if kind == "c":
        return f"collapsed, territory of seat {on[1:]}"
    if kind == "m":
        return f"marker of seat {on[1:]}"
    if kind == "s":
        return (
            f"stack {on[1:]} from bottom to top, height {len(seats)}, cap {cap_height(seats)}, "
            f"controlled by seat {seats[-1]}"
        )
    return "empty"


def cap_height(rings: tuple[int, ...]) -> int:
    """Rings of the owner of the top ring that lie together at the top."""
    height = 1
    while height < len(rings) and rings[-height - 1] == rings[-1]:
        height += 1
    return height


def _text(x: float, y: float, text: str, size: float, fill: str, weight: str = "") -> str:
    bold = ' font-weight="bold"' if weight else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="middle" fill="{fill}"{bold}>{text}</text>'


def _marker(x: float, y: float, seat: int, theme: Theme) -> str:
    colour = SEAT_COLOURS[seat - 1]
    disc = f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="{colour}" stroke="{theme.rim}" stroke-width=".8"/>'
    return disc + _text(x, y + 4, str(seat), 11, "#fff", "bold")


def _stack(x: float, y: float, rings: tuple[int, ...], cap: int, theme: Theme) -> str:
    """The rings, lowest first; beside them the height of the cap, above, and of the stack, below."""
    height = len(rings)
    left, right = (x - 19, x + 14) if height > 1 else (x - _WIDE / 2, x)
    thick = min(_THICK, _HIGH / height)
    bottom = y + thick * height / 2
    parts = []
    for level, seat in enumerate(rings, start=1):
        box = f'x="{left:g}" y="{bottom - thick * level:.4g}" width="{_WIDE:g}" height="{thick:.4g}"'
        colour = SEAT_COLOURS[seat - 1]
        parts.append(f'<rect {box} rx="{thick / 2:.3g}" fill="{colour}" stroke="{theme.rim}" stroke-width=".8"/>')
    if height > 1:
        parts.append(_text(right, y - 3, str(cap), 13, theme.text, "bold"))
        parts.append(f'<path d="M{right - 6:g},{y:g}h12" stroke="{theme.faint}" stroke-width=".8"/>')
        parts.append(_text(right, y + 12, str(height), 12, theme.faint))
    return "".join(parts)


def legend_line(number: int, seat: int, text: str) -> str:
    """A line of text below the board, with the colour of a seat before it; none for seat 0."""
    y = LINE_HEIGHT * number + 14
    return f'{_dot(6, y, seat) if seat else ""}<text x="18" y="{y:g}">{escape(text)}</text>'


def _dot(x: float, y: float, seat: int) -> str:
    return f'<circle cx="{x:g}" cy="{y - 4.5:g}" r="{CELL / 7:.3g}" fill="{SEAT_COLOURS[seat - 1]}"/>'
