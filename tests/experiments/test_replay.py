"""The replay command: what it verifies, shows and refuses."""

import copy
import re

import pytest
from played import random_record

from experiments import replay
from ringrift_jax import record_files

GAMES: list[dict] = [random_record(seed) for seed in range(4)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "games.jsonl.gz"


def refused(capsys, *argv) -> str:
    """The one line with which the command refuses its arguments."""
    with pytest.raises(SystemExit) as stop:
        replay.main([str(word) for word in argv])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("error: ")


def test_games_are_verified_and_counted_by_reason(path, capsys):
    record_files.write(path, GAMES)
    replay.main([str(path)])
    (line,) = capsys.readouterr().out.splitlines()
    match = re.fullmatch(r"4 games verified in [\d.]+ s: (.*)", line)
    assert match
    counts = {part.split(" ")[1]: part.split(" ")[0] for part in match[1].split(", ")}
    reasons = [game["result"]["reason"] for game in GAMES]
    assert counts == {reason: str(reasons.count(reason)) for reason in reasons}


def test_the_first_difference_is_reported(path, capsys):
    games = copy.deepcopy(GAMES)
    games[2]["steps"][30]["n"] = 1234
    record_files.write(path, games)
    for options in ((), ("--game", "3", "--board")):
        with pytest.raises(SystemExit) as stop:
            replay.main([str(path), *options])
        assert stop.value.code == 1
        *before, first, found, expected = capsys.readouterr().out.splitlines()
        assert first == f"game 3 (random 2), move {games[2]['steps'][30]['m']}, step 30, n"
        assert found.split() == ["game", "1234"] and expected.split()[0] == "reference"
        assert sum("legal)" in line for line in before) == (30 if options else 0)
    replay.main([str(path), "--game", "2"])
    assert "1 game verified" in capsys.readouterr().out


def test_a_game_is_shown_move_by_move(path, capsys):
    game: dict = GAMES[1] | {"models": ["champion 3", "random"]}
    record_files.write(path, [GAMES[0], game])
    replay.main([str(path), "--game", "2"])
    first, *moves, result, _ = capsys.readouterr().out.splitlines()
    assert first == "random 1: square8, 2 players, played by champion 3, random"
    assert [line[23:].partition("  (")[0] for line in moves] == [step["m"] for step in game["steps"]]
    assert result.startswith(f"seat {game['result']['winner']} wins, {game['result']['reason']}, ranks by seat ")
    replay.main([str(path), "--game", "2", "--board"])
    assert len(capsys.readouterr().out.splitlines()) == len(moves) * 10 + 3


def test_damaged_files_and_bad_options_are_refused_with_one_line(path, capsys):
    record_files.write(path, GAMES)
    assert refused(capsys, path, "--game", 5) == f"{path} has no game 5; it has 4"
    assert refused(capsys, path, "--game", 0) == "--game is 0; games are counted from 1"
    assert refused(capsys, path, "--board") == "--board shows one game; choose it with --game"
    assert refused(capsys, path.parent / "none.gz").endswith(f"No such file or directory: '{path.parent / 'none.gz'}'")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert re.fullmatch(rf"{path}, line [2-4]: the compressed file breaks off here", refused(capsys, path))
    replay.main([str(path), "--torn-end"])
    assert re.match("[123] games? verified", capsys.readouterr().out)
    path.write_bytes(b"x" + whole)
    assert "line 1: the compressed data is damaged" in refused(capsys, path)
