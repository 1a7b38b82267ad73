"""Which model of a run to use, and where it comes from."""

import json
import shutil

import chex
import jax
import numpy as np
import pytest
from toy_runs import GAME, ONE_DEVICE, begin

from ringrift_jax.learning.config import RunConfig, to_dict
from ringrift_jax.learning.loop import LoopState, make_iterate
from ringrift_jax.players.ratings import elo_of_reward
from ringrift_jax.runs import events, registry
from ringrift_jax.runs.checkpoints import Checkpoints, save_champion
from ringrift_jax.runs.events import EventLog

CONFIG = RunConfig("square8", loop=ONE_DEVICE)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """A small game in place of the board."""
    monkeypatch.setattr(RunConfig, "make_env", lambda self: GAME)


@pytest.fixture
def run(tmp_path):
    """A run with two promotions, whose champions and checkpoint are told apart by a number in their parameters."""
    (tmp_path / registry.CONFIG).write_text(json.dumps(to_dict(CONFIG)))
    log, event = EventLog(tmp_path), None
    params = begin(0).champion
    for version, score in enumerate((0.0, 0.2, 0.1)):
        event = registry.promotion(CONFIG, event, 4 * version, 100 * version, score, 0.05, groups=99)
        log.append(event)
        numbered = jax.tree.map(lambda leaf, number=version: leaf * 0 + number, params)
        save_champion(tmp_path / registry.CHAMPIONS, version, CONFIG, numbered)
    return tmp_path


def checkpoint(run) -> LoopState:
    state, iterate = begin(0), make_iterate(GAME, ONE_DEVICE)
    for _ in range(3):
        state, _ = iterate(state)
    with Checkpoints(run / registry.CHECKPOINTS) as checkpoints:
        checkpoints.save(state)
    return state


def numbers(model: registry.Model) -> set[float]:
    config, params = registry.load_model(model)
    assert config == CONFIG
    return set(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)]).tolist())


def test_the_newest_champion_that_is_there(run):
    checkpoint(run)
    model = registry.select_model(run)
    assert (model.kind, model.version, numbers(model)) == ("champion", 2, {2.0})
    assert "beat champion 1 after iteration 8 by 34 Elo (95% interval 0 to 70)" in model.why
    shutil.rmtree(run / "champions" / "2")
    model = registry.select_model(run)
    assert (model.kind, model.version, numbers(model)) == ("champion", 1, {1.0})
    assert model.why.endswith(f"; missing from {run / 'champions'}: champion 2")


def test_else_the_checkpoint_else_the_heuristic(run, caplog):
    for version in (1, 2):
        shutil.rmtree(run / "champions" / str(version))
    model = registry.select_model(run)  # the untrained network has beaten nobody
    assert (model.kind, model.path) == ("heuristic", None)
    assert f"missing from {run / 'champions'}: champion 2, 1, and there is no checkpoint" in model.why
    with pytest.raises(ValueError, match="heuristic has no parameters"):
        registry.load_model(model)
    state = checkpoint(run)
    model = registry.select_model(run)
    assert model.kind == "checkpoint"
    assert model.why.endswith("the network of the checkpoint after iteration 3")
    config, params = registry.load_model(model)
    assert config == CONFIG
    chex.assert_trees_all_equal(params, state.learner.average)
    with pytest.raises(AssertionError):
        chex.assert_trees_all_equal(params, state.learner.params)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_run_that_has_just_begun_has_the_heuristic(tmp_path):
    model = registry.select_model(tmp_path)
    assert (model.kind, model.why.partition(",")[0]) == ("heuristic", "no network of this run has won an arena")


def test_a_run_that_does_not_exist_has_nothing(tmp_path):
    for look in registry.select_model, registry.champions, registry.missing_champions, events.read:
        with pytest.raises(FileNotFoundError, match=f"there is no directory {tmp_path / 'none'}"):
            look(tmp_path / "none")


def test_lineage(run):
    line = registry.lineage(run, 2)
    assert [event.version for event in line] == [2, 1, 0]
    assert [event.games for event in line] == [200, 100, 0]
    improvements = [event.elo_improvement for event in line]
    assert improvements == [pytest.approx(34.51, abs=0.1), pytest.approx(69.71, abs=0.1), None]
    assert [event.elo for event in line] == [pytest.approx(104.2, abs=0.1), pytest.approx(69.71, abs=0.1), 0]
    assert line[1].interval == (pytest.approx(34.66, abs=0.1), pytest.approx(106.2, abs=0.1))
    assert line[2].interval is None
    assert len({event.config_hash for event in line}) == 1
    with pytest.raises(ValueError, match="has no champion 7; it has 0, 1, 2"):
        registry.lineage(run, 7)


def test_a_few_games_that_were_all_won_are_no_certainty():
    first = registry.promotion(CONFIG, None, 0, 0)
    event = registry.promotion(CONFIG, first, 32, 100, score=1.0, error=0.0, groups=6)
    # Six won groups and a drawn one: a mean reward of 6/7, and a standard error of sqrt((7/7 - (6/7)^2) / 7).
    assert event.elo == event.elo_improvement == pytest.approx(445.6, abs=0.1)
    assert event.interval and event.interval[0] == pytest.approx(179.7, abs=0.1) and event.interval[1] > 1000


@pytest.mark.parametrize(("reward", "players", "elo"), [(0, 2, 0), (0, 4, 0), (0.5, 2, 190.85), (-0.5, 2, -190.85)])
def test_elo_of_a_mean_reward(reward, players, elo):
    assert elo_of_reward(reward, players) == pytest.approx(elo, abs=0.01)


def test_elo_of_a_mean_reward_is_finite_and_grows():
    for players in (2, 3, 4):
        line = [elo_of_reward(r, players) for r in np.linspace(-1 / (players - 1), 1, 30)]
        assert np.isfinite(line).all()
        assert np.all(np.diff(line) > 0)
    # Three equal players of four against one that is 10 times as likely to win a pair: 10 of 13 games.
    assert elo_of_reward((10 / 13 * 4 - 1) / 3, 4) == pytest.approx(400)


def test_config_hashes_differ():
    assert registry.config_hash(CONFIG) == registry.config_hash(RunConfig("square8", loop=CONFIG.loop))
    assert registry.config_hash(CONFIG) != registry.config_hash(RunConfig("square8", seed=1, loop=CONFIG.loop))
