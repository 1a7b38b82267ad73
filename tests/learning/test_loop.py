"""The compiled loop on a small game: reproducible, challenges on time, promotes what won, gives up what lost."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toy_runs import FEW, GAME, ONE_DEVICE, assert_equal, begin, host, settings

from ringrift_jax.devices import make_mesh, on_mesh
from ringrift_jax.env import make
from ringrift_jax.learning.config import preset
from ringrift_jax.learning.loop import LAYOUT, challenge_champion, divided, make_iterate, multiplied, new_loop, release
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate, search_agent
from ringrift_jax.players.arena import play_match, versus
from ringrift_jax.players.sequential import SequentialConfig
from ringrift_jax.runs.memory import memory
from ringrift_jax.runs.metrics import to_record

SEED = 8  # of a run in which some challengers win clearly and others lose


@pytest.fixture(scope="module")
def iterate():
    return make_iterate(GAME, ONE_DEVICE)


@pytest.fixture(scope="module")
def run(iterate):
    """States before and after each iteration, on the host, and the metrics of each."""
    state = begin(SEED)
    states, metrics = [host(state)], []
    for _ in range(16):
        state, metric = iterate(state)
        states.append(host(state))
        metrics.append(jax.device_get(metric))
    return states, metrics


def test_equal_seeds_give_equal_runs(iterate, run):
    states, _ = run
    state = begin(SEED)
    for _ in range(3):
        state, _ = iterate(state)
    assert_equal(host(state), states[3])
    stems = [begin(seed).champion["params"]["stem"]["kernel"] for seed in (SEED, SEED + 1)]
    assert not np.array_equal(*stems)


def test_the_network_challenges_the_champion_when_it_is_time(run):
    _, metrics = run
    assert [int(m.iteration) for m in metrics] == list(range(1, 17))
    for m in metrics:
        due = int(m.iteration) % 2 == 0
        assert (m.arena.read.groups > 0) == (m.arena.decisions > 0) == due
        assert due or m.arena.read.mean == m.arena.read.error == 0
        assert due or not m.promoted


def test_what_won_plays_on_and_its_gain_is_of_the_games_that_follow(run):
    _, metrics = run
    for m in metrics:
        read, gain = int(m.arena.read.groups), m.arena.gain
        assert int(gain.groups) == (ONE_DEVICE.arena.held_out if m.promoted else 0)
        assert m.promoted or gain.mean == gain.error == 0
        line = to_record(m, ONE_DEVICE, 1.0)
        assert (line["gain_score"] is None) == (line["gain_error"] is None) == (line["gain_games"] == 0) != m.promoted
        assert line["arena_games"] == GAME.num_players * read
    assert any(m.promoted for m in metrics)


def test_nothing_measured_is_nan_and_what_was_not_measured_is_none_on_the_record(run):
    _, metrics = run
    learned = {"loss", "policy_loss", "target_entropy", "value_loss", "barren_value_loss", "gradient"}
    arena, gain = {"arena_score", "arena_error", "verdict"}, {"gain_score", "gain_error"}

    def without_number(m):
        return {name for name, value in to_record(m, ONE_DEVICE, 1.0).items() if value is None}

    for m in metrics:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(m))
        assert without_number(m) == (set() if m.arena.read.groups else arena) | (set() if m.promoted else gain)
        line = to_record(m, ONE_DEVICE, 1.0)
        silent = {name for name, gate in line["gates"].items() if gate["value"] is None}
        assert silent == {name for name, result in m.gates.results.items() if not result.judged}
        assert {name for name, entropy in line["entropy_by_phase"].items() if entropy is not None} == {"place", "chain"}
    challenged = metrics[1]
    assert without_number(replace(challenged, steps=np.int32(0))) - gain == learned
    one_group = replace(challenged.arena, read=replace(challenged.arena.read, groups=np.int32(1)))
    assert without_number(replace(challenged, arena=one_group)) - gain == {"arena_error"}


def test_a_state_of_other_settings_is_refused():
    def traced(change):
        state = jax.eval_shape(lambda: new_loop(GAME, replace(ONE_DEVICE, **change), new_key(0)))
        jax.eval_shape(make_iterate(GAME, ONE_DEVICE), state)

    lanes, blocks = ONE_DEVICE.self_play.lanes, ONE_DEVICE.learner.replay_blocks
    with pytest.raises(ValueError, match=rf"games.state.heap has shape \[8\]; its leading axis must be {lanes}"):
        traced({"self_play": replace(ONE_DEVICE.self_play, lanes=8)})
    wanted = rf"replay.status has shape \[32, {lanes}\]; by the settings it must be \[{blocks}, {lanes}\]"
    with pytest.raises(ValueError, match=wanted):
        traced({"learner": replace(ONE_DEVICE.learner, replay_blocks=32)})


def test_what_won_becomes_champion_and_nothing_else_does(run):
    states, metrics = run
    promotions = 0
    for before, after, metric in zip(states, states[1:], metrics, strict=False):
        # The arena plays at the beginning of the iteration, before more is learned.
        assert_equal(after.champion, before.learner.average if metric.promoted else before.champion)
        assert not metric.promoted or metric.arena.read.mean > 0
        promotions += int(metric.promoted)
        assert int(after.version) == promotions == int(metric.version)
    assert 0 < promotions < 8


def test_what_lost_is_given_up_and_training_goes_on_from_the_champion(run):
    states, metrics = run
    changes = []
    for before, after, metric in zip(states, states[1:], metrics, strict=False):
        assert not (metric.rolled_back and metric.promoted)
        steps = int(metric.steps) + (0 if metric.rolled_back else int(before.learner.steps))
        assert int(after.learner.steps) == steps
        assert {int(count) for _, count in optax.tree.get_all_with_path(after.learner.optimizer, "count")} == {steps}
        if metric.rolled_back:
            assert metric.arena.read.mean < 0
            changes.append(
                [
                    optax.tree.norm(jax.tree.map(lambda a, b: a - b, after.learner.params, other))
                    for other in (before.champion, before.learner.params)
                ]
            )
    assert changes, "nothing lost"
    from_champion, from_what_lost = np.mean(changes, axis=0)
    assert from_champion < from_what_lost


def test_training_follows_the_data(run):
    states, metrics = run
    samples = sum(int(m.steps) for m in metrics) * ONE_DEVICE.learner.batch_size
    earned = sum(int(m.self_play.decisions) for m in metrics) * ONE_DEVICE.learner.samples_per_row
    assert samples + float(states[-1].learner.due) == earned
    assert all((m.losses.loss > 0) == (m.steps > 0) for m in metrics)
    learned = [m.losses for m in metrics if m.steps > 0]
    # The best of the run: what the last iteration comes to depends on the rollbacks, and those on the processor.
    assert min(losses.policy_loss for losses in learned) < 0.8 * learned[0].policy_loss
    assert min(losses.value_loss for losses in learned) < 0.9 * learned[0].value_loss


def test_games_are_learned_from_when_they_are_released(run):
    """With the parity gate learning is one iteration behind, and what is rejected is never learned from."""
    config = settings(*FEW)
    mesh = make_mesh(config.self_play.lanes, config.learner.batch_size)
    iterate = make_iterate(GAME, config, mesh)
    state = jax.device_put(new_loop(GAME, config, jax.random.key(SEED)), on_mesh(LAYOUT, mesh))
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


def test_all_that_is_divided_is_multiplied():
    assert divided(multiplied(ONE_DEVICE, 3)) == {name: 3 * number for name, number in divided(ONE_DEVICE).items()}


def test_memory_is_that_of_the_state(run):
    states, _ = run
    estimate = memory(GAME, jax.eval_shape(lambda: new_loop(GAME, ONE_DEVICE, jax.random.key(0))), ONE_DEVICE)
    first = states[0]
    measured = {"replay": first.replay, "games": first.games, "network": (first.learner, first.champion)}
    for name, tree in measured.items():
        assert estimate[name] == sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
    assert 0 < estimate["computing"] == sum(estimate.values()) - sum(estimate[name] for name in measured)


def test_computing_is_estimated_by_what_takes_most():
    def computing(config):
        return memory(GAME, jax.eval_shape(lambda: new_loop(GAME, config, jax.random.key(0))), config)["computing"]

    def learning(batch_size):
        return replace(ONE_DEVICE, learner=replace(ONE_DEVICE.learner, batch_size=batch_size))

    assert computing(learning(20_000)) == 2 * computing(learning(10_000)), "learning"
    assert computing(learning(2)) == computing(learning(1)), "searching"
    searching = replace(learning(1), self_play=replace(ONE_DEVICE.self_play, lanes=2 * ONE_DEVICE.self_play.lanes))
    assert computing(searching) == pytest.approx(2 * computing(learning(1)), rel=1e-3)


def test_self_play_by_the_champion_starts_like_self_play_by_the_latest(run):
    """Until something is learned both are the same network."""
    states, _ = run
    config = replace(ONE_DEVICE, self_play=replace(ONE_DEVICE.self_play, network="champion"))
    iterate = make_iterate(GAME, config)
    state = new_loop(GAME, config, jax.random.key(SEED))
    after = []
    for _ in range(2):
        state, _ = iterate(state)
        after.append(host(state))
    assert_equal(after[0], states[1])
    assert not np.array_equal(after[1].replay.rows.slot_weights, states[2].replay.rows.slot_weights)


@pytest.mark.ci
@pytest.mark.optimised
def test_an_arena_by_turns_plays_as_champions_do():
    small, undecided = preset("tiny", "square8"), SequentialConfig(error_rate=1e-6)
    config = replace(
        small,
        self_play=replace(small.self_play, lanes=4, chunk=1),
        arena=replace(small.arena, groups=2, held_out=2, opening=0, turns=3, nodes=200, test=undecided),
    )
    env = make("square8")
    evaluate = make_evaluate(env, config.network)
    state, other = (new_loop(env, config, new_key(seed)) for seed in (0, 1))
    state = replace(state, champion=other.champion)
    key = new_key(2)
    challenge = jax.jit(lambda state: challenge_champion(env, evaluate, config, state, jnp.asarray(True), key))
    match = challenge(state)

    def player(params):
        return search_agent(env, evaluate, params, config.search.by_turns(3, 200))

    sides = versus(player(state.learner.average), player(state.champion))
    expected = jax.jit(lambda key: play_match(env, sides, 2, key))(key)
    assert not match.running[:4].any()
    np.testing.assert_array_equal(match.length[:4], expected.length)
    np.testing.assert_array_equal(match.score[:4], expected.score)
