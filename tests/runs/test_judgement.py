"""How much of a result is decided, and how much of that a network sees."""

import jax
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.devices import make_mesh
from ringrift_jax.learning.config import LoopConfig
from ringrift_jax.learning.loop import new_loop
from ringrift_jax.runs.judgement import judge, shares
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


def test_an_end_that_is_near_is_decided_and_a_start_is_not():
    env = ToyGame(heap=9)
    config = LoopConfig(
        NetworkConfig(channels=4, blocks=1), SearchConfig(simulations=8, considered=4, gumbel_scale=1.0)
    )
    params = new_loop(env, config, jax.random.key(0)).champion
    late = judge(env, config, params, ply=4, positions=32, continuations=8, seed=0, mesh=make_mesh(32))
    assert late.ply == 4 and 2 <= late.positions < 32 and late.decided > 0.3
    with pytest.raises(ValueError, match="after 40 decisions 0 of 32 games go on"):
        judge(env, config, params, ply=40, positions=32, continuations=8, seed=0, mesh=make_mesh(32))
