"""Games of a run that are played again are the same games."""

from typing import Any

import chex
import jax
import pytest
from played import random_record
from toy_game import ToyGame
from toy_runs import FEW, make_run, run, toy_game, use_toy_game

from experiments import regenerate as command
from experiments import train
from ringrift_jax.devices import deterministic_kernels
from ringrift_jax.learning.games import games_of_lanes
from ringrift_jax.learning.loop import new_loop
from ringrift_jax.runs import exports, record_files, training
from ringrift_jax.runs.checkpoints import Checkpoints
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import RunStarted
from ringrift_jax.runs.regeneration import difference, regenerate

ENV: Any = ToyGame(heap=13)


def test_games_are_the_same_from_a_checkpoint_and_from_the_beginning(tmp_path, monkeypatch, capsys):
    """Also after games of a worker were taken in, of which the run itself has forgotten that they were files."""
    use_toy_game(monkeypatch)
    monkeypatch.setattr(training, "SAVING_SHARE", 1.0)  # save after every iteration
    (tmp_path / "workers" / "a").mkdir(parents=True)
    exports.export_npz(tmp_path / "workers" / "a" / "000001.npz", ENV, [toy_game(seed) for seed in range(8)])
    run(tmp_path, "--iterations", "6", "--ingest", *FEW)
    directory = RunDirectory(tmp_path)
    config = directory.read_config()
    like = jax.eval_shape(lambda: new_loop(ENV, config.loop, jax.random.key(0)))
    with Checkpoints(directory.checkpoints, read_only=True) as checkpoints:
        replay = checkpoints.restore(like).replay
    assert [line["ingested_games"] for line in directory.read_metrics()][:2] != [0, 0]

    begun_late = [game for game in games_of_lanes(config.loop, replay, range(4), 6) if game.first_iteration > 4]
    games = {4: begun_late[0], 0: games_of_lanes(config.loop, replay, range(4), 3)[-1]}
    assert games[0].first_iteration <= 4  # before the first of the checkpoints that are kept
    capsys.readouterr()
    for start, game in games.items():
        again = regenerate(directory, config, game.lane, game.number, game.first_iteration, game.last_iteration)
        begins = int(capsys.readouterr().out.split()[2])
        assert start <= begins < game.first_iteration if start else begins == 0
        chex.assert_trees_all_equal(vars(again), vars(game))

    with pytest.raises(ValueError, match="no game 1-99 ended in iteration 3"):
        regenerate(directory, config, 1, 99, 1, 3)
    (tmp_path / "workers" / "a" / "000001.npz").unlink()
    with pytest.raises(FileNotFoundError):
        regenerate(directory, config, 1, 0, 1, 3)


@pytest.mark.slow
def test_a_recorded_game_of_square8_is_identical(tmp_path, capsys):
    train.main(["square8", "--preset", "tiny", "--iterations", "5", "--run-dir", str(tmp_path)])
    capsys.readouterr()
    command.main([str(tmp_path), "--last"])
    assert capsys.readouterr().out.endswith("s: identical\n")
    recorded = list(record_files.read(tmp_path / "games.jsonl.gz"))
    recorded[0]["steps"][5]["n"] += 1
    record_files.write(tmp_path / "games.jsonl.gz", recorded)
    with pytest.raises(SystemExit) as stop:
        command.main([str(tmp_path), "--game", recorded[0]["id"]])
    assert stop.value.code == 1
    assert ": step 5, n: recorded " in capsys.readouterr().out


def test_the_first_difference_is_named():
    steps = [{"m": "P1", "n": 3}, {"m": "P2", "n": 4}]
    old = {"id": "0-1", "steps": steps, "models": ["a"]}
    assert difference(old, old) is None
    assert difference(old, old | {"steps": [steps[0], {"m": "P3", "n": 4}]}) == "step 1, m: recorded P2, now P3"
    assert difference(old, old | {"steps": steps[:1]}) == "recorded 2 steps, now 1"
    assert difference(old, old | {"models": ["b"]}) == "models: recorded ['a'], now ['b']"


@pytest.mark.parametrize(
    ("trained", "option", "expected"), [(True, [], True), (False, [], False), (False, ["--deterministic"], True)]
)
def test_a_run_remembers_that_it_was_deterministic(trained, option, expected, tmp_path, monkeypatch, capsys):
    """What counts is the process that made the game, not the ones before and after."""
    make_run(tmp_path)
    log = RunDirectory(tmp_path).events
    for iteration, deterministic in ((0, not trained), (3, trained), (9, not trained)):
        log.append(RunStarted(iteration, "square8", 2, "gpu", "H200", iteration > 0, deterministic))
    where: dict = {"lane": 0, "number": 1, "first_iteration": 8, "last_iteration": 9}
    record_files.write(tmp_path / "games.jsonl.gz", [random_record(0, **where)])
    monkeypatch.setenv("XLA_FLAGS", "")

    def play(*_, compiling, **found):
        assert found == where
        raise ValueError(f"kernels: {deterministic_kernels()}")

    monkeypatch.setattr(command, "regenerate", play)
    with pytest.raises(SystemExit):
        command.main([str(tmp_path), "--last", *option])
    assert capsys.readouterr().err == f"error: kernels: {expected}\n"


def test_a_game_that_is_not_of_self_play_is_refused(tmp_path, capsys):
    make_run(tmp_path)
    record_files.write(tmp_path / "games.jsonl.gz", [random_record(0)])
    with pytest.raises(SystemExit):
        command.main([str(tmp_path), "--last"])
    assert capsys.readouterr().err == "error: the record of game random 0 has no lane: it is not one of self-play\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "choose a game by --game LANE-NUMBER, or --last"),
        (["--last", "--game", "0-1"], "choose a game by --game LANE-NUMBER, or --last"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main([str(tmp_path), *arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: {said}\n"
