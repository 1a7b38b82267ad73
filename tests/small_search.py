"""A search on a board of 3 x 3 with a fixed function in place of a network."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

import ringrift_jax as rr
from ringrift_jax import boards
from ringrift_jax.search import SearchConfig, SearchResult, search_tree

ENV = rr.make(boards.custom("square", 3, 2))
CONFIG = SearchConfig(simulations=24, considered=4, gumbel_scale=0.0)


def evaluate(params, observations):
    """A fixed function of the observation in place of a network."""
    x = jnp.sin(observations.reshape(len(observations), -1) @ params)
    return x[:, : ENV.num_actions], jnp.stack([x[:, -1], -x[:, -1]], axis=-1)


@cache
def searched() -> SearchResult:
    """The search after the first turn, computed once."""
    inputs = int(np.prod(ENV.observation_shape))
    params = jnp.asarray(np.random.default_rng(0).normal(size=(inputs, ENV.num_actions + 1)), jnp.float32)
    search = jax.jit(lambda state: search_tree(ENV, evaluate, params, state, jax.random.key(0), CONFIG))
    state = ENV.init()
    for move in ("P 0,0 2", "M 0,0>2,2"):
        state = rr.notation.play(ENV, state, move)
    return search(state)
