"""The training command: what it writes, how it continues, how it stops, and what it refuses."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import chex
import jax
import numpy as np
import pytest
import toy_runs
from toy_game import ToyGame
from toy_runs import FEW, PROMOTING, records, stories, use_toy_game, without_timings

from experiments import train
from experiments.command_line import start_jax
from experiments.console import Screen
from ringrift_jax.learning.loop import new_loop
from ringrift_jax.learning.ring import Status
from ringrift_jax.runs import events, registry, training
from ringrift_jax.runs.champion_files import champion_versions, load_champion
from ringrift_jax.runs.checkpoints import Checkpoints
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import EventLog
from ringrift_jax.runs.files import whole_lines
from ringrift_jax.runs.parity import Parity

TESTS = Path(__file__).parent.parent
SMALL = [*PROMOTING, *FEW]
TOY = """
import signal, time
from toy_game import ToyGame
from experiments import train
from experiments.command_line import start_jax
from experiments.console import Screen
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.runs import training
RunConfig.make_env = lambda self: ToyGame(heap=13)
"""


def run(path, *more):
    train.main([*SMALL, "--run-dir", str(path), *more])


def test_two_and_two_iterations_are_four(toy, tmp_path, capsys):
    run(tmp_path / "halves", "--iterations", "2")
    assert len(records(tmp_path / "halves")) == 2
    run(tmp_path / "halves", "--iterations", "4")
    run(tmp_path / "whole", "--iterations", "4")

    halves, whole = without_timings(tmp_path / "halves"), without_timings(tmp_path / "whole")
    assert halves == whole
    assert [record["iteration"] for record in whole] == [1, 2, 3, 4]
    assert whole[-1]["loss"] > 0
    assert [record["arena_score"] is not None for record in whole] == [False, True, False, True]
    states = []
    for name in ("halves", "whole"):
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["board"] == "square8"
        assert config["loop"]["self_play"]["lanes"] == 4
        last = champion_versions(tmp_path / name / "champions")[-1]
        assert last == whole[-1]["champion"]
        states.append(load_champion(tmp_path / name / "champions" / str(last))[1])
    for a, b in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_array_equal(a, b)

    assert stories(tmp_path / "halves") == stories(tmp_path / "whole")
    started = [event for event in events.read(tmp_path / "halves") if isinstance(event, events.RunStarted)]
    assert [(event.iteration, event.resumed) for event in started] == [(0, False), (2, True)]

    shown = capsys.readouterr().out
    assert "continuing after iteration 2" in shown
    assert "finished 4 iterations" in shown
    assert "cpu" in shown
    assert shown.index("memory") < shown.index("compiling  takes minutes") < shown.index("compiled in")
    run(tmp_path / "whole", "--iterations", "3")
    assert "nothing to do: 4 of 3 iterations are done" in capsys.readouterr().out
    assert without_timings(tmp_path / "whole") == whole


def test_metrics_never_run_ahead_of_what_is_restored(toy, tmp_path):
    """As after a kill: lines and champions newer than the checkpoint, and half a line."""
    run(tmp_path, "--iterations", "2")
    expected = without_timings(tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"iteration": 3}) + '\n{"iter')
    story = stories(tmp_path)
    EventLog(tmp_path).append(events.Alert(3, "planted", ""))
    newest = tmp_path / "champions" / "7" / "params"
    newest.mkdir(parents=True)
    run(tmp_path, "--iterations", "3")
    assert without_timings(tmp_path)[:2] == expected
    assert [record["iteration"] for record in records(tmp_path)] == [1, 2, 3]
    assert records(tmp_path)[2]["games"] > 0
    assert not newest.exists()
    assert stories(tmp_path)[: len(story)] == story
    assert [event.iteration for event in stories(tmp_path)[len(story) :]] == [3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_iteration_saves_and_exits(toy, tmp_path, monkeypatch, capsys, number):
    shown = Screen.iteration

    def interrupt(self, record, total):
        shown(self, record, total)
        if record["iteration"] == 1:
            signal.raise_signal(number)
            signal.raise_signal(number)  # an echo, as from the command timeout

    monkeypatch.setattr(Screen, "iteration", interrupt)
    before = signal.getsignal(number)
    run(tmp_path, "--iterations", "5")
    assert signal.getsignal(number) == before
    said = capsys.readouterr().out
    assert "stopping: finishing this iteration, then saving" in said
    assert f"{signal.Signals(number).name}: saved after iteration 1 of 5; the same command continues" in said
    assert len(records(tmp_path)) == 1
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.latest() == 1
    monkeypatch.undo()
    use_toy_game(monkeypatch)
    run(tmp_path, "--iterations", "2")
    assert [record["iteration"] for record in records(tmp_path)] == [1, 2]


def test_a_second_signal_leaves_at_once(tmp_path):
    script = (
        TOY
        + f"""
