"""Games that begin anew by themselves."""

import batches
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax import boards

ENV = rr.make(boards.custom("square", 3, 2), max_steps=40)


@pytest.mark.ci
def test_games_never_run_dry_and_nothing_of_their_end_is_lost():
    step = rr.wrappers.auto_reset(ENV)

    def ply(states, key):
        keys = jax.random.split(key, 16)
        actions = jax.vmap(lambda state, key: rr.random_action(ENV, state, key))(states, keys)
        following, after = jax.vmap(step)(states, actions)
        return following, (states, actions, following, after)

    start = jax.vmap(lambda _: ENV.init())(jnp.arange(16))
    play = jax.jit(lambda keys: jax.lax.scan(ply, start, keys), compiler_options=batches.COMPILES_FASTER)
    _, (states, actions, following, after) = play(jax.random.split(jax.random.key(0), 100))
    ended = np.asarray(after.is_over)
    assert ended.sum() > 16 and not np.asarray(following.is_over).any()
    assert (np.abs(np.asarray(after.rewards)).sum(-1) == np.where(after.terminated, 2, 0)).all()
    again = jax.jit(jax.vmap(jax.vmap(ENV.step)), compiler_options=batches.COMPILES_FASTER)
    expected = again(states, actions)
    for before, now, new, first in zip(*map(jax.tree.leaves, (expected, after, following, start)), strict=True):
        np.testing.assert_array_equal(now, before)
        over = ended.reshape(ended.shape + (1,) * (now.ndim - 2))
        np.testing.assert_array_equal(new, np.where(over, np.asarray(first)[None], now))
