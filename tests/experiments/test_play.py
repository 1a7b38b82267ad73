"""Playing in the terminal: the session, what can be typed, the command line. test_board.py is about the page."""

import re

import pytest
from rich.console import Console

from experiments.play import __main__ as command
from experiments.play import terminal
from experiments.play.session import Opponent, Session, new_session
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.runs import record_files, records
from ringrift_jax.runs.matches import named
from ringrift_jax.search.config import TURNS

CONFIG = RunConfig("square8", 2, swap_rule=True)


@pytest.fixture(scope="module")
def env():
    return CONFIG.make_env()


@pytest.fixture(scope="module")
def opponent(env):
    """One for all tests, because it compiles when it first decides."""
    return Opponent(env, CONFIG, named("random"), None)


@pytest.fixture
def session(env, opponent) -> Session:
    return new_session(env, opponent, [1], seed=3)


def until_mine(session: Session) -> None:
    while not session.humans_turn and not session.over:
        session.reply()


@pytest.mark.ci
def test_a_game_to_its_end_is_a_record_that_the_reference_accepts(session):
    for ply in range(400):
        if session.over:
            break
        if session.humans_turn:
            session.play(session.legal()[ply % len(session.legal())])
        else:
            session.reply()
    assert session.over and session.legal() == [] and session.opponent is None
    assert re.fullmatch(r"seat [12] \((human|random)\) wins: [a-z, ]+", session.result())
    record = session.record("game")
    records.verify(record)
    assert record["models"] == ["human", "random"] and not record["result"].get("truncated")
    with pytest.raises(ValueError, match="the game is over"):
        session.play("P 0,0 1")


def test_undo_takes_back_the_answers_too(session):
    first = session.legal()
    assert session.undo() == 0
    session.play("P 3,3 2")
    session.play(session.legal()[0])
    until_mine(session)
    made = len(session.history)
    assert made >= 3 and session.names() == ["human", "random"]
    assert session.undo() == made - 1 and [played.move for played in session.history] == ["P 3,3 2"]
    assert session.undo() == 1 and session.legal() == first
    with pytest.raises(ValueError, match="not legal|no cell|not a cell|9,9"):
        session.play("P 9,9 1")


def test_an_unfinished_game_is_recorded_as_truncated(session, tmp_path):
    session.play("P 3,3 2")
    record = session.record("half")
    record_files.append(tmp_path / "half.jsonl.gz", [record])
    (read,) = record_files.read(tmp_path / "half.jsonl.gz")
    records.verify(read)
    assert read["result"]["truncated"] and [step["m"] for step in read["steps"]] == ["P 3,3 2"]


def test_the_terminal(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = iter(
        ["help", "? 3,3", "p 3", "P 9,9 1", "P 3,3 2", "board", "undo", "1", "1000", "save", "save game.txt", "quit"]
    )
    console = Console(record=True, width=200, force_terminal=False)
    terminal.play(session, console, lambda _: next(lines))
    said = console.export_text()
    for expected in (
        "take back your last move",
        "P 3,3 2\n",
        "p 3 could be P 3,0 1",
        "? lists the legal moves",
        "took back 1 moves",
        "seat 1: 17 in hand",
        "there are",
        "saved square8-2p-",
        "not saved: ",
    ):
        assert expected in said, expected
    (saved,) = tmp_path.glob("*.jsonl.gz")
    records.verify(next(iter(record_files.read(saved))))


def test_the_terminal_ends_with_its_input(session):
    def ask(_: str) -> str:
        raise EOFError

    console = Console(record=True, force_terminal=False)
    terminal.play(session, console, ask)
    assert "end of input" in console.export_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["random"], "random needs --board"),
        (["nobody"], "nobody is neither a run with champions"),
        (["random", "--board", "square8", "--seat", "3"], "--seat is 3; seats are 1 to 2"),
        (["random", "--board", "square8", "--simulations", "4"], "--simulations needs a run"),
        (["random", "--board", "square8", "--players", "3", "--swap-rule"], "swap_rule needs 2 players"),
        (["heuristic:none", "--board", "square8"], "unknown player 'heuristic:none'"),
        (["heuristic:none", "--board", "square8", "--web"], "unknown player 'heuristic:none'"),
        (["nobody", "--web"], "nobody is neither a run with champions"),
        (["random", "--board", "hex8", "--seat", "3", "--web"], "--seat is 3; seats are 1 to 2"),
        (["random", "--board", "hex8", "--turns", "2", "--simulations", "4"], "two ways to decide; name one"),
    ],
)
def test_bad_command_lines_are_one_line(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(argv)
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and message in line


def test_help_knows_how_many_turns_a_champion_compares(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert re.search(rf"--turns INT .*?\(default: {TURNS}\)", said)
