"""The sequential tests: error rates by simulation, early ends, nothing read beyond what is known, and how much stronger
the challenger is by what follows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax.players.ratings import elo_of_reward, reward_of_elo
from ringrift_jax.players.sequential import SequentialConfig, Verdict, verdict

CONFIG = SequentialConfig()
MATCHES, GROUPS = 4000, 2000


@partial(jax.jit, static_argnames=("players", "config", "held_out"))
def judge(scores, ready, players=2, config=CONFIG, held_out=0) -> Verdict:
    return jax.vmap(lambda row: verdict(row, ready, players, config, held_out))(scores)


def pairs(elo: float, drawn: float, groups: int = GROUPS) -> jax.Array:
    """Scores ``[MATCHES, groups]`` of pairs, of which a share ends one all."""
    reward = reward_of_elo(elo, 2)
    chances = [(1 - drawn + reward) / 2, drawn, (1 - drawn - reward) / 2]
    return jnp.asarray(np.random.default_rng(0).choice([1.0, 0.0, -1.0], (MATCHES, groups), p=chances), jnp.float32)


@pytest.mark.parametrize("drawn", [0.3, 0.6])
def test_error_rates_are_as_stated(drawn):
    """To a quarter more than asked for, because the variance is estimated and groups come one at a time."""
    limit = 1.3 * CONFIG.error_rate + 0.005
    equal, stronger, weaker = (
        judge(pairs(elo, drawn), GROUPS) for elo in (0, CONFIG.promote_elo, -CONFIG.rollback_elo)
    )
    rates = {
        "equal promoted": equal.stronger.mean(),
        "equal rolled back": equal.weaker.mean(),
        "stronger not promoted": 1 - stronger.stronger.mean(),
        "weaker not rolled back": 1 - weaker.weaker.mean(),
    }
    print({name: round(float(rate), 3) for name, rate in rates.items()})
    assert max(rates.values()) < limit
    # No test that passes nothing or everything: in between the rates are in between.
    between = judge(pairs(CONFIG.promote_elo / 2, drawn), GROUPS).stronger.mean()
    assert 0.3 < between < 0.7
    assert weaker.stronger.mean() < 0.01 and stronger.weaker.mean() < 0.01


def test_the_clearer_the_sooner():
    needed = [float(judge(pairs(elo, 0.4), GROUPS).read.groups.mean()) for elo in (35, 70, 140)]
    assert needed[0] > 2 * needed[1] > 4 * needed[2]


def test_it_ends_where_it_is_decided_and_reads_no_further():
    scores = pairs(100, 0.4, groups=300)
    found = judge(scores, 300)
    rest = jnp.where(jnp.arange(300) >= found.read.groups[:, None], -1.0, scores)
    other = judge(rest, 300)
    for one in (found, other):
        assert (one.following.groups == 0).all(), "nothing is held out"
    for a, b in zip(
        jax.tree.leaves((other.decided, other.stronger, other.weaker, other.read)),
        jax.tree.leaves((found.decided, found.stronger, found.weaker, found.read)),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert found.decided.all() and found.stronger.mean() > 0.99
    some = judge(scores, 20)
    assert (np.asarray(some.decided) == np.asarray(found.read.groups <= 20)).all()
    assert (some.read.groups <= 20).all() and 0.05 < some.decided.mean() < 0.95


def test_what_was_read_promises_too_much_and_what_follows_does_not():
    """As the preset ``cpu`` plays: the tests read 128 pairs at most, and 64 more are held out of them."""
    for elo in (20, 60):
        found = judge(pairs(elo, 0.4, groups=192), 192, held_out=64)
        won = np.asarray(found.stronger)
        read, follows = (np.asarray(part.mean)[won] for part in (found.read, found.following))
        truth, error = reward_of_elo(elo, 2), follows.std() / np.sqrt(won.sum())
        assert read.mean() > truth + 0.1
        assert abs(follows.mean() - truth) < 4 * error < 0.05
        assert (np.asarray(found.following.groups) == 64).all()
        inside = np.abs(follows - truth) < 1.96 * np.asarray(found.following.error)[won]
        assert 0.9 < inside.mean() < 0.99, "its error is not what it seems"


def test_a_match_is_complete_when_it_is_decided_and_what_follows_is_known_when_the_challenger_is_stronger():
    scores = pairs(100, 0.4, groups=100)
    early, late = (judge(scores, ready, held_out=30) for ready in (70, 100))
    stronger, decided, read = np.asarray(early.stronger), np.asarray(early.decided), np.asarray(early.read.groups)
    assert decided.all() and 0 < stronger.mean() < 1 and 0 < (read[stronger] <= 40).mean() < 1
    assert (np.asarray(early.complete) == (~stronger | (read <= 40))).all() and np.asarray(late.complete).all()
    assert (np.asarray(early.following.groups) == np.minimum(30, 70 - read)).all()
    np.testing.assert_array_equal(early.read.mean, late.read.mean)
    for row in range(20):
        follows = np.asarray(scores[row, read[row] : read[row] + 30])
        assert late.following.mean[row] == pytest.approx(follows.mean(), abs=1e-5)


def test_what_is_held_out_decides_nothing():
    lost = jnp.zeros((1, 8)).at[:, 4:].set(-1)
    found, without = judge(lost, 8, held_out=4), judge(lost[:, :4], 4)
    assert bool(found.decided[0]) and not found.weaker[0] and int(found.read.groups[0]) == 4
    assert found.read.mean[0] == without.read.mean[0] == 0 and found.following.mean[0] == -1
    assert bool(judge(jnp.tile(lost[:, 4:], 4), 16).weaker[0])


def test_score_and_error_are_of_the_groups_read():
    scores = pairs(35, 0.4, groups=64)
    found = judge(scores, 64)
    for row in range(20):
        read = np.asarray(scores[row, : int(found.read.groups[row])])
        assert found.read.mean[row] == pytest.approx(read.mean(), abs=1e-5)
        assert found.read.error[row] == pytest.approx(read.std(ddof=1) / np.sqrt(len(read)), rel=1e-4)
    none = judge(scores[:1], 0)
    one = judge(scores[:1], 1)
    assert one.read.mean[0] == scores[0, 0] and one.read.error[0] == 0 and one.read.groups[0] == 1
    assert none.read.mean[0] == none.read.error[0] == none.read.groups[0] == 0 and not none.decided.any()


def test_what_the_last_group_leaves_open_is_not_passed():
    found = judge(jnp.zeros((1, 8)), 8)
    assert bool(found.decided[0]) and not found.stronger[0] and not found.weaker[0]
    assert int(found.read.groups[0]) == 8


@pytest.mark.parametrize("players", [2, 3, 4])
def test_reward_of_elo_is_the_inverse_of_elo_of_reward(players):
    for elo in (-200, -50, 0, 35, 300):
        assert elo_of_reward(reward_of_elo(elo, players), players) == pytest.approx(elo, abs=1e-6)


@pytest.mark.parametrize("setting", [{"promote_elo": 0}, {"rollback_elo": -1}, {"error_rate": 0}, {"error_rate": 0.6}])
def test_settings_are_checked(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=f"{name} is .*; it must be"):
        SequentialConfig(**setting)
