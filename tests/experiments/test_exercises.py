"""The tutorial and the puzzles: what is right, what is wrong, and their pages."""

import json
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest

from experiments import puzzles as making
from experiments.play.web import lessons as tutorial
from experiments.play.web import puzzles
from experiments.play.web.exercises import show, walk
from experiments.play.web.lessons import lessons
from experiments.play.web.puzzles import Trainer, TurnToDefend, TurnToWin
from ringrift_jax import boards, reference
from ringrift_jax.runs import record_files, records
from ringrift_jax.runs.puzzle_files import Puzzle, boxed_puzzles, read_puzzles

MISTAKES = {
    "rings": ["P 3,3 3"],
    "control": ["M 2,2>6,6"],
    "markers": ["M 0,3>3,3"],
    "eliminated": ["SKIP_PLACE", "M 3,3>4,3"],
    "capture": ["M 2,4>6,0"],
    "chain": ["C 0,0*2,0>3,0"],
    "line": ["M 5,3>7,3"],
    "longer-line": ["L -2,0~2,0", "EL 0,-3"],
    "territory": ["M 2,1>5,1", "SKIP_TERR"],
    "recovery": ["SKIP_RECOVERY"],
    "forced": ["FE 7,7"],
    "last": ["M 6,4>6,3"],
    "corner": ["P 3,3 1", "M 3,3>3,4"],
    "defence": ["P 7,1 1", "M 7,1>0,1"],
}
"""Of each lesson moves that do not solve it."""


@pytest.mark.parametrize("name", lessons())
def test_a_lesson_is_solved_by_its_solution_and_by_nothing_before(name):
    lesson = lessons()[name]
    for made in range(len(lesson.solution) + 1):
        moves = lesson.solution[:made]
        told = lesson.judge(walk(lesson, moves), moves)
        assert told.state == ("solved" if made == len(lesson.solution) else "open"), moves
    assert told.says == lesson.done


@pytest.mark.parametrize("name", lessons())
def test_a_lesson_says_what_was_wrong(name):
    lesson, moves = lessons()[name], MISTAKES[name]
    told = lesson.judge(walk(lesson, moves), moves)
    assert told.state == "wrong" and told.says in {lesson.hint.strip(), *(mistake.says for mistake in lesson.wrong)}


def test_each_mistake_that_a_lesson_knows_can_be_made():
    for lesson in lessons().values():
        trail = walk(lesson, lesson.solution)[:-1]
        legal = [move for pos in trail for move in reference.legal_moves(pos)]
        for mistake in lesson.wrong:
            assert any(fnmatchcase(move, mistake.move) for move in legal), mistake


def test_a_turn_that_leaves_a_win_is_no_defence():
    lesson = lessons()["defence"]
    for moves, solved in (
        (["P 0,7 1", "M 0,7>0,0"], True),
        (["P 0,6 1", "M 0,6>0,0"], True),
        (["P 4,4 1", "M 4,4>4,0"], False),
    ):
        assert (lesson.judge(walk(lesson, moves), moves).state == "solved") == solved


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('goal.last = "M *"', "goal.lust = 1", "unknown field `lust`"),
        ('hint = "Choose a cell, and then how many rings."', "", "missing required field `hint`"),
        ('board = "hex8"', 'board = "hex9"', "Invalid enum value 'hex9'"),
    ],
)
def test_a_damaged_tutorial_is_refused(old, new, message):
    text = tutorial.FILE.read_text()
    assert text.count(old) == 1
    with pytest.raises(msgspec.ValidationError, match=message):
        tutorial.read(text.replace(old, new))


# Puzzles.

TWO_TURNS = "1|place|17,17|0,0|0,0|0,1:2 0,7:1|1,7:1 7,1:2||lps=2/11/0/0"
WIN = ("P 0,6 1", "C 0,6*0,1>0,0", "T 0,0 61 b1", "ET 0,7")


@pytest.fixture
def puzzle() -> TurnToWin:
    return TurnToWin(Puzzle("square8", 2, TWO_TURNS, WIN), "mine")


def test_a_decision_that_gives_the_win_away_is_told_at_once(puzzle):
    def check(*moves: str) -> Any:
        return puzzle.check(walk(puzzle, moves), moves)

    assert [check(*WIN[:made]).state for made in range(5)] == ["open"] * 4 + ["solved"]
    assert check("P 0,2 1", "M 0,2>0,6").state == "open", "another way to win"
    lost = check("P 0,0 1")
    assert lost.state == "wrong" and "cannot be won any more" in lost.says
    assert puzzle.judge(walk(puzzle, ["P 0,0 1"]), ["P 0,0 1"]).state == "open", "what needs no search"
    passed = ["P 0,0 1", "M 0,0>4,4"]
    over = puzzle.judge(walk(puzzle, passed), passed)
    assert over.state == "wrong" and "could have been won" in over.says


CORNER, DEFENCE = "2|place|17,18|0,0|0,0|0,7:1|1,7:1||lps=2/-1/0/0", ("P 0,7 1", "M 0,7>0,0")


@pytest.fixture
def defence() -> TurnToDefend:
    return TurnToDefend(Puzzle("square8", 2, CORNER, None, DEFENCE, keep=8, of=64), "mine")


