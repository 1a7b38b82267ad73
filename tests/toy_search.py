"""Searches of the toy game with a fixed function in place of a network, compiled once for batches of one size."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from toy_game import ToyGame

from ringrift_jax.search import SearchConfig, search_tree, summarise

TWO = ToyGame(heap=9, swap_rule=True)
THREE = ToyGame(num_players=3, heap=8)
FOUR = ToyGame(num_players=4, heap=14, max_steps=5)  # truncated more often than not
# Five slots are the most legal actions of the toy: they fit exactly, and EXACT visits them all.
EXACT = SearchConfig(simulations=24, considered=5, slots=5, gumbel_scale=0)
NOISY = replace(EXACT, considered=4, gumbel_scale=1)
BATCH = 8


def evaluate(env, weights, observations):
    """A fixed smooth function of the observation in place of a network; two players' values sum to 0."""
    x = jnp.concatenate([observations[:, 0, 0], jnp.sin(7 * observations[:, 0, 0])], axis=-1)
    logits = 2 * jnp.sin(x @ weights[:, : env.num_actions])
    values = jnp.tanh(x @ weights[:, env.num_actions :])[:, : env.num_players]
    return logits, jnp.concatenate([values[:, :1], -values[:, :1]], axis=-1) if env.num_players == 2 else values


def weights(seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(10, 10)).astype(np.float32))


step = jax.jit(ToyGame.step, static_argnums=0)
legal = jax.jit(ToyGame.legal_action_mask, static_argnums=0)


def after(env, *actions):
    state = env.init()
    for action in actions:
        state = step(env, state, action)
        assert not state.illegal
    return state


def stack(states):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


def positions(env, number, seed=0):
    """Positions of random games, running ones."""
    rng, states = np.random.default_rng(seed), []
    while len(states) < number:
        state = env.init()
        for _ in range(rng.integers(0, 5)):
            if not state.is_over:
                state = step(env, state, rng.choice(np.flatnonzero(legal(env, state))))
        if not state.is_over:
            states.append(state)
    return states


@partial(jax.jit, static_argnums=(0, 1))
def run(env, config, params, states, keys):
    """The trees and the summaries of a batch."""
    look = partial(evaluate, env)
    results = jax.vmap(lambda state, key: search_tree(env, look, params, state, key, config))(states, keys)
    return results, jax.vmap(summarise)(results)


def run_one(env, config, params, state, seed=0):
    """Tree and summary of one position; in a batch of copies, so that nothing is compiled twice."""
    keys = jax.random.split(jax.random.key(seed), BATCH)
    return jax.tree.map(lambda x: x[0], run(env, config, params, stack([state] * BATCH), keys))
