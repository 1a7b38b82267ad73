"""Wins of a turn that were given away in a game."""

import pytest
from played import random_record

from ringrift_jax import boards, reference
from ringrift_jax.runs.overlooked import overlooked_wins

LIMIT = 400
"""States that the reference may look at for one position."""


def line_of(pos: reference.Position) -> tuple[str, ...] | str | None:
    """A winning line of the turn, None if there is none, "unknown" if that is not known."""
    if reference.result(pos):
        return None
    try:
        return reference.winning_line(pos, LIMIT)
    except RecursionError:
        return "unknown"


@pytest.mark.ci
def test_wins_that_were_given_away_are_those_of_exhaustive_search():
    record = random_record(3, "square8", 2)
    marks = overlooked_wins(record)
    pos = reference.new_game(boards.standard("square8", 2), record["swap_rule"])
    certain = set()
    for number, step in enumerate(record["steps"], 1):
        after = reference.play(pos, step["m"])
        if number in marks:
            line, end = marks[number].split(": ")
            reached = reference.settle(pos)
            for move in line.split(", "):
                reached = reference.act(reached, move)
            result = reference.result(reached)
            assert result and result.winner == pos.seat and end == f"seat {pos.seat} wins by {result.reason}"
        if not step["m"].startswith("NO_"):
            before = line_of(reference.settle(pos))
            result = reference.result(after)
            same_turn = not result and after.seat == pos.seat and after.turn == pos.turn
            still = (result and result.winner == pos.seat) or (same_turn and line_of(reference.settle(after)))
            if before not in (None, "unknown") and not still:
                certain.add(number)
            if before is None:
                assert number not in marks
        pos = after
    assert certain and certain <= set(marks)