def interrupt(self, record, total):
    signal.raise_signal(signal.SIGINT)
    time.sleep(0.2)
    signal.raise_signal(signal.SIGINT)
Screen.iteration = interrupt
train.main({[*SMALL, "--run-dir", str(tmp_path), "--iterations", "5"]})
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "once more to leave at once" in done.stdout
    assert "saved after" not in done.stdout
    assert "Traceback" not in done.stderr


# Reads that were given up leave coroutines nobody awaits.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_checkpoint_costs_only_what_came_after_the_one_before(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "SAVING_SHARE", 1.0)  # save after every iteration
    run(tmp_path, "--iterations", "3")
    expected = without_timings(tmp_path)
    (tmp_path / "checkpoints" / "3" / "default" / "_METADATA").write_text("{")
    run(tmp_path, "--iterations", "4")
    said = capsys.readouterr().out
    assert "the checkpoint after iteration 3 is damaged, so an older one is used" in said
    assert "continuing after iteration 2" in said
    assert without_timings(tmp_path)[:3] == expected
    assert [event.iteration for event in stories(tmp_path) if isinstance(event, events.IterationFinished)] == [
        1,
        2,
        3,
        4,
    ]

    for checkpoint in (tmp_path / "checkpoints").glob("[0-9]"):
        (checkpoint / "default" / "_METADATA").write_text("{")
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, "--iterations", "5")
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: no checkpoint in {tmp_path / 'checkpoints'} can be read; the one after iteration 4"
    )
    assert error.endswith("; to begin anew choose another --run-dir\n")
    assert (tmp_path / "metrics.jsonl").read_text() == before


@pytest.mark.slow
def test_a_run_that_is_killed_20_times_is_the_run_that_is_not(toy, tmp_path):
    """SIGKILL at random moments, many of them while a checkpoint is written."""
    draw = random.Random(0)
    promotes = ["--arena.every", "1", "--self-play.lanes", "16"]
    command = [*SMALL, *promotes, "--run-dir", str(tmp_path / "killed"), "--iterations", "1000000"]
    script = TOY + f"training.SAVING_SHARE = 0.5\ntrain.main({command})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    reached = []
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            assert any(line.startswith("compiled in") for line in process.stdout)
            for _ in range(draw.randrange(8)):
                assert "champion" in next(process.stdout)
            time.sleep(draw.uniform(0, 0.3))
            process.kill()
        reached.append(len(whole_lines(tmp_path / "killed" / "metrics.jsonl")))
    print("iterations at each kill", reached)
    assert reached[-1] > 5
    last = str(reached[-1] + 3)
    for name in ("killed", "whole"):
        run(tmp_path / name, *promotes, "--iterations", last)
    assert without_timings(tmp_path / "killed") == without_timings(tmp_path / "whole")
    assert stories(tmp_path / "killed") == stories(tmp_path / "whole")
    champions = [champion_versions(tmp_path / name / "champions") for name in ("killed", "whole")]
    assert champions[0] == champions[1]
    states = []
    for name in ("killed", "whole"):
        config = RunDirectory(tmp_path / name).read_config().loop
        like = jax.eval_shape(lambda config=config: new_loop(ToyGame(heap=13), config, jax.random.key(0)))
        with Checkpoints(tmp_path / name / "checkpoints", read_only=True) as checkpoints:
            states.append(checkpoints.restore(like))
    chex.assert_trees_all_equal(*(replace(state, key=jax.random.key_data(state.key)) for state in states))


