"""Numbers of pairs of cells as those of actions, and the logits that are made of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax import boards
from ringrift_jax.env import make
from ringrift_jax.rules.actions import Kind, decode
from ringrift_jax.search.landing import by_action
from ringrift_jax.search.network import NetworkConfig, make_network

WITHOUT, WITH = NetworkConfig(channels=8, blocks=1), NetworkConfig(channels=8, blocks=1, landing_features=4)


@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_each_move_has_the_number_of_its_cells(name):
    """By the decoded action, one by one, in place of the offsets of planes."""
    env = make(name)
    size, cells = env.board.size, env.board.size**2
    pairs = jnp.arange(1.0, cells * cells + 1).reshape(1, cells, cells)
    got = np.asarray(by_action(pairs, size, env.plane_offsets)).reshape(-1)
    action = decode(env.board, jnp.int32(0), jnp.arange(len(got)))
    steps = np.array([*env.board.directions, (0, 0)])[np.where(action.kind == Kind.RAY, action.a, -1)]
    moved = np.asarray(action.b)[:, None] * steps
    begin = np.asarray(action.cell)
    land = np.stack(np.divmod(begin, size), axis=-1) + moved
    moves = moved.any(axis=1) & ((land >= 0) & (land < size)).all(axis=1)
    assert 0 < moves.sum() < len(got)
    np.testing.assert_array_equal(got, np.where(moves, begin * cells + land @ (size, 1) + 1, 0))


def test_the_gradient_is_that_of_looking_up():
    """By JAX's own derivative of a scalar product with every pair in turn."""
    offsets, cells = ((0, 0), (0, 1), (-1, 0), (0, 0), (1, 1)), 6
    weights = jax.random.normal(jax.random.key(0), (2, len(offsets), cells))
    every = jnp.eye(cells * cells).reshape(-1, cells, cells)
    looked_up = by_action(every, 3, offsets)
    expected = jnp.einsum("kpc,bpc->bk", looked_up, weights).reshape(2, cells, cells)
    got = jax.grad(lambda pairs: (by_action(pairs, 3, offsets) * weights).sum())(jnp.zeros((2, cells, cells)))
    assert np.count_nonzero(got) == 2 * (4 + 3 + 2)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_network_with_it_begins_as_one_without():
    env = make("hex8")
    x = jax.random.uniform(jax.random.key(1), (3, *env.observation_shape))
    network = make_network(env, WITH)
    params = network.init(jax.random.key(0), x)
    named = params["params"]
    old = {"params": {name: named[name] for name in named if name not in ("policy_begin", "policy_land")}}
    jax.tree.map(np.testing.assert_array_equal, network.apply(params, x), make_network(env, WITHOUT).apply(old, x))


def test_a_logit_sees_both_cells_of_its_move():
    """One feature of a cell, times 1 of the other: of where moves land, then of where they begin."""
    env = make("square8")
    layout, network = env.layout, make_network(env, WITH)
    x = jax.random.uniform(jax.random.key(1), (1, *env.observation_shape))
    params = network.init(jax.random.key(0), x)
    none = {"kernel": jnp.zeros((8, 4)), "bias": jnp.zeros(4)}
    feature = {**none, "kernel": none["kernel"].at[2, 0].set(1.0)}
    one = {**none, "bias": none["bias"].at[0].set(1.0)}

    def change(begin, land):
        changed = {"params": {**params["params"], "policy_begin": begin, "policy_land": land}}
        (logits, *_), (before, *_) = network.apply(changed, x), network.apply(params, x)
        return np.asarray(logits - before)[0]

    of_land, of_begin = change(one, feature), change(feature, one)
    right, left = (env.board.directions.index(step) for step in ((0, 1), (0, -1)))
    here, beside, far = 3 * 8 + 2, 3 * 8 + 3, 3 * 8 + 7
    for cell, distance in ((beside, 1), (far, 5)):
        there, back = layout.ray(here, right, distance), layout.ray(cell, left, distance)
        np.testing.assert_allclose([of_land[there], of_begin[there]], [of_begin[back], of_land[back]], atol=1e-5)
    assert abs(of_land[layout.ray(here, right, 1)] - of_land[layout.ray(here, right, 5)]) > 1e-3
    moves = np.array([any(offset) for offset in env.plane_offsets]).repeat(64)
    assert not of_land[: len(moves)][~moves].any() and not of_land[layout.skip :].any()
