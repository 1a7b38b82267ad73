"""The compiled part does the same whatever JAX's environment variables say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame
from toy_runs import GAME, ONE_DEVICE

from ringrift_jax.env import make
from ringrift_jax.learning.loop import make_iterate, new_loop
from ringrift_jax.numerics import key_of, new_key
from ringrift_jax.players import heuristic
from ringrift_jax.players.agents import make_evaluate, random_agent, search_agent
from ringrift_jax.players.arena import judge, new_match, next_turn, play_match, versus
from ringrift_jax.search import search

STATES = 3


def states(env):
    return jax.vmap(lambda _: env.init())(jnp.arange(STATES))


def iteration(state):
    return state, make_iterate(GAME, ONE_DEVICE)(state)


def searched(state):
    evaluate, params = make_evaluate(GAME, ONE_DEVICE.network), state.champion
    return search(GAME, evaluate, params, states(GAME), jax.random.split(new_key(0), STATES), ONE_DEVICE.search)


def match(state):
    agent = search_agent(GAME, make_evaluate(GAME, ONE_DEVICE.network), state.champion, ONE_DEVICE.search)
    start = new_match(GAME, ONE_DEVICE.arena.openings)
    turn, verdict = next_turn(GAME, start, 3), judge(start, 2, ONE_DEVICE.arena)
    return turn, verdict, play_match(GAME, versus(agent, random_agent(GAME)), 2, new_key(0))


def judged(_):
    env = make("square8")
    profile = heuristic.weights(heuristic.default_profile(env))
    return heuristic.terms(env, env.init(), profile), heuristic.evaluate(env, env.init(), profile)


@pytest.mark.parametrize("part", [iteration, searched, match, judged], ids=lambda part: part.__name__)
def test_dtypes_do_not_depend_on_64_bit_mode(part):
    def dtypes(wide: bool):
        with jax.enable_x64(wide):
            found = jax.eval_shape(lambda: part(new_loop(GAME, ONE_DEVICE, new_key(0))))
        return {jax.tree_util.keystr(path): leaf.dtype for path, leaf in jax.tree.leaves_with_path(found)}

    assert dtypes(True) == dtypes(False)


def test_a_search_finds_the_same_in_64_bit_mode():
    env = ToyGame(heap=13)

    def run(wide: bool):
        with jax.enable_x64(wide):
            params = new_loop(env, ONE_DEVICE, new_key(0)).champion
            evaluate = make_evaluate(env, ONE_DEVICE.network)
            keys = jax.random.split(new_key(1), STATES)
            return jax.jit(lambda states: search(env, evaluate, params, states, keys, ONE_DEVICE.search))(states(env))

    for one, other in zip(run(False), run(True), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_keys_are_of_one_generator():
    seeded = jax.random.key_data(jax.random.key(7, impl="threefry2x32"))
    with jax.default_prng_impl("rbg"):
        assert jax.random.key_data(jax.random.key(7)).shape != seeded.shape
        key = new_key(7)
        again = key_of(seeded)
    for found in key, again:
        assert found.dtype == jax.random.key(0, impl="threefry2x32").dtype
        np.testing.assert_array_equal(jax.random.key_data(found), seeded)
