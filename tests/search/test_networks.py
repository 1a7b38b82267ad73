"""Shapes, order of the logits, precision and trainability of the network."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toy_game import ToyGame

from ringrift_jax import boards
from ringrift_jax.env import make
from ringrift_jax.search.evaluation import Evaluation
from ringrift_jax.search.network import (
    VALUE_LAYERS,
    NetworkConfig,
    _maximum,
    as_computed,
    count_parameters,
    make_network,
)

SMALL = NetworkConfig(channels=8, blocks=2)
init = jax.jit(lambda network, key, x: network.init(key, x), static_argnums=0)
apply = jax.jit(lambda network, params, x: network.apply(params, x), static_argnums=0)


def observations(env, batch, seed=0):
    """Random features on the board, zeros off it."""
    x = np.random.default_rng(seed).random((batch, *env.observation_shape)).astype(np.float32)
    x[..., -1] = 1
    return jnp.asarray(x * env.board.mask[:, :, None] if hasattr(env, "board") else x)


@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_shapes_on_every_board(name, players):
    env = make(name, players)
    network = make_network(env, SMALL)
    x = jax.ShapeDtypeStruct((5, *env.observation_shape), jnp.float32)
    params = jax.eval_shape(network.init, jax.random.key(0), x)
    logits, *both = jax.eval_shape(network.apply, params, x)
    assert logits.shape == (5, env.num_actions) and logits.dtype == jnp.float32
    assert [(values.shape, values.dtype) for values in both] == 2 * [((5, players), jnp.float32)]


@pytest.mark.parametrize("env", [ToyGame(), ToyGame(num_players=3)], ids=["two", "three"])
def test_values_are_bounded_and_zero_sum_for_two(env):
    network = make_network(env, SMALL)
    x = observations(env, 64)
    params = init(network, jax.random.key(1), x)
    logits, *both = apply(network, jax.tree.map(lambda p: 30 * p, params), x)
    assert np.isfinite(logits).all()
    for values in both:
        assert (np.abs(values) <= 1).all() and np.abs(values).max() > 0.5
        if env.num_players == 2:
            np.testing.assert_array_equal(values[:, 0], -values[:, 1])
    assert np.abs(both[0] - both[1]).max() > 0.1


def test_starts_nearly_uniform_and_undecided():
    env = make("square8")
    network = make_network(env, NetworkConfig())
    x = observations(env, 4)
    logits, *both = apply(network, init(network, jax.random.key(0), x), x)
    assert np.std(logits) < 0.5 and np.abs(both).max() < 0.5


def test_logits_are_ordered_by_plane_then_cell():
    """With every weight but a path through the centre taps at 0, one cell's feature moves that cell's logits alone."""
    env = make("hex8")
    network, layout = make_network(env, SMALL), env.layout
    x = jnp.zeros((1, *env.observation_shape)).at[..., -1].set(env.board.mask)
    params = jax.tree.map(jnp.zeros_like, init(network, jax.random.key(0), x))["params"]
    params["stem"]["kernel"] = params["stem"]["kernel"].at[1, 1, 0, 0].set(1.0)
    plane = layout.ray(0, 2, 3) // layout.cells
    params["policy_planes"]["kernel"] = params["policy_planes"]["kernel"].at[0, 0, 0, plane].set(5.0)
    params["policy_pooled"]["bias"] = params["policy_pooled"]["bias"].at[-2:].set(jnp.array([7.0, 8.0]))
    cell = env.board.cell_index(1, -2)
    logits, *_ = apply(network, {"params": params}, x.at[0, *divmod(cell, env.board.size), 0].set(1.0))
    assert {int(a): float(logits[0, a]) for a in np.flatnonzero(logits[0])} == {
        layout.ray(cell, 2, 3): 5.0,
        layout.skip: 7.0,
        layout.swap: 8.0,
    }


def test_far_cells_matter_to_every_logit():
    """Global pooling: the thresholds count over the whole board."""
    env = make("square19")
    network = make_network(env, NetworkConfig(channels=8, blocks=1))
    x = observations(env, 1)
    params = init(network, jax.random.key(0), x)
    second = params["params"]["block_0"]["second"]["kernel"]
    params["params"]["block_0"]["second"]["kernel"] = jax.random.normal(jax.random.key(1), second.shape)
    change = apply(network, params, x)[0] - apply(network, params, x.at[0, 0, 0, 0].add(5.0))[0]
    assert (jnp.abs(change[0, : env.layout.skip].reshape(-1, 19, 19)[0]) > 0).mean() > 0.9


def test_batch_equals_vmap_of_single_positions():
    env = make("square8")
    network = make_network(env, SMALL)
    x = observations(env, 6)
    params = init(network, jax.random.key(0), x)
    batch = apply(network, params, x)
    single = jax.jit(jax.vmap(lambda o: jax.tree.map(lambda y: y[0], network.apply(params, o[None]))))(x)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), batch, single)


def test_bfloat16_computes_the_same_roughly():
    env = make("square8")
    x = observations(env, 6)
    wide, narrow = make_network(env, SMALL), make_network(env, NetworkConfig(8, 2, "bfloat16"))
    params = init(narrow, jax.random.key(0), x)
    assert all(p.dtype == jnp.float32 for p in jax.tree.leaves(params))
    for exact, rounded in zip(apply(wide, params, x), apply(narrow, params, x), strict=True):
        assert rounded.dtype == jnp.float32
        assert 0 < np.abs(exact - rounded).max() < 0.02


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_equal_cells_share_the_gradient_of_the_maximum(dtype):
    """Cells far from everything look alike to a convolution, so that many are equal."""
    x = jax.nn.relu(jnp.round(jax.random.normal(jax.random.key(0), (4, 8, 8, 16), dtype)))
    seed = jax.random.normal(jax.random.key(1), (4, 16), dtype)
    assert (x == x.max((1, 2), keepdims=True)).sum((1, 2)).max() > 1

    @partial(jax.jit, static_argnums=0)
    def gradient(largest, x):
        return jax.vjp(largest, x)[1](seed)[0]

    got, wanted = gradient(_maximum, x), gradient(lambda x: x.max((1, 2)), x)
    assert got.dtype == wanted.dtype == dtype
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_parameters_rounded_beforehand_compute_the_same(dtype):
    env, config = make("square8"), NetworkConfig(8, 2, dtype)
    x, network = observations(env, 6), make_network(env, config)
    params = init(network, jax.random.key(0), x)
    rounded = as_computed(params, config)
    jax.tree.map(np.testing.assert_array_equal, apply(network, rounded, x), apply(network, params, x))
    exact = [rounded["params"].pop(layer) for layer in VALUE_LAYERS]
    for part, expected in ((exact, "float32"), (rounded, dtype)):
        assert {leaf.dtype for leaf in jax.tree.leaves(part)} == {jnp.dtype(expected)}


def test_learns_every_output():
    """Gradients reach every parameter, and a few steps fit arbitrary targets."""
    env = ToyGame(num_players=3)
    network = make_network(env, SMALL)
    x, rng = observations(env, 8), np.random.default_rng(0)
    targets = Evaluation(
        *map(jnp.asarray, (rng.normal(size=(8, env.num_actions)), *np.tanh(rng.normal(size=(2, 8, 3)))))
    )
    params = init(network, jax.random.key(0), x)
    optimiser = optax.adam(3e-3)

    def loss_of(params):
        errors = jax.tree.map(lambda y, t: jnp.mean((y - t) ** 2), network.apply(params, x), targets)
        return sum(errors)

    @jax.jit
    def update(_, carry):
        params, opt_state, moved = carry
        gradients = jax.grad(loss_of)(params)
        updates, opt_state = optimiser.update(gradients, opt_state)
        moved = jax.tree.map(lambda m, g: m | (g != 0).any(), moved, gradients)
        return optax.apply_updates(params, updates), opt_state, moved

    still = jax.tree.map(lambda p: jnp.asarray(False), params)
    fitted, _, moved = jax.jit(lambda c: jax.lax.fori_loop(0, 400, update, c))((params, optimiser.init(params), still))
    assert all(jax.tree.leaves(moved)), moved
    assert loss_of(fitted) < 0.05 * loss_of(params)


def test_count_parameters():
    env = ToyGame()
    params = init(make_network(env, NetworkConfig(channels=4, blocks=1)), jax.random.key(0), observations(env, 1))
    features, planes_and_rest = env.observation_shape[-1], 3
    stem = 9 * features * 4 + 4
    block = 2 * (9 * 4 * 4 + 4) + 8 * 4 + 4
    policy = 4 * 1 + 1 + 8 * planes_and_rest + planes_and_rest
    value = 8 * 8 + 8 + 2 * (8 + 1)
    assert count_parameters(params) == stem + block + policy + value


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"blocks": 0}, "blocks is 0"),
        ({"dtype": "int8"}, "dtype is 'int8'; it must be one of float32, bfloat16, float16"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**settings)
