"""Puzzles in which a turn has to leave the next player no win: made from a recorded game, checked by the reference."""

from pathlib import Path

import pytest

from experiments import puzzles as making
from ringrift_jax import reference
from ringrift_jax.runs.puzzle_files import read_puzzles

GAME = Path(__file__).parents[2] / "docs" / "game.jsonl.gz"


@pytest.mark.ci
@pytest.mark.optimised
def test_a_defence_leaves_no_win_where_the_turn_holds_none_and_most_turns_leave_one(tmp_path, capsys):
    out = tmp_path / "defences.jsonl"
    making.main([str(GAME), "--defence", "--most", "3", "--out", str(out)])
    made = read_puzzles(out)
    assert f"puzzles in {out}: " in capsys.readouterr().out and 0 < len(made) <= 3
    for puzzle in made:
        pos = puzzle.position()
        assert puzzle.win is None and puzzle.defence and puzzle.of == 32 and 0 < puzzle.keep <= 16 and puzzle.level
        assert reference.winning_line(pos) is None
        seat = pos.seat
        for move in puzzle.defence:
            assert pos.seat == seat
            pos = reference.settle(reference.play(pos, move))
        assert not pos.winner and pos.seat != seat
        assert reference.winning_line(pos) is None
