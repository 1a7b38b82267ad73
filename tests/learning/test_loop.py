"""The compiled loop on a small game: reproducible, challenges on time, promotes what won, gives up what lost."""

from dataclasses import replace

import jax
import numpy as np
import optax
import pytest
from toy_runs import FEW, GAME, ONE_DEVICE, assert_equal, begin, host, settings

from ringrift_jax.devices import everywhere, make_mesh
from ringrift_jax.learning.loop import make_iterate, memory, new_loop, release


@pytest.fixture(scope="module")
def iterate():
    return make_iterate(GAME, ONE_DEVICE)


@pytest.fixture(scope="module")
def run(iterate):
    """States before and after each iteration, on the host, and the metrics of each."""
    state = begin(2)
    states, metrics = [host(state)], []
    for _ in range(16):
        state, metric = iterate(state)
        states.append(host(state))
        metrics.append(jax.device_get(metric))
    return states, metrics


def test_equal_seeds_give_equal_runs(iterate, run):
    states, _ = run
    state = begin(2)
    for _ in range(3):
        state, _ = iterate(state)
    assert_equal(host(state), states[3])
    stems = [begin(seed).champion["params"]["stem"]["kernel"] for seed in (2, 6)]
    assert not np.array_equal(*stems)


def test_the_network_challenges_the_champion_when_it_is_time(run):
    _, metrics = run
    assert [int(m.iteration) for m in metrics] == list(range(1, 17))
    for m in metrics:
        due = int(m.iteration) % 2 == 0
        assert np.isfinite(m.arena.score) == due
        assert (m.arena.decisions > 0) == due
        assert due or not m.promoted


def test_what_won_becomes_champion_and_nothing_else_does(run):
    states, metrics = run
    promotions = 0
    for before, after, metric in zip(states, states[1:], metrics, strict=False):
        # The arena plays at the beginning of the iteration, before more is learned.
        assert_equal(after.champion, before.learner.average if metric.promoted else before.champion)
        assert not metric.promoted or metric.arena.score > 0
        promotions += int(metric.promoted)
        assert int(after.version) == promotions == int(metric.version)
    assert 0 < promotions < 8


def test_what_lost_is_given_up_and_training_goes_on_from_the_champion(run):
    states, metrics = run
    rollbacks = 0
    for before, after, metric in zip(states, states[1:], metrics, strict=False):
        assert not (metric.rolled_back and metric.promoted)
        steps = int(metric.steps) + (0 if metric.rolled_back else int(before.learner.steps))
        assert int(after.learner.steps) == steps
        assert {int(count) for _, count in optax.tree.get_all_with_path(after.learner.optimizer, "count")} == {steps}
        if metric.rolled_back:
            rollbacks += 1
            assert metric.arena.score < 0
            change, whole = (
                optax.tree.norm(jax.tree.map(lambda a, b: a - b, after.learner.params, other))
                for other in (before.champion, before.learner.params)
            )
            assert change < whole
    assert rollbacks > 0


def test_training_follows_the_data(run):
    states, metrics = run
    samples = sum(int(m.steps) for m in metrics) * ONE_DEVICE.learner.batch_size
    earned = sum(int(m.self_play.decisions) for m in metrics) * ONE_DEVICE.learner.samples_per_row
    assert samples + float(states[-1].learner.due) == earned
    assert all(np.isfinite(m.losses.loss) == (m.steps > 0) for m in metrics)
    learned = [m.losses for m in metrics if m.steps > 0]
    assert learned[-1].value_loss < 0.8 * learned[0].value_loss


def test_games_are_learned_from_when_they_are_released(run):
    """With the parity gate learning is one iteration behind, and what is rejected is never learned from."""
    config = settings(*FEW)
    mesh = make_mesh(config.self_play.lanes, config.learner.batch_size)
    iterate = make_iterate(GAME, config, mesh)
    state = jax.device_put(new_loop(GAME, config, jax.random.key(2)), everywhere(mesh))
    decisions, trainable = [], []
    for accepted in (True, False, True, True):
        state, metrics = iterate(state)
        decisions.append(int(metrics.self_play.decisions))
        trainable.append(int(metrics.trainable_rows))
        if int(state.iteration) > 1:
            state = release(config, state, accepted)
            assert int(state.replay.approved) == int(state.iteration) - 1
    # Released after the 2nd, 3rd and 4th iteration: games of the 1st (rejected), of the 2nd and of the 3rd.
    assert trainable == [0, 0, 0, decisions[1]]
    assert int(state.replay.trainable.sum()) == decisions[1] + decisions[2]
    earned = (decisions[1] + decisions[2]) * config.learner.samples_per_row
    assert float(state.learner.due) == earned - int(metrics.steps) * config.learner.batch_size
    assert int(metrics.steps) > 0


def test_memory_is_that_of_the_state(run):
    states, _ = run
    estimate = memory(jax.eval_shape(lambda: new_loop(GAME, ONE_DEVICE, jax.random.key(0))), ONE_DEVICE)
    first = states[0]
    measured = {"replay": first.replay, "games": first.games, "network": (first.learner, first.champion)}
    for name, tree in measured.items():
        assert estimate[name] == sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
    assert estimate["search tree"] > 0


def test_self_play_by_the_champion_starts_like_self_play_by_the_latest(run):
    """Until something is learned both are the same network."""
    states, _ = run
    config = replace(ONE_DEVICE, self_play=replace(ONE_DEVICE.self_play, network="champion"))
    iterate = make_iterate(GAME, config)
    state = new_loop(GAME, config, jax.random.key(2))
    after = []
    for _ in range(2):
        state, _ = iterate(state)
        after.append(host(state))
    assert_equal(after[0], states[1])
    assert not np.array_equal(after[1].replay.rows.slot_weights, states[2].replay.rows.slot_weights)
