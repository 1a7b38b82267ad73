"""What stands on a cell: collapsed ground, a marker, or a stack seen from the side."""

from html import escape

from ..boards import Board
from ..reference.position import Position
from .geometry import CELL, centre, outline
from .themes import SEAT_COLOURS, Theme

_HIGH = 34.0  # room for the rings of a stack
_THICK = 8.0  # of a ring, where there is room for it
_WIDE = 25.0


def cell_svg(board: Board, pos: Position, cell: int, theme: Theme, changed: bool = False) -> str:
    """A cell and what is on it, as one group with a title that says it in words; ``changed``: by the last move."""
    x, y = centre(board, cell)
    fill, words, parts = theme.cell, "empty", []
    if cell in pos.collapsed:
        seat = pos.collapsed[cell]
        fill, words = SEAT_COLOURS[seat - 1], f"collapsed, territory of seat {seat}"
        parts = [_text(x, y + 4, str(seat), 11, theme.background)]
    elif cell in pos.markers:
        seat = pos.markers[cell]
        words, parts = f"marker of seat {seat}", _marker(x, y, seat, theme)
    elif cell in pos.stacks:
        rings = pos.stacks[cell]
        cap = cap_height(rings)
        written = "".join(map(str, rings))
        words = f"stack {written} from bottom to top, height {len(rings)}, cap {cap}, controlled by seat {rings[-1]}"
        parts = _stack(x, y, rings, cap, theme)
    opacity = ' fill-opacity=".7"' if cell in pos.collapsed else ""
    ground = f'<polygon points="{outline(board, x, y)}" fill="{fill}"{opacity} stroke="{theme.edge}"/>'
    if changed:
        ground += f'<polygon class="changed" points="{outline(board, x, y)}" fill="{theme.accent}" fill-opacity=".16"/>'
    return f"<g><title>{escape(board.cell_name(cell))}: {words}</title>{ground}{''.join(parts)}</g>"


def cap_height(rings: tuple[int, ...]) -> int:
    """Rings of the owner of the top ring that lie together at the top."""
    height = 1
    while height < len(rings) and rings[-height - 1] == rings[-1]:
        height += 1
    return height


def _text(x: float, y: float, text: str, size: float, fill: str, weight: str = "") -> str:
    bold = ' font-weight="bold"' if weight else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="middle" fill="{fill}"{bold}>{text}</text>'


def _marker(x: float, y: float, seat: int, theme: Theme) -> list[str]:
    colour = SEAT_COLOURS[seat - 1]
    disc = f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="{colour}" stroke="{theme.rim}" stroke-width=".8"/>'
    return [disc, _text(x, y + 4, str(seat), 11, "#fff", "bold")]


def _stack(x: float, y: float, rings: tuple[int, ...], cap: int, theme: Theme) -> list[str]:
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
    return parts


def legend_dot(x: float, y: float, seat: int) -> str:
    """The colour of a seat, for a line of text that begins at x."""
    return f'<circle cx="{x:g}" cy="{y - 4.5:g}" r="{CELL / 7:.3g}" fill="{SEAT_COLOURS[seat - 1]}"/>'
