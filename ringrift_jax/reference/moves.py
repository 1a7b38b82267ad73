"""Move strings taken apart (records section 3)."""

import re
from typing import NamedTuple

from ..boards import Board
from .geometry import geometry


class Move(NamedTuple):
    """A move string in parts.

    ``kind`` is the first word (P, M, C, K, L, EL, T, ET, ER, FE, SKIP_*, NO_*, SWAP), for a recovery its option (F, S,
    1 or 2), and R for the slide of a recovery alone. ``cells`` are in the order written; ``number`` is the number of
    rings placed or of cells in a region; ``colours`` are a region's border colours.
    """

    kind: str
    cells: tuple[int, ...] = ()
    number: int = 0
    colours: tuple[int, ...] = ()


WORDS = (
    "SKIP_PLACE", "NO_PLACE", "SWAP", "SKIP_RECOVERY", "NO_MOVE", "SKIP_CAPTURE", "NO_LINE", "SKIP_TERR", "NO_TERR",
)  # fmt: skip

# "c" stands for a cell.
_FORMS = {
    "P": "P c (?P<number>[123])",
    "M": "M c>c",
    "C": r"C c\*c>c",
    "K": r"K c\*c>c",
    "R": "R c>c",
    "F": "R c>c F @c",
    "S": "R c>c S @c",
    "1": "R c>c 1 @c",
    "2": "R c>c 2 c~c",
    "L": "L c~c(?:/c~c)?",
    "EL": "EL c",
    "T": "T c (?P<number>[1-9][0-9]*) b(?=[0-4])(?P<colours>0?1?2?3?4?)",
    "ET": "ET c",
    "ER": "ER c",
    "FE": "FE c",
}
_CELL = re.compile(r"-?\d+,-?\d+")
_PATTERNS = [
    (kind, re.compile(re.sub(r"(?<![a-z<])c(?![a-z])", lambda _: _CELL.pattern, form), re.ASCII))
    for kind, form in _FORMS.items()
]


_GOING = ("M", "C", "K", "R", "F", "S", "1", "2")


def ends(move: Move) -> tuple[int, int] | None:
    """From where to where something moves; None for moves that stay on their cells."""
    if move.kind not in _GOING:
        return None
    return move.cells[0], move.cells[2 if move.kind in ("C", "K") else 1]


def is_slide(text: str) -> bool:
    """Whether a text is the slide of a recovery alone, ``R a>b``, which is an action but no whole move."""
    return text.startswith("R ") and text.count(" ") == 1


def parse_move(board: Board, text: str) -> Move:
    """A move string in parts; ValueError, with the reason, when it is not one."""
    if text in WORDS:
        return Move(text)
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            cells = tuple(parse_cell(board, name) for name in _CELL.findall(text))
            return Move(kind, cells, int(parts.get("number") or 0), tuple(map(int, parts.get("colours") or "")))
    raise ValueError(f"{text!r} is not the form of any move")


def parse_cell(board: Board, name: str) -> int:
    """The cell of a name spelled as the board spells it; ValueError otherwise."""
    cell = geometry(board).index.get(name)
    if cell is None:
        raise ValueError(f"{name!r} is not a cell of {board.name}")
    return cell
