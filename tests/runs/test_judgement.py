"""How much of a result is decided, and how much of that a network sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.devices import make_mesh
from ringrift_jax.learning.config import LoopConfig
from ringrift_jax.learning.loop import new_loop
from ringrift_jax.runs.judgement import judge, shares, summarise
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig


def test_shares_are_those_of_the_chances():
    """Positions whose chances are drawn evenly decide a third of a variance of 1."""
    rng = np.random.default_rng(0)
    chances = rng.uniform(-1, 1, 4000)
    results = np.where(rng.random((4000, 8)) < (chances[:, None] + 1) / 2, 1.0, -1.0)
    decided, explained = shares(results, chances)
    assert decided == pytest.approx(1 / 3, abs=0.02) and explained == pytest.approx(decided, abs=0.02)
    assert shares(results, np.zeros(4000))[1] == pytest.approx(0, abs=0.02)
    assert shares(results, -chances)[1] < -0.5
    assert shares(results, chances / 2)[1] == pytest.approx(1 / 4, abs=0.02)


def test_wins_of_the_turn_count_as_won_and_the_others_by_the_barren_value():
    chances, won = np.array([1.0, 1.0, 0.2, 0.8]), np.array([True, True, False, False])
    results = np.where(np.random.default_rng(0).random((4, 2000)) < chances[:, None], 1.0, -1.0)
    told = summarise(7, results, np.zeros(4), np.array([-1.0, -1.0, -0.6, 0.6]), won)
    assert (told.ply, told.positions, told.barren) == (7, 4, 2)
    assert told.explained < 0.01 and told.searched == pytest.approx(told.decided, abs=0.1) and told.searched > 0.4
    alone = shares(results[2:], np.array([-0.6, 0.6]))
    assert (told.barren_decided, told.barren_explained) == alone and alone[1] > 0.3
    none = summarise(7, results, np.zeros(4), np.zeros(4), np.ones(4, bool))
    assert none.barren == 0 and np.isnan(none.barren_decided)


def test_an_end_that_is_near_is_decided_and_a_start_is_not():
    env = ToyGame(heap=9)
    config = LoopConfig(
        NetworkConfig(channels=4, blocks=1), SearchConfig(simulations=8, considered=4, gumbel_scale=1.0)
    )
    params = new_loop(env, config, jax.random.key(0)).champion

    def look(ply, wins):
        return judge(env, config, params, ply=ply, positions=32, continuations=8, seed=0, mesh=make_mesh(32), wins=wins)

    late = look(4, lambda states: states.heap <= 4)
    assert late.ply == 4 and 2 <= late.positions < 32 and late.decided > 0.3
    assert late.barren < late.positions and late.searched > late.explained + 0.1, "who can take the rest wins"
    blind = look(4, lambda states: jnp.zeros(32, bool))
    assert blind.barren == late.positions and blind.searched == blind.barren_explained
    with pytest.raises(ValueError, match="after 40 decisions 0 of 32 games go on"):
        look(40, lambda states: states.heap <= 4)
