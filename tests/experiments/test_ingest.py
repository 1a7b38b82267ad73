"""What training takes in of workers' games: each game once whatever is killed, and nothing that is wrong."""

import os
import shutil
from dataclasses import replace
from typing import Any

import chex
import jax
import numpy as np
import pytest
from toy_game import ToyGame
from toy_runs import FEW, make_run, records, run, run_elsewhere, stories, toy_game, use_toy_game, without_timings

from ringrift_jax.learning.loop import new_loop, take_in
from ringrift_jax.learning.ring import Status
from ringrift_jax.runs import events, exports, ingest, training
from ringrift_jax.runs.checkpoints import Checkpoints
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import EventLog, GamesIngested
from ringrift_jax.runs.ingest import Inbox, add_games

ENV: Any = ToyGame(heap=13)


pytestmark = pytest.mark.usefixtures("toy")


def deliver(path, name, games, time):
    """A worker's file; the newest is taken in first."""
    file = path / "workers" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    exports.export_npz(file, ENV, games)
    os.utime(file, (time, time))
    return file


def deliver_all(path):
    """Three good files, of more rows than three iterations take in, and two bad ones."""
    deliver(path, "a/000001.npz", [toy_game(seed) for seed in range(6)], time=9)
    deliver(path, "b/000001.npz", [toy_game(seed) for seed in range(6, 13)], time=8)
    file = deliver(path, "a/000002.npz", [toy_game(0)], time=7)
    file.write_bytes(file.read_bytes()[:-200])
    os.utime(file, (7, 7))
    deliver(path, "a/000003.npz", [replace(toy_game(1), rewards=-toy_game(1).rewards)], time=6)
    deliver(path, "b/000002.npz", [toy_game(20)], time=5)


GOOD = {"workers/a/000001.npz": 6, "workers/b/000001.npz": 7, "workers/b/000002.npz": 1}


def ingested(path):
    return [event for event in events.read(path) if isinstance(event, GamesIngested)]


def each_once(path):
    """Every game of the good files was taken in once, in order."""
    for name, number in GOOD.items():
        parts = [event for event in ingested(path) if event.path == name]
        assert [event.first for event in parts] == np.cumsum([0, *(event.games for event in parts)])[:-1].tolist()
        assert [event.left for event in parts][-1] == 0 and sum(event.games for event in parts) == number


def restored(path):
    config = RunDirectory(path).read_config().loop
    like = jax.eval_shape(lambda: new_loop(ENV, config, jax.random.key(0)))
    with Checkpoints(path / "checkpoints", read_only=True) as checkpoints:
        state = checkpoints.restore(like)
    return replace(state, key=jax.random.key_data(state.key))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        use_toy_game(patch)
        deliver_all(path)
        run(path, "--iterations", "7", "--ingest", *FEW)
    return path


def test_all_games_are_taken_in_within_bounds_and_what_is_wrong_is_not(undisturbed):
    each_once(undisturbed)
    lines, happened = records(undisturbed), ingested(undisturbed)
    room = 4 * 8
    assert all(0 < line["ingested_rows"] <= room for line in lines[:3])
    assert lines[-1]["ingested_games"] == lines[-1]["ingested_rows"] == 0
    for line in lines:
        mine = [event for event in happened if event.iteration == line["iteration"]]
        assert line["ingested_games"] == sum(event.games for event in mine)
        assert line["ingested_rows"] == sum(event.rows for event in mine)
    truncated, wrong = [event for event in happened if event.rejected]
    assert str(truncated.rejected).startswith("not a readable npz file") and "000002" in truncated.path
    assert str(wrong.rejected).startswith("the rewards are [") and "000003" in wrong.path
    rejected = [event for event in events.read(undisturbed) if isinstance(event, events.DataRejected)]
    assert [event.message for event in rejected if event.gate == "ingest"] == [
        f"{event.path}: {event.rejected}" for event in (truncated, wrong)
    ]