def test_hours_end_a_run_whatever_its_iterations(toy, tmp_path, capsys):
    run(tmp_path, "--hours", "1e-9")
    assert records(tmp_path) == []
    said = capsys.readouterr().out
    assert "1e-09 h are over: saved after iteration 0; the same command continues" in said
    assert "in all: 0 iterations in 0.00 h, 0 games, 0 promotions" in said
    run(tmp_path, "--hours", "1", "--iterations", "2")
    said = capsys.readouterr().out
    assert "finished 2 iterations" in said
    games = sum(record["games"] for record in records(tmp_path))
    assert f"in all: 2 iterations in 0.00 h, {games} games" in said


def test_a_run_ends_at_an_elo(toy, tmp_path, capsys):
    toy_runs.run(tmp_path, "--until-elo", "1")
    said = capsys.readouterr().out
    lines = records(tmp_path)
    assert lines[-1]["champion_elo"] >= 1
    assert all(line["champion_elo"] < 1 for line in lines[:-1])
    promoted = registry.champions(tmp_path)
    assert [event.version for event in promoted] == list(range(lines[-1]["champion"] + 1))
    assert promoted[-1].elo == lines[-1]["champion_elo"] == sum(event.elo_improvement or 0 for event in promoted)
    assert promoted[-1].games == sum(line["games"] for line in lines)
    assert f"the champion has {promoted[-1].elo:.0f} Elo: saved after iteration {len(lines)}; the same" in said
    assert f"champion {promoted[-1].version} ({promoted[-1].elo:+.0f} Elo)" in said
    toy_runs.run(tmp_path, "--until-elo", "1")
    assert "give a higher --until-elo to go on" in capsys.readouterr().out
    assert records(tmp_path) == lines
    assert isinstance(events.read(tmp_path)[-1], events.RunStopped)


def test_a_second_process_on_a_run_is_refused_and_changes_nothing(toy, tmp_path, capsys):
    run(tmp_path, "--iterations", "1")
    before = (tmp_path / "metrics.jsonl").read_text()
    capsys.readouterr()
    with RunDirectory(tmp_path).open(RunDirectory(tmp_path).read_config()):
        with pytest.raises(SystemExit) as stop:
            run(tmp_path, "--iterations", "2")
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"{tmp_path} is being trained by process {os.getpid()} on " in error
        assert (tmp_path / "metrics.jsonl").read_text() == before
    run(tmp_path, "--iterations", "2")
    assert len(records(tmp_path)) == 2


