"""Parameters of one game as those of another: what means the same is the same."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax import boards
from ringrift_jax.env import make
from ringrift_jax.learning.transfer import transfer
from ringrift_jax.observation import HEIGHT_FEATURES, feature_names
from ringrift_jax.rules.actions import Layout
from ringrift_jax.search.network import LANDING_LAYERS, VALUE_LAYERS, NetworkConfig, make_network

SIZE = NetworkConfig(channels=4, blocks=1, landing_features=3)
GAMES = [(name, players) for name in boards.BOARD_NAMES for players in (2, 3, 4)]


@cache
def params_of(name: str, players: int, seed: int):
    env = make(name, players)
    shape = (1, 5, 5, env.observation_shape[-1])  # parameters do not know the size of a board, but the number of planes
    layout = Layout(env.board)
    network = type(make_network(env, SIZE))(layout.num_planes * 25 + 2, players, env.plane_offsets, SIZE)
    params = network.init(jax.random.key(seed), jnp.zeros(shape))
    keys = iter(jax.random.split(jax.random.key(seed), 100))
    return jax.tree.map(lambda leaf: jax.random.normal(next(keys), leaf.shape), params)  # no kernel is zero


def transferred(source, target):
    (one, params), (other, initial) = (
        (boards.standard(*game), params_of(*game, seed)) for seed, game in enumerate((source, target))
    )
    found = transfer(one, params, other, initial)
    assert jax.tree.map(jnp.shape, found.params) == jax.tree.map(jnp.shape, initial)
    return one, params["params"], other, initial["params"], found.params["params"], found.remarks


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_the_same_game_changes_nothing(game):
    _, params, _, _, found, remarks = transferred(game, game)
    jax.tree.map(np.testing.assert_array_equal, found, params)
    assert not remarks


@pytest.mark.parametrize("target", GAMES, ids=str)
@pytest.mark.parametrize("source", [("square8", 2), ("hex8", 3), ("square19", 4)], ids=str)
def test_planes_are_mapped_by_what_they_mean(source, target):
    """Every plane of the target, one by one, by rules written down a second time."""
    one, old, other, initial, found, _ = transferred(source, target)
    opponents = one.num_players - 1
    for index, name in enumerate(feature_names(other)):
        kind, _, seat = name.partition("/")
        same = f"{kind}/{min(int(seat), opponents)}" if seat else kind
        kernel = old["stem"]["kernel"][:, :, feature_names(one).index(same)]
        scale = other.size / one.size if kind in HEIGHT_FEATURES else 1.0
        np.testing.assert_allclose(found["stem"]["kernel"][:, :, index], scale * kernel, rtol=1e-6)
    known = Layout(one).plane_names
    for index, name in enumerate(Layout(other).plane_names):
        kind, *rest = name.split("/")
        if kind == "ray":
            name = f"ray/{rest[0]}/{min(int(rest[1]), one.size - 1)}"
        elif kind == "region" and rest[0] != "none":
            name = f"region/{min(int(rest[0]), opponents)}"
        for layer in ("policy_planes", "policy_pooled"):
            expected = old[layer]["kernel"][..., known.index(name)] if name in known else None
            if expected is None:
                assert one.shape != other.shape and kind in ("ray", "line")
                expected = initial[layer]["kernel"][..., index]
            np.testing.assert_array_equal(found[layer]["kernel"][..., index], expected)
    for name in ("kernel", "bias"):  # skip and swap
        np.testing.assert_array_equal(found["policy_pooled"][name][..., -2:], old["policy_pooled"][name][..., -2:])
    for layer in ("block_0", *LANDING_LAYERS):
        jax.tree.map(np.testing.assert_array_equal, found[layer], old[layer])


def test_a_champion_without_landing_features_begins_with_new_ones():
    (one, params), (other, initial) = ((boards.standard("square8", 2), params_of("square8", 2, i)) for i in (0, 1))
    without = {"params": {name: leaf for name, leaf in params["params"].items() if name not in LANDING_LAYERS}}
    found = transfer(one, without, other, initial).params["params"]
    for layer, leaf in found.items():
        expected = initial if layer in LANDING_LAYERS else params
        jax.tree.map(np.testing.assert_array_equal, leaf, expected["params"][layer])
    assert found.keys() == params["params"].keys()
    back = transfer(one, without, other, without).params["params"]
    assert back.keys() == without["params"].keys()


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_planes_have_the_names_of_their_actions(game):
    board = boards.standard(*game)
    layout, cell, far = Layout(board), board.num_cells // 2, board.max_distance
    step = board.directions[-1]
    named = {
        "place/3": layout.place(cell, 3),
        f"ray/{step[0]},{step[1]}/{far}": layout.ray(cell, layout.num_directions - 1, far),
        "line/1,0/even": layout.line(0, cell, 4),
        "line/0,1/window": layout.window(board.axes.index((0, 1)), cell),
        "region/1": layout.region(0, board.num_players - 1, cell),
        "region/none": layout.region(-1, 1, cell),
        "pay": layout.pay(cell),
    }
    assert len(layout.plane_names) == layout.num_planes
    assert {name: layout.plane_names[action // layout.cells] for name, action in named.items()} == {n: n for n in named}


@pytest.mark.parametrize("layer", VALUE_LAYERS)
def test_values_are_seen_from_the_mover(layer):
    _, old, _, _, found, _ = transferred(("square8", 2), ("square8", 3))
    mover = old[layer]["kernel"][:, 0]
    expected = jnp.stack([2 * mover / 3, -mover / 3, -mover / 3], -1)
    np.testing.assert_allclose(found[layer]["kernel"], expected, rtol=1e-6)
    _, old, _, _, found, _ = transferred(("square8", 3), ("hex8", 4))
    expected = 0.75 * old[layer]["kernel"][:, np.array([0, 1, 2, 2])]
    np.testing.assert_allclose(found[layer]["kernel"], expected, rtol=1e-6)
    _, old, _, _, found, _ = transferred(("square8", 4), ("square8", 2))
    np.testing.assert_allclose(found[layer]["kernel"], 2 * old[layer]["kernel"][:, :1], rtol=1e-6)


def test_a_small_lead_is_worth_what_the_odds_say():
    """Odds of 1 + 2z against one opponent are, against n - 1 like it, a probability of (1 + 2z) / (n + 2z)."""
    for players in (3, 4):
        *_, found, _ = transferred(("square8", 2), ("square8", players))
        _, old, *_ = transferred(("square8", 2), ("square8", players))
        small = 1e-3 * found["value"]["bias"][0]
        probability = (1 + 2e-3 * old["value"]["bias"][0]) / (players + 2e-3 * old["value"]["bias"][0])
        np.testing.assert_allclose(small, (players * probability - 1) / (players - 1), rtol=1e-2)


def test_a_stack_of_two_rings_looks_alike_on_a_larger_board():
    """The stem answers a height as before, though it is a smaller share of the highest stack."""
    one, old, other, _, found, _ = transferred(("square8", 2), ("square19", 2))
    at = feature_names(one).index("height/1")
    before = old["stem"]["kernel"][:, :, at] * (2 / one.max_height)
    np.testing.assert_allclose(found["stem"]["kernel"][:, :, at] * (2 / other.max_height), before, rtol=1e-6)


def test_what_is_new_is_said():
    remarks = transferred(("hex8", 2), ("square19", 3))[-1]
    assert len(remarks) == 3
    assert "of 2 players" in remarks[0] and "up to 8 cells" in remarks[1]
    assert "1,1 and -1,-1: these begin untrained" in remarks[2]
    assert not transferred(("square19", 4), ("hex8", 2))[-1]
