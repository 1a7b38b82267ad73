"""A recorded game for a page without a kernel or a server: everything that is shown of it, in advance."""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

from ..reference.position import territory
from ..render.themes import SEAT_COLOURS
from .sources import tree_of
from .tree import MoveTree
from .views import board_view


@dataclass(frozen=True)
class Curve:
    """A number that changes over a game.

    Attributes:
      label: names it.
      values: one for each position of the record, the start included; None where there is none.
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


def seat_curves(rows: Iterable[Sequence[float | None]]) -> list[Curve]:
    """The curves of values by seat, the first one's first."""
    return [Curve(f"seat {seat}", row, SEAT_COLOURS[seat - 1]) for seat, row in enumerate(rows, 1)]


def decisions_made(record: dict) -> list[int]:
    """How many decisions were made before each position of a record, the start included; forced moves are none, so the
    positions after them belong to the decision before."""
    return list(accumulate((not step["m"].startswith("NO_") for step in record["steps"]), initial=0))


def replay(
    record: dict, curves: Mapping[str, Sequence[Curve]] | None = None, marked: Mapping[int, Mark] | None = None
) -> dict[str, Any]:
    """What ``static/replay.js`` takes: the board, the moves, what is shown after each, marks of moves, and charts. It
    is to be stepped through, and no more.

    Args:
      record: docs/records.md has the format.
      curves: by the title of their chart, below the two that are always there: how far each seat is on its way to
        winning by eliminated rings and by territory.
      marked: moves with a mark, by their numbers from 1.

    Raises:
      ValueError: it is none, a move is not legal, or a curve does not have one value for each position.
    """
    tree, nodes = tree_of(record), decisions_made(record)
    charts = _progress(tree)
    for title, group in (curves or {}).items():
        for curve in group:
            if len(curve.values) != len(nodes):
                raise ValueError(
                    f"{title}, {curve.label}: {len(curve.values)} values; there are {len(nodes)} positions"
                )
        charts[title] = [replace(curve, values=_by_node(nodes, curve.values)) for curve in group]
    return {
        "board": board_view(tree.position(0).board),
        "tree": tree.branches(),
        "views": [tree.view(node, to_choose=False) for node in range(len(tree))],
        "marks": {nodes[number]: mark._asdict() for number, mark in (marked or {}).items()},
        "charts": [{"title": title, "curves": list(map(asdict, group))} for title, group in charts.items()],
    }


def packed(game: dict[str, Any]) -> str:
    """The address of what :func:`replay` gives, for a page that holds the game itself. Equal games have equal ones."""
    data = gzip.compress(json.dumps(game, separators=(",", ":")).encode(), mtime=0)
    return f"data:application/gzip;base64,{base64.b64encode(data).decode()}"


def _by_node(nodes: Sequence[int], values: Sequence[float | None]) -> list[float | None]:
    """The last value that is known at each node."""
    found: list[float | None] = [None] * (nodes[-1] + 1)
    for node, value in zip(nodes, values, strict=True):
        if value is not None:
            found[node] = value
    return found


def _progress(tree: MoveTree) -> dict[str, list[Curve]]:
    positions = [tree.position(node) for node in range(len(tree))]
    board, seats = positions[0].board, positions[0].seats
    lands = [territory(pos) for pos in positions]
    return {
        "eliminated rings, of those that win": seat_curves(
            [round(pos.eliminated[seat] / board.ring_threshold, 4) for pos in positions] for seat in seats
        ),
        "territory, of what is needed": seat_curves(
            [round(land[seat] / board.territory_minimum, 4) for land in lands] for seat in seats
        ),
    }