def test_other_settings_on_an_old_directory_are_refused(toy, tmp_path, capsys):
    run(tmp_path, "--iterations", "1")
    before = without_timings(tmp_path)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, "--iterations", "2", "--seed", "4", "--learner.batch-size", "16")
    assert stop.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "holds a run with other settings" in line
    assert "loop.learner.batch_size is 32 there and 16 now, seed is 23 there and 4 now" in line
    assert without_timings(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["square9"], ["'square9'", "square8", "hexagonal"]),
        ([], ["square8", "hexagonal"]),
        (["square8", "--players", "5"], ["'5'", "--players", "'2', '3', '4'"]),
        (["square8", "--preset", "huge"], ["'huge'", "--preset", "tiny", "gpu"]),
        (["square8", "--iterations", "0"], ["--iterations is 0", "at least 1"]),
        (["square8", "--iterations", "many"], ["--iterations", "many", "INT"]),
        (["square8", "--hours", "0"], ["--hours is 0.0", "more than 0"]),
        (["square8", "--until-elo", "-3"], ["--until-elo is -3.0", "more than 0"]),
        (["square8", "--seed", "-1"], ["--seed is -1", "0 to 4294967295"]),
        (["square8", "--speed", "9"], ["--speed", "--players", "--preset", "--run-dir", "--iterations", "--seed"]),
        (["square8", "hex8"], ["hex8", "options are"]),
        (["square8", "--swap-rule", "--players", "3"], ["swap_rule needs 2 players"]),
        (["square8", "--search.simulations", "0"], ["simulations is 0", "at least 1"]),
        (["square8", "--network.dtype", "int8"], ["'int8'", "--network.dtype", "float32"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        train.main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: ")
    for text in said:
        assert text in error
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stop:
        run(tmp_path / "file" / "run")
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        f"error: cannot write to {tmp_path / 'file' / 'run'}: Not a directory; choose another --run-dir\n"
    )


def test_help_from_another_directory_touches_no_backend(tmp_path):
    script = """
import jax._src.xla_bridge as bridge, sys
from experiments import train
try:
    train.main(["--help"])
except SystemExit as stop:
    assert not stop.code
assert not bridge._backends
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )
    assert done.returncode == 0, done.stderr
    for option in ("--players", "--preset", "--run-dir", "--iterations", "--seed", "--swap-rule"):
        assert option in done.stdout


BOARDS = ["square8", "hex8", *(pytest.param(name, marks=pytest.mark.slow) for name in ("square19", "hexagonal"))]


@pytest.mark.slow
@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("board", BOARDS)
def test_tiny_preset_trains(board, players, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train.main([board, "--players", str(players), "--preset", "tiny", "--iterations", "2"])
    lines = records(tmp_path / "runs" / f"{board}-{players}p")
    assert [line["iteration"] for line in lines] == [1, 2]
    assert lines[1]["arena_score"] is not None
    assert lines[1]["skipped_steps"] == 0
    assert all(line["mean_depth"] >= 1 for line in lines)


def test_games_the_reference_refuses_are_not_learned_from(toy, tmp_path, capsys, monkeypatch):
    """The games of iteration 2 are refused while iteration 3 runs."""

    def check(env, games, **provenance):
        last = {game.last_iteration for game in games}
        return Parity(len(games), [], "lane 1, game 0: planted" if last == {2} else None)

    monkeypatch.setattr(training, "check", check)
    run(tmp_path / "refused", "--iterations", "5")
    monkeypatch.setattr(training, "check", lambda *_, **__: Parity(1, [], None))
    run(tmp_path / "accepted", "--iterations", "5")
    refused, accepted = records(tmp_path / "refused"), records(tmp_path / "accepted")
    assert [line["trainable_rows"] for line in refused[:3]] == [line["trainable_rows"] for line in accepted[:3]]
    lost = accepted[3]["trainable_rows"] - refused[3]["trainable_rows"]
    assert lost == round(accepted[1]["games"] * accepted[1]["game_length"]) > 0
    assert [line["gates"].get("parity", {}).get("passed") for line in refused] == [None, True, False, True, True]
    assert [line["data_rejected"] for line in refused] == [False, False, True, False, False]
    (event,) = (event for event in events.read(tmp_path / "refused") if isinstance(event, events.DataRejected))
    assert (event.iteration, event.gate, event.message) == (3, "parity", "lane 1, game 0: planted")
    assert "rejected by the gates: parity" in capsys.readouterr().out


def test_a_run_whose_gates_always_fail_says_so_goes_on_and_learns_nothing(toy, tmp_path, capsys):
    run(tmp_path, "--iterations", "3", "--gates.min-entropy", "100")
    lines = records(tmp_path)
    assert [line["gates"]["entropy"]["passed"] for line in lines] == [False] * 3
    assert all(line["gates"]["finite"]["passed"] for line in lines)
    assert all(line["data_rejected"] and line["steps"] == line["trainable_rows"] == 0 for line in lines)
    assert all(line["games"] > 0 for line in lines)
    assert capsys.readouterr().out.count("rejected by the gates: entropy") == 3
    rejected = [event for event in events.read(tmp_path) if isinstance(event, events.DataRejected)]
    assert [(event.iteration, event.gate) for event in rejected] == [(1, "entropy"), (2, "entropy"), (3, "entropy")]
    config = RunDirectory(tmp_path).read_config().loop
    like = jax.eval_shape(lambda: new_loop(ToyGame(heap=13), config, jax.random.key(0)))
    with Checkpoints(tmp_path / "checkpoints", read_only=True) as checkpoints:
        state = checkpoints.restore(like)
    assert state.iteration == 3 and not (np.asarray(state.replay.status) == Status.COMPLETE).any()
    chex.assert_trees_all_equal(state.learner.params, load_champion(tmp_path / "champions" / "0")[1])


def test_compiled_programs_are_kept_in_the_users_cache_directory(tmp_path, monkeypatch):
    folder = "jax_compilation_cache_dir"
    before = getattr(jax.config, folder)
    try:
        start_jax()
        assert getattr(jax.config, folder) == before
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        start_jax()
        assert getattr(jax.config, folder) == str(tmp_path / "ringrift_jax")
    finally:
        jax.config.update(folder, before)