def test_a_turn_that_leaves_a_win_is_answered_by_it(defence, monkeypatch):
    def check(*moves: str) -> Any:
        return defence.check(walk(defence, moves), moves)

    assert defence.puzzle.level == "medium"
    assert check(*DEFENCE[:1]).state == "open" and not check(*DEFENCE[:1]).says, "before the turn is over"
    passed = defence.judge(walk(defence, DEFENCE), DEFENCE)
    assert passed.state == "open" and passed.says == "What seat 1 can answer is being searched."
    shown = show(defence, list(DEFENCE))
    assert not shown["choices"] and not shown["task"]["do"], "the answer is not for the reader to make"
    assert check(*DEFENCE).says == "No answer of seat 1 wins in its turn." and check(*DEFENCE).state == "solved"
    told = check("P 4,4 1", "M 4,4>4,0")
    assert told.state == "wrong" and told.says.startswith("Seat 1 can win now: ")
    pos = walk(defence, ["P 4,4 1", "M 4,4>4,0"])[-1]
    for move in told.says.removeprefix("Seat 1 can win now: ").rstrip(".").split(", "):
        pos = reference.settle(reference.play(pos, move))
    assert pos.winner == 1
    monkeypatch.setattr(puzzles, "LIMIT", 1)
    told = check(*DEFENCE)
    assert told.state == "wrong" and "takes too long" in told.says


def test_what_takes_too_long_is_not_called_wrong(puzzle, monkeypatch):
    monkeypatch.setattr(puzzles, "LIMIT", 1)
    told = puzzle.check(walk(puzzle, ["P 0,7 1"]), ["P 0,7 1"])
    assert told.state == "open" and "takes too long" in told.says


@pytest.mark.parametrize("path", boxed_puzzles(), ids=lambda path: path.stem)
def test_the_puzzles_of_the_box_are_won_by_their_solutions(path):
    read = read_puzzles(path)
    assert len(read) >= 10 and len({puzzle.state for puzzle in read}) == len(read)
    for puzzle in read:
        assert path.stem.startswith(f"{puzzle.board}-{puzzle.players}p") and puzzle.level and puzzle.source
        assert path.stem.endswith("-defence") == (puzzle.win is None)
        if not puzzle.win:
            continue
        one = TurnToWin(puzzle, path.stem)
        assert one.judge(walk(one, one.solution), one.solution).state == "solved"
        assert len(one.solution) > 1 and 2 * puzzle.keep <= puzzle.of, "it is not won by nearly anything"


def test_the_box_has_puzzles_of_all_levels():
    levels = {puzzle.level for path in boxed_puzzles() for puzzle in read_puzzles(path)}
    assert levels == {"easy", "medium", "hard"} and len(boxed_puzzles()) > 1


def test_files_of_puzzles_are_checked(tmp_path):
    file = tmp_path / "mine.jsonl"
    good = {"board": "square8", "players": 2, "state": TWO_TURNS, "win": WIN}
    for change, message in (
        ({"board": "chess"}, "line 1, is no puzzle: board is 'chess'"),
        ({"players": 5}, "line 1, is no puzzle: .*<= 4"),
        ({"state": "1|place"}, "9 fields"),
        ({"win": None}, "has no puzzle with a win or a defence"),
    ):
        file.write_text(json.dumps(good | change))
        with pytest.raises(ValueError, match=message):
            Trainer([file])
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"win": None}))
    (told,) = Trainer([file]).overview()
    assert (told["series"], told["level"], told["moves"]) == ("mine", "unrated", 4)


def test_games_become_puzzles(tmp_path, capsys):
    games, out = tmp_path / "games.jsonl.gz", tmp_path / "puzzles.jsonl"
    moves = ["P 1,7 1", "M 1,7>0,7", "P 7,1 1", "M 7,1>0,1", *WIN]
    board = boards.standard("square8")
    twice = [records.record_moves(board, moves, id=f"game-{number}", models=["one", "other"]) for number in (1, 2)]
    record_files.write(games, twice)
    making.main([str(games), "--out", str(out)])
    assert capsys.readouterr().out == f"puzzles in {out}: 1 easy, 0 medium, 0 hard\n", "each position once"
    (made,) = read_puzzles(out)
    wins = reference.shortest_wins(made.position())
    assert made.state == TWO_TURNS and len(made.win or ()) == 4 and made.source.startswith("game-1")
    assert (made.keep, made.of) == (sum(line is not None for line in wins.values()), len(wins))
    for arguments, message in (
        (["none.jsonl.gz", "--out", str(out)], "No such file"),
        (["--out", str(out)], "no games are named"),
        ([str(games), "--out", str(out), "--states", "5"], "no game was won by whoever moved last"),
    ):
        with pytest.raises(SystemExit):
            making.main(arguments)
        assert message in capsys.readouterr().err
    assert read_puzzles(out) == [made], "nothing is lost"


def test_shortest_wins_agree_with_the_search_for_one():
    pos = reference.from_state_string(boards.standard("square8"), TWO_TURNS)
    wins = reference.shortest_wins(pos)
    assert (len(wins), sum(line is not None for line in wins.values())) == (183, 45)
    for action, line in wins.items():
        assert (line is not None) == (reference.winning_line(reference.act(pos, action)) is not None)
        after = pos
        for step in line or ():
            after = reference.act(after, step)
        assert not line or (line[0] == action and after.winner == 1)
    with pytest.raises(RecursionError, match="more than 5 states"):
        reference.shortest_wins(pos, 5)
