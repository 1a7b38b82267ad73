"""The worker's command: what it writes, how it follows a run, how it stops, and what it refuses."""

import os
import re
import signal
import threading
from dataclasses import replace

import chex
import pytest
from played import random_record
from toy_runs import make_run, promote, toy_game

from experiments import selfplay
from ringrift_jax.learning.worker import Worker
from ringrift_jax.runs import events, record_files, workers
from ringrift_jax.runs.champion_files import load_champion
from ringrift_jax.runs.exports import load_npz
from ringrift_jax.runs.parity import Parity
from ringrift_jax.runs.workers import Files, claim

pytestmark = pytest.mark.usefixtures("toy")


def games_of(directory):
    """The games of a worker's files, in order; the files are numbered from 1."""
    paths = sorted(directory.glob("*.npz"))
    assert [path.name for path in paths] == [f"{number:06d}.npz" for number in range(1, len(paths) + 1)]
    return [load_npz(path)[1] for path in paths]


@pytest.mark.parametrize("mode", ["--switch-at-once", "--finish-games"])
def test_a_worker_follows_promotions_until_it_is_stopped(mode, tmp_path, monkeypatch, capsys):
    config = make_run(tmp_path)
    promote(tmp_path, config, 1)
    watched = []

    class Watched(Worker):
        def ply(self):
            watched[:] = [self]
            games = super().ply()
            if self.plies == 10:
                promote(tmp_path, config, 2)
            if self.network.name == "champion 2":
                self.since = getattr(self, "since", self.plies)
                if self.plies == self.since + 20:
                    signal.raise_signal(signal.SIGTERM)
            return games

    monkeypatch.setattr(selfplay, "Worker", Watched)
    selfplay.main([str(tmp_path), "--name", "a", "--games-per-file", "8", "--hours", "0.02", "--seed", "3", mode])
    said = capsys.readouterr().out
    assert "playing with champion 1: champion 1 beat champion 0" in said
    (seconds,) = re.findall(r"champion 2 plays after ([\d.]+) s\n", said)
    assert 0 <= float(seconds) < 30
    assert re.search(r"SIGTERM: \d+ games, [\d.]+ games/s, \d+ decisions/s, champion 2\n", said)
    files = games_of(tmp_path / "workers" / "a")
    assert {len(games) for games in files[:-1]} == {8} and 1 <= len(files[-1]) <= 8
    games = [game for games in files for game in games]
    assert len({(game.lane, game.number) for game in games}) == len(games)
    both = {"champion 1 to champion 2"} if mode == "--switch-at-once" else set()
    assert {game.models[0] for game in games} == {"champion 1", "champion 2"} | both
    chex.assert_trees_all_equal(watched[0].network.params, load_champion(tmp_path / "champions" / "2")[1])


def test_a_worker_waits_for_a_trained_network(tmp_path, capsys):
    make_run(tmp_path)
    threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    selfplay.main([str(tmp_path)])
    *_, waiting, stopping, end = capsys.readouterr().out.splitlines()
    assert waiting == f"{tmp_path} has no trained network yet; waiting for its first checkpoint or champion"
    assert stopping.startswith("stopping") and end == "SIGINT: nothing was played"


def test_a_wrong_game_is_left_out_and_told(tmp_path):
    config, said = make_run(tmp_path), []
    (tmp_path / "w").mkdir()
    files = Files(tmp_path / "w", config, 3, said.append)
    right = toy_game(0)
    wrong = replace(right, rewards=-right.rewards)
    files.add([wrong, right, toy_game(2)])
    files.add([right, right])
    files.close()
    assert [len(games) for games in games_of(tmp_path / "w")] == [2, 2]
    assert re.fullmatch(r"000001.npz: a game is wrong and left out: the rewards are \[.*\]", said[0])
    (event,) = events.read(tmp_path / "w")
    assert isinstance(event, events.DataRejected) and event.gate == "parity"


def test_a_number_of_a_file_is_never_used_again(tmp_path, monkeypatch):
    """As after a kill between the record and its file, and within a record."""
    config = make_run(tmp_path)
    directory = tmp_path / "w"
    directory.mkdir()
    recorded = [random_record(0, file="000001.npz"), random_record(1, file="000002.npz")]
    record_files.write(directory / "games.jsonl.gz", recorded)
    whole = (directory / "games.jsonl.gz").read_bytes()
    (directory / "games.jsonl.gz").write_bytes(whole + whole[:50])
    record = random_record(2, file="000003.npz")
    monkeypatch.setattr(workers, "check", lambda *_, **__: Parity(1, [record], None))
    files = Files(directory, config, 8, print)
    files.add([toy_game(0)])
    files.close()
    assert [path.name for path in directory.glob("*.npz")] == ["000003.npz"]
    assert list(record_files.read(directory / "games.jsonl.gz")) == [*recorded, record]


def test_a_name_is_for_one_worker_at_a_time(tmp_path, capsys):
    make_run(tmp_path)
    with claim(tmp_path / "workers", None) as first, claim(tmp_path / "workers", None) as second:
        assert first != second
        with pytest.raises(SystemExit) as stop:
            selfplay.main([str(tmp_path), "--name", second.name])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: {second} is a worker that runs already; choose another name\n"
    with claim(tmp_path / "workers", None) as again:
        assert again == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--games", "0"], "--games is 0; it must be at least 1"),
        (["--games-in-parallel", "-1"], "--games-in-parallel is -1; it must be at least 1"),
        (["--games-per-file", "0"], "--games-per-file is 0; it must be at least 1"),
        (["--hours", "0"], "--hours is 0.0; it must be more than 0"),
        (["--seed", "-1"], "--seed is -1; it must be 0 to 4294967295"),
        (
            ["--name", "../x"],
            "a worker cannot be named '../x'; a name is of letters, digits, and _ . - after the first",
        ),
        (["--finish-games", "--switch-at-once"], "--finish-games and --switch-at-once exclude each other; choose one"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, capsys):
    make_run(tmp_path)
    with pytest.raises(SystemExit) as stop:
        selfplay.main([str(tmp_path), *arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: {said}\n"


def test_what_is_not_a_run_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        selfplay.main([str(tmp_path)])
    assert capsys.readouterr().err == f"error: {tmp_path} is not a training run: it has no config.json\n"
    (tmp_path / "config.json").write_text('{"board": "square8", "komi": 7}')
    with pytest.raises(SystemExit):
        selfplay.main([str(tmp_path)])
    said = capsys.readouterr().err
    assert "config.json is damaged or of another version of ringrift_jax: komi is no setting" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "config.json"]
