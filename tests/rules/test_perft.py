"""Perft: both engines count the sequences of decisions that docs/perft.md lists."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import batches
import numpy as np
import positions
import pytest

import ringrift_jax as rr
from ringrift_jax import notation, reference
from ringrift_jax.boards import standard
from ringrift_jax.rules.state import State

PAGE = Path(__file__).resolve().parents[2] / "docs" / "perft.md"


class Row(NamedTuple):
    board: str
    num_players: int
    position: str
    counts: tuple[int, ...]


def read_page() -> list[Row]:
    """The rows of every table of the page: board, players, position, and a count for each depth."""
    rows = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if cells[0] in rr.BOARD_NAMES:
            counts = tuple(int(cell.replace(",", "")) for cell in cells[3:] if cell)
            rows.append(Row(cells[0], int(cells[1]), cells[2], counts))
    return rows


ROWS = read_page()


def name(row: Row) -> str:
    return f"{row.board}-{row.num_players}p-{row.position}"


def text_of(row: Row) -> str:
    """The state string of the row's position, which is ``start`` or a name of ``built_positions``."""
    board = standard(row.board, row.num_players)
    if row.position == "start":
        return reference.state_string(reference.new_game(board, row.num_players == 2))
    return _built(row.board, row.num_players)[row.position]


@cache
def _built(board: str, num_players: int) -> dict[str, str]:
    return positions.built_positions(standard(board, num_players))


def count(env: rr.Env, start: State, depth: int) -> tuple[int, ...]:
    """Perft by whole layers: every legal action of every position of a layer gives a position of the next."""
    state, mask = batches.advance(env, batches.stack([start]), np.array([batches.NO_ACTION]))
    layer = [(state, mask)]
    counts = [int(mask.sum())]
    while len(counts) < depth:
        layer = [expanded for states, masks in layer for expanded in expand(env, states, masks)]
        counts.append(sum(int(masks.sum()) for _, masks in layer))
    return tuple(counts)


def expand(env: rr.Env, states: State, masks: np.ndarray) -> Iterator[tuple[State, np.ndarray]]:
    """The successors of some positions with their masks, LANES at a time."""
    parents, actions = np.nonzero(masks)
    for begin in range(0, len(actions), batches.LANES):
        chunk = np.s_[begin : begin + batches.LANES]
        yield batches.advance(env, batches.take(states, parents[chunk]), actions[chunk])


def test_every_configuration_is_listed() -> None:
    for board in rr.BOARD_NAMES:
        for num_players in (2, 3, 4):
            mine = [row for row in ROWS if row[:2] == (board, num_players)]
            depths = {row.position: len(row.counts) for row in mine}
            assert depths.pop("start") == (3 if (board, num_players) in batches.SMALL else 2)
            assert len(depths) >= 3 and min(depths.values()) >= 2


@pytest.mark.parametrize("row", [pytest.param(row, id=name(row), marks=batches.marks(*row[:2])) for row in ROWS])
def test_rules(row: Row) -> None:
    env = batches.make(row.board, row.num_players)
    start = notation.from_state_string(env, text_of(row))
    assert count(env, start, len(row.counts)) == row.counts


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_reference(row: Row) -> None:
    board = standard(row.board, row.num_players)
    start = reference.from_state_string(board, text_of(row), row.num_players == 2)
    assert tuple(reference.perft(start, len(row.counts))) == row.counts
