"""Learning: what the losses are, when steps are taken, and what happens to those that are not finite."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.learning import ring
from ringrift_jax.learning.learner import LearnerConfig, barren, earn, losses, new_learner, train
from ringrift_jax.learning.ring import Rows

ENV = ToyGame(heap=9)
CONFIG = LearnerConfig(batch_size=4, samples_per_row=2.0, min_rows=8, warmup=0, learning_rate=0.05)
LANES = 4


def evaluate(params, observations):
    """Logits and a value that ignore the position."""
    batch = observations.shape[0]
    values = jnp.tanh(jnp.stack([params["value"], -params["value"]]))
    return jnp.broadcast_to(params["logits"], (batch, 6)), jnp.broadcast_to(values, (batch, 2))


def params():
    return {"logits": jnp.arange(6.0), "value": jnp.float32(0.0)}


def full_ring(blocks=4, reward=1.0):
    """A ring of starting positions whose games player 0 won; the policy takes 1 token, or sometimes 4."""
    start = ENV.init()
    actions, weights = jnp.array([0, 3, -1], jnp.int16), jnp.array([0.75, 0.25, 0.0], jnp.float16)
    row = Rows(start, jnp.int16(0), actions, weights, jnp.float16(0.5))
    replay = ring.empty(row, blocks, LANES, 2)
    rows = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (LANES, *leaf.shape)), row)
    game = jnp.zeros(LANES, jnp.int32)
    for _ in range(blocks):
        replay = ring.append(replay, rows, game, 1, 0)
    rewards = jnp.tile(jnp.array([reward, -reward]), (LANES, 1))
    replay = ring.complete(replay, game, jnp.ones(LANES, bool), rewards, jnp.full(LANES, 9), 1)
    return ring.approve(replay, 1)[0]


def some_rows():
    replay = full_ring()
    return jax.tree.map(lambda leaf: leaf[0, :4], ring.Sample(replay.rows, replay.outcome, replay.last_turn))


@pytest.fixture(scope="module")
def learn():
    def learn(learner, replay, rows, key):
        return train(ENV, evaluate, CONFIG, earn(CONFIG, learner, rows), replay, ring.give_tickets(replay), key)

    return jax.jit(learn)


def test_losses_by_hand():
    keys = jax.random.split(jax.random.key(0), 4)
    got = jax.jit(lambda params: losses(ENV, evaluate, CONFIG, params, some_rows(), keys))(params())
    # Legal at the start are actions 0 to 3; logits 0, 1, 2, 3.
    log_policy = np.arange(4) - np.log(np.exp(np.arange(4)).sum())
    assert got.policy_loss == pytest.approx(-(0.75 * log_policy[0] + 0.25 * log_policy[3]), rel=1e-5)
    assert got.target_entropy == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), rel=1e-5)
    assert got.value_loss == pytest.approx(1.0)
    assert got.loss == pytest.approx(float(got.policy_loss + got.value_loss))


def test_barren_values_are_learned_where_the_mover_does_not_win_in_the_same_turn():
    """All four rows are of turn 1 and player 0, who won three of the games, two of them in that turn."""
    outcome = jnp.array([(1.0, -1.0), (1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)])
    sample = some_rows()._replace(outcome=outcome, last_turn=jnp.array([1, 1, 3, 1]))
    np.testing.assert_array_equal(barren(sample), [False, False, True, True])

    def look(params, observations):
        return *evaluate(params, observations), jnp.full((len(observations), 2), 0.5) * jnp.array([1, -1])

    keys = jax.random.split(jax.random.key(0), 4)
    got = jax.jit(lambda params: losses(ENV, look, CONFIG, params, sample, keys))(params())
    assert got.barren == 0.5
    assert got.barren_value_loss == pytest.approx((0.5**2 + 1.5**2) / 4)
    assert got.value_loss == pytest.approx(1.0)
    assert got.loss == pytest.approx(float(got.policy_loss + got.value_loss + got.barren_value_loss))


def test_values_of_results_that_are_far_away_are_discounted():
    """The rows are of turn 1, and their games ended in it, and 1, 3 and 8 turns later."""
    sample = some_rows()._replace(last_turn=jnp.array([1, 2, 4, 9]))
    config, keys = replace(CONFIG, discount=0.5), jax.random.split(jax.random.key(0), 4)
    got = jax.jit(lambda params: losses(ENV, evaluate, config, params, sample, keys))(params())
    assert got.value_loss == pytest.approx(np.mean(0.25 ** np.array([0, 1, 3, 8])))


def test_learning_approaches_the_targets(learn):
    replay = full_ring()
    learner = new_learner(CONFIG, params())
    for i in range(40):
        learner, result, steps = learn(learner, replay, jnp.int32(16), jax.random.key(i))
        assert int(steps) == 8
    assert result.policy_loss - result.target_entropy < 0.02
    assert result.value_loss < 0.01
    policy = jax.nn.softmax(learner.params["logits"][:4])
    np.testing.assert_allclose(policy, [0.75, 0, 0, 0.25], atol=0.05)
    assert int(learner.steps) == 320
    assert int(learner.skipped) == 0


def test_steps_follow_the_data(learn):
    """Two samples a row and four a step: a step for every two completed rows, the rest carried over."""
    replay = full_ring()
    learner = new_learner(CONFIG, params())
    taken = []
    for earned in (1, 1, 3, 0, 5):
        learner, _, steps = learn(learner, replay, jnp.int32(earned), jax.random.key(0))
        taken.append(int(steps))
    assert taken == [0, 1, 1, 0, 3]
    assert float(learner.due) == 0


def test_nothing_is_learned_before_there_are_enough_rows(learn):
    learner = new_learner(CONFIG, params())
    learner, result, steps = learn(learner, full_ring(blocks=1), jnp.int32(4), jax.random.key(0))
    assert int(steps) == 0
    assert all(number == 0 for number in vars(result).values()), "0 stands for no steps, not NaN"
    np.testing.assert_array_equal(learner.params["logits"], params()["logits"])
    # What those rows have earned is not lost.
    learner, _, steps = learn(learner, full_ring(blocks=4), jnp.int32(0), jax.random.key(0))
    assert int(steps) == 2


def test_a_step_that_is_not_finite_is_counted_and_changes_nothing(learn):
    learner = new_learner(CONFIG, params())
    broken = full_ring(reward=jnp.inf)
    after, result, steps = learn(learner, broken, jnp.int32(4), jax.random.key(0))
    assert int(steps) == 2
    assert int(after.skipped) == 2
    assert not np.isfinite(result.loss)
    got, wanted = (jax.tree.leaves((one.params, one.optimizer)) for one in (after, learner))
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_parameters_that_are_not_finite_are_not_taken_on(learn):
    """Loss and gradient are finite, but the step is beyond the largest number."""
    learner = new_learner(CONFIG, {"logits": jnp.arange(6.0), "value": jnp.float32(0.0)})
    huge = jax.tree.map(
        lambda leaf: jnp.full_like(leaf, -1e38) if leaf.dtype == jnp.float32 else leaf, learner.optimizer
    )
    after, result, steps = learn(replace(learner, optimizer=huge), full_ring(), jnp.int32(2), jax.random.key(0))
    assert int(steps) == int(after.skipped) == 1
    assert np.isfinite(result.loss) and np.isfinite(result.gradient)
    for tree in (after.params, after.average):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def test_the_average_follows_the_parameters(learn):
    """By hand: the first step is taken over whole, later ones at most by 1 - 0.998."""
    replay, learner = full_ring(), new_learner(CONFIG, params())
    learner, *_ = learn(learner, replay, jnp.int32(2), jax.random.key(0))
    np.testing.assert_array_equal(learner.average["logits"], learner.params["logits"])
    before = learner
    learner, *_ = learn(learner, replay, jnp.int32(2), jax.random.key(1))
    decay = 1 / 11
    expected = decay * before.average["logits"] + (1 - decay) * learner.params["logits"]
    np.testing.assert_allclose(learner.average["logits"], expected, rtol=1e-6)
    late = replace(learner, steps=jnp.int32(100_000))
    after, *_ = learn(late, replay, jnp.int32(2), jax.random.key(2))
    expected = 0.998 * learner.average["logits"] + 0.002 * after.params["logits"]
    np.testing.assert_allclose(after.average["logits"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [("averaging", 1.0), ("batch_size", 0), ("discount", 0), ("samples_per_row", -1.0), ("warmup", -1)],
)
def test_settings_are_checked(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; it must be"):
        LearnerConfig(**{name: value})
