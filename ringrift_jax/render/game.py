"""A whole game as one HTML file that needs nothing else: a board, a slider, the moves, and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import boards, reference
from ..reference.position import Position, territory
from . import marks
from .board import frame, legend
from .geometry import cells
from .pages import page
from .pieces import cell_svg, legend_line
from .themes import SEAT_COLOURS, theme

_WIDE, _HIGH = 640, 110


@dataclass(frozen=True)
class Curve:
    """A number that changes over a game.

    Attributes:
      label: names it.
      values: one for each position, the start included; None where there is none.
      colour: of CSS.
    """

    label: str
    values: Sequence[float | None]
    colour: str


class Mark(NamedTuple):
    """What is thought of a move.

    Attributes:
      sign: such as ``?``.
      why: in words.
    """

    sign: str
    why: str


def game_html(
    record: dict,
    curves: Mapping[str, Sequence[Curve]] | None = None,
    theme_name: str = "light",
    marked: Mapping[int, Mark] | None = None,
) -> str:
    """The page of a recorded game, of a record that :func:`ringrift_jax.runs.records.verify` has accepted.

    The slider, the arrow keys, Home, End and the list of moves choose the position; the space bar plays.

    Args:
      record: docs/records.md has the format.
      curves: by the title of their chart, under the two that are always there: how far each seat is on its way to
        winning by eliminated rings and by territory.
      theme_name: ``"light"`` or ``"dark"``.
      marked: moves with a mark, by their numbers from 1.

    Raises:
      ValueError: a move is not legal, or a curve does not have one value for each position.
    """
    palette = theme(theme_name)
    board = boards.standard(record["board"], record["players"])
    positions = [reference.new_game(board, record["swap_rule"])]
    for step in record["steps"]:
        positions.append(reference.play(positions[-1], step["m"]))
    charts = _progress(positions) | dict(curves or {})
    for title, group in charts.items():
        for curve in group:
            if len(curve.values) != len(positions):
                raise ValueError(
                    f"{title}, {curve.label}: {len(curve.values)} values; there are {len(positions)} positions"
                )
    history = {cell: [[0, cell_svg(board, positions[0], cell, palette, changed=True)]] for cell in cells(board)}
    changes: list[list[int]] = [[]]
    over, lines = [_over(positions[0], None, palette)], [_lines(positions[0], None)]
    for number, (before, after) in enumerate(zip(positions, positions[1:], strict=False), 1):
        move = record["steps"][number - 1]["m"]
        changes.append(sorted(marks.changed(before, after)))
        for cell in changes[-1]:
            history[cell].append([number, cell_svg(board, after, cell, palette, changed=True)])
        over.append(_over(after, move, palette))
        lines.append(_lines(after, record["result"] if number == len(record["steps"]) else None))
    empty = [f'<g id="c{cell}"></g>' for cell in cells(board)]
    told = [legend_line(number, 0, "") for number in range(record["players"] + 1)]
    picture = frame(board, [*empty, '<g id="over"></g>'], told, "", palette)
    data = {
        "cells": history,
        "changes": changes,
        "over": over,
        "lines": lines,
        "moves": [[step["p"], step["ph"], step["m"], step["n"]] for step in record["steps"]],
        "marked": {str(number): mark for number, mark in (marked or {}).items()},
        "colours": SEAT_COLOURS,
    }
    models = record.get("models")
    played = f" played by {', '.join(models)}" if models else ""
    result = record["result"]
    ended = f"seat {result['winner']} wins" if result["winner"] else "nobody wins"
    return page(
        __package__,
        "game.html",
        title=record.get("id") or "game",
        about=f"{record['board']}, {record['players']} players{played}",
        result=f"{ended}: {result['reason']}, {len(record['steps'])} moves",
        picture=picture,
        charts=[_chart(title, group) for title, group in charts.items()],
        last=len(record["steps"]),
        wide=_WIDE,
        high=_HIGH,
        palette=palette,
        data=data,
    )


def _over(pos: Position, move: str | None, palette: Any) -> str:
    parts = marks.last_move(pos.board, move, palette) if move else []
    return "".join([*parts, *marks.pending(pos.board, pos, palette)])


def _lines(pos: Position, result: dict | None) -> list[list[Any]]:
    """The lines of the legend; a record says better than a position why a game has ended."""
    lines = [list(line) for line in legend(pos)]
    if result and result["winner"]:
        lines[-1] = [result["winner"], f"seat {result['winner']} wins: {result['reason']}"]
    return lines


def _progress(positions: Sequence[Position]) -> dict[str, list[Curve]]:
    board = positions[0].board
    rings, lands = [], []
    for seat in positions[0].seats:
        label, colour = f"seat {seat}", SEAT_COLOURS[seat - 1]
        rings.append(Curve(label, [pos.eliminated[seat] / board.ring_threshold for pos in positions], colour))
        lands.append(Curve(label, [territory(pos)[seat] / board.territory_minimum for pos in positions], colour))
    return {"eliminated rings, of those that win": rings, "territory, of what is needed": lands}


def _chart(title: str, curves: Sequence[Curve]) -> dict[str, Any]:
    """What the template draws of some curves in one chart."""
    known = [value for curve in curves for value in curve.values if value is not None]
    low, high = min(0.0, *known, 0.0), max(1.0, *known, 1.0)
    count = len(curves[0].values)

    def y(value: float) -> float:
        return round(_HIGH - 4 - (value - low) / (high - low) * (_HIGH - 8), 1)

    drawn = []
    for curve in curves:
        path, pen = [], "M"
        for index, value in enumerate(curve.values):
            if value is None:
                continue
            path.append(f"{pen}{index / max(count - 1, 1) * _WIDE:.1f},{y(value)}")
            pen = "L"
        drawn.append({"label": curve.label, "colour": curve.colour, "path": "".join(path)})
    return {"title": title, "curves": drawn, "low": low, "high": high, "zero": y(0)}
