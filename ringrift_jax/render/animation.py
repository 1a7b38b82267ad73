"""A recorded game as one animated SVG without scripts, so that it also plays where a page shows it as an image."""

from collections.abc import Iterable
from itertools import groupby

from .. import boards, reference
from ..boards import Board
from ..reference.position import Position
from . import marks
from .board import frame, legend
from .geometry import cells, centre
from .pieces import content, ground_svg, legend_line, lit_svg, piece_svg
from .themes import THEMES, dark_rules

_LIGHT = THEMES["light"]


def game_svg(record: dict, *, seconds: float = 0.8, pause: float = 4.0) -> str:
    """The positions of a game one after the other, again and again. Equal arguments give equal text.

    There is a position before the first decision that is shown and one after each, with the forced bookkeeping that
    follows it. The colours follow the light or dark scheme of whoever looks; somebody who prefers reduced motion, or
    whose viewer does not animate, sees the last position.

    Args:
      record: docs/records.md has the format; ``runs.records.record_moves`` makes one of moves.
      seconds: for which a position is shown.
      pause: seconds for which the last one stays longer.

    Raises:
      ValueError: a move is not legal, or a number is out of its range.
    """
    if not seconds > 0 or not pause >= 0:
        raise ValueError(f"seconds is {seconds} and pause {pause}; seconds must be above 0 and pause at least 0")
    board = boards.standard(record["board"], record["players"])
    shown, moves = _decisions(board, record)
    reel = _Reel(len(shown), seconds, pause)
    grounds, pieces, symbols = [], [], {"lit": lit_svg(board, 0, 0, _LIGHT)}
    for cell in cells(board):
        on = [content(pos, cell) for pos in shown]
        grounds.append(reel.show(_use(board, cell, f"g{_collapse(what)}") for what in on))
        pieces.append(reel.show(_use(board, cell, what) if what else "" for what in on))
        for what in filter(None, on):
            symbols[what] = piece_svg(0, 0, what, _LIGHT)
        for what in map(_collapse, on):
            symbols[f"g{what}"] = ground_svg(board, 0, 0, what, _LIGHT)
    lit, over = [""], ["".join(marks.pending(board, shown[0], _LIGHT))]
    for before, after, move in zip(shown, shown[1:], moves, strict=False):
        lit.append("".join(_use(board, cell, "lit") for cell in sorted(marks.changed(before, after))))
        over.append("".join([*marks.last_move(board, move, _LIGHT), *marks.pending(board, after, _LIGHT)]))
    told = [
        [*legend(pos), (0, f"{number} of {len(moves)}: {move}" if number else f"0 of {len(moves)}")]
        for number, (pos, move) in enumerate(zip(shown, ["", *moves], strict=True))
    ]
    lines = [
        reel.show(legend_line(number, *line) for line in column)
        for number, column in enumerate(zip(*told, strict=True))
    ]
    parts = [*grounds, reel.show(lit), *pieces, reel.show(over)]
    drawn = "".join(f'<g id="{name}">{svg}</g>' for name, svg in sorted(symbols.items()))
    head = [f"<style>{reel.style()}{dark_rules()}</style>", f"<defs>{drawn}</defs>"]
    return frame(board, [*head, *filter(None, parts)], lines, _caption(record, shown[-1]), _LIGHT)


class _Reel:
    """Shows things for a run of positions each, and remembers the runs for the style sheet."""

    def __init__(self, count: int, seconds: float, pause: float):
        self._count, self._seconds, self._total = count, seconds, count * seconds + pause
        self._runs: set[tuple[int, int]] = set()

    def show(self, contents: Iterable[str]) -> str:
        """One text for each position, of which equal neighbours are drawn once; what never changes is just drawn."""
        parts, start = [], 0
        for drawn, group in groupby(contents):
            end = start + len(list(group))
            if drawn and end - start == self._count:
                return drawn
            if drawn:
                self._runs.add((start, end))
                # The attribute is for viewers without animation.
                hidden = ' visibility="hidden"' if end < self._count else ""
                parts.append(f'<g class="f f{start}-{end}"{hidden}>{drawn}</g>')
            start = end
        return "".join(parts)

    def style(self) -> str:
        rules = [
            f".f{{animation:{self._total:g}s step-end infinite}}",
            "@media (prefers-reduced-motion:reduce){.f{animation:none}}",
        ]
        for start, end in sorted(self._runs):
            steps = "0%{visibility:hidden}" if start else ""
            steps += f"{self._per_cent(start)}%{{visibility:visible}}"
            steps += f"{self._per_cent(end)}%{{visibility:{'hidden' if end < self._count else 'visible'}}}"
            rules.append(f".f{start}-{end}{{animation-name:f{start}-{end}}}@keyframes f{start}-{end}{{{steps}}}")
        return "".join(rules)

    def _per_cent(self, position: int) -> str:
        return f"{100 * position * self._seconds / self._total:.5g}" if position < self._count else "100"


def _decisions(board: Board, record: dict) -> tuple[list[Position], list[str]]:
    """The decisions, and the positions before the first and after each."""
    positions, moves = [reference.new_game(board, record["swap_rule"])], []
    for step in record["steps"]:
        after = reference.play(positions[-1], step["m"])
        if step["m"].startswith("NO_"):
            positions[-1] = after
        else:
            positions.append(after)
            moves.append(step["m"])
    return positions, moves


def _collapse(what: str) -> str:
    return what if what.startswith("c") else ""


def _use(board: Board, cell: int, name: str) -> str:
    x, y = centre(board, cell)
    return f'<use href="#{name}" x="{x:g}" y="{y:g}"/>'


def _caption(record: dict, end: Position) -> str:
    result = record["result"]
    if not result["winner"]:
        return f"nobody wins: {result['reason'].replace('_', ' ')}"
    seat = result["winner"]
    player = 2 - seat if end.swapped and seat <= 2 else seat - 1
    who = f" ({record['models'][player]})" if "models" in record else ""
    return f"seat {seat}{who} wins: {result['reason'].replace('_', ' ').replace(':', ', ')}"