class Killed(BaseException):
    """Ends the process as far as the code under test can tell."""


def test_each_game_is_taken_in_once_whatever_is_killed(undisturbed, tmp_path, monkeypatch):
    """Between the events of an iteration, before its line, before its checkpoint."""
    monkeypatch.setattr(training, "SAVING_SHARE", 1.0)  # save after every iteration
    deliver_all(tmp_path)
    points = [
        (EventLog, "append", lambda self, event: event.kind() == "games_ingested" and event.iteration == 2, True),
        (RunDirectory, "append_metrics", lambda self, record: record["iteration"] == 3, False),
        (Checkpoints, "save", lambda self, state: state.iteration == 4, False),
    ]
    for owner, name, when, after in points:
        with monkeypatch.context() as patch:
            _kill_at(patch, owner, name, when, after)
            with pytest.raises(Killed):
                run(tmp_path, "--iterations", "7", "--ingest", *FEW)
    run(tmp_path, "--iterations", "7", "--ingest", *FEW)
    each_once(tmp_path)
    assert without_timings(tmp_path) == without_timings(undisturbed)
    assert stories(tmp_path) == stories(undisturbed)
    chex.assert_trees_all_equal(restored(tmp_path), restored(undisturbed))


def _kill_at(patch, owner, name, when, after):
    real = getattr(owner, name)

    def call(*arguments):
        if when(*arguments):
            if after:
                real(*arguments)
            raise Killed
        return real(*arguments)

    patch.setattr(owner, name, call)


@pytest.mark.slow
def test_a_trainer_that_is_killed_between_two_events(undisturbed, tmp_path):
    deliver_all(tmp_path)
    before = """
import os
from ringrift_jax.runs import training
from ringrift_jax.runs.events import EventLog
append, training.SAVING_SHARE = EventLog.append, 1.0
def kill(self, event):
    append(self, event)
    if event.kind() == "games_ingested" and event.iteration == 2:
        os._exit(9)
EventLog.append = kill
"""
    assert run_elsewhere(tmp_path, "--iterations", "7", "--ingest", *FEW, before=before).returncode == 9
    run(tmp_path, "--iterations", "7", "--ingest", *FEW)
    each_once(tmp_path)
    assert without_timings(tmp_path) == without_timings(undisturbed)


def test_without_the_option_nothing_is_taken_in(tmp_path):
    deliver_all(tmp_path)
    run(tmp_path, "--iterations", "1", *FEW)
    (line,) = records(tmp_path)
    assert ingested(tmp_path) == [] and line["ingested_games"] == line["ingested_rows"] == 0


def test_rows_that_are_taken_in_are_learned_from_and_padding_is_not(tmp_path):
    config = make_run(tmp_path, *FEW)
    games = [toy_game(seed) for seed in range(5)]
    number = sum(len(game.actions) for game in games)
    state = new_loop(ENV, config.loop, jax.random.key(0))
    add = jax.jit(lambda *arguments: take_in(config.loop, *arguments), donate_argnums=0)
    state = jax.device_get(add_games(add, state, games))
    assert float(state.learner.due) == number * config.loop.learner.samples_per_row
    ring, lanes = state.replay, 4
    assert int(ring.cursor) == -(-number // lanes) and number % lanes
    trainable = np.asarray(ring.trainable)
    assert trainable.sum() == number and (np.asarray(ring.status)[~trainable] == Status.EMPTY).all()
    rows = jax.tree.map(lambda leaf: leaf[trainable], (ring.rows, ring.outcome, ring.last_turn))
    at = 0
    for game in games:
        length = len(game.actions)
        mine, outcome, last_turn = jax.tree.map(lambda leaf, at=at, end=at + length: leaf[at:end], rows)
        chex.assert_trees_all_equal(mine.state, game.states)
        np.testing.assert_array_equal(mine.action, game.actions)
        np.testing.assert_array_equal(mine.slot_actions, game.slot_actions)
        np.testing.assert_array_equal(mine.slot_weights, game.slot_weights)
        np.testing.assert_array_equal(outcome, np.tile(game.rewards, (length, 1)))
        np.testing.assert_array_equal(last_turn, np.tile(game.states.turn[-1], length))
        at += length


def _changed(game, **states):
    return replace(game, states=replace(game.states, **states))


GAME = toy_game(3)
FAULTS = {
    "policies have 5 slots; the search of the run has 6": toy_game(3, slots=5),
    "game 0 does not name the models of all players": replace(GAME, models=("champion 1", "")),
    "game 0 is not whole": _changed(GAME, steps=GAME.states.steps + 1),
    "game 0 has an action that its policy does not have": replace(GAME, actions=(GAME.actions + 1) % 6),
    "game 0 has a policy whose weights are not a distribution": replace(GAME, slot_weights=GAME.slot_weights / 2),
    "game 0 has a surprise that is negative or not finite": replace(GAME, surprise=GAME.surprise * np.nan),
    "decision 1, heap 99": _changed(GAME, heap=np.where(GAME.states.steps == 1, 99, GAME.states.heap)),
}


@pytest.mark.parametrize("problem", FAULTS)
def test_each_fault_is_found_and_the_file_is_not_looked_at_again(problem, tmp_path):
    config = make_run(tmp_path, *FEW)
    path = deliver(tmp_path, "w/000001.npz", [FAULTS[problem]], time=1)
    inbox = Inbox(tmp_path, ENV, config.loop)
    taken = inbox.next(1)
    (event,) = taken.events
    assert event.rejected and event.rejected.startswith(problem) and not taken.games
    assert inbox.next(2).events == []
    EventLog(tmp_path).append(event)
    assert Inbox(tmp_path, ENV, config.loop).next(2).events == []
    shutil.rmtree(path.parent)
    assert Inbox(tmp_path, ENV, config.loop).next(2).events == []


def test_games_of_another_environment_are_refused(tmp_path, monkeypatch):
    config = make_run(tmp_path, *FEW)
    other = ToyGame(heap=13, swap_rule=True)
    deliver(tmp_path, "w/000001.npz", [GAME], time=1)
    (event,) = Inbox(tmp_path, other, config.loop).next(1).events
    assert event.rejected == (
        "the games are of square8, 2 players; those of the run are of square8, 2 players, swap rule"
    )


def test_a_game_longer_than_an_iteration_comes_alone_and_one_longer_than_the_ring_never(tmp_path):
    config = make_run(tmp_path, *FEW).loop
    length = len(GAME.actions)
    deliver(tmp_path, "w/000001.npz", [GAME, GAME], time=1)
    short = replace(config, self_play=replace(config.self_play, lanes=1, chunk=length - 1))
    assert [len(Inbox(tmp_path, ENV, short).next(i).games) for i in (1, 2)] == [1, 1]
    inbox = Inbox(tmp_path, ENV, short)
    assert [event.left for i in (1, 2, 3) for event in inbox.next(i).events] == [1, 0]
    tiny = replace(short, learner=replace(short.learner, replay_blocks=length - 1))
    (event,) = Inbox(tmp_path, ENV, tiny).next(1).events
    assert event.rejected == f"game 0 has {length} decisions; the ring of the run holds {length - 1}"


def test_a_file_that_vanishes_is_passed_over(tmp_path, monkeypatch):
    config = make_run(tmp_path, *FEW)
    deliver(tmp_path, "w/000001.npz", [GAME], time=2)
    deliver(tmp_path, "w/000002.npz", [GAME], time=1)
    real = ingest.load_npz

    def load(path):
        path.with_name("000001.npz").unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(ingest, "load_npz", load)
    assert [event.path for event in Inbox(tmp_path, ENV, config.loop).next(1).events] == ["workers/w/000002.npz"]
