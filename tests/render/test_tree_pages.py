"""The tree of a search as a picture: the same numbers as the search, and the line that it would play."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_search import CONFIG, ENV, evaluate, searched

import ringrift_jax as rr
from ringrift_jax import boards, render
from ringrift_jax.search import search_tree


@pytest.fixture(scope="module")
def result():
    return searched()


def test_nodes_are_those_of_the_search(result):
    root = render.search_nodes(ENV, result)
    nodes = list(root.walk())
    tree = jax.tree.map(lambda leaf: np.asarray(leaf), result.tree)
    assert root.visits == tree.node_visits[0] == CONFIG.simulations + 1
    assert sorted(node.visits for node in nodes) == sorted(visits for visits in tree.node_visits if visits)
    for node in nodes:
        assert node.seat == 0 or node.visits >= 1 + sum(child.visits for child in node.children)
        assert sum(child.prior for child in node.children) <= 1.0001
        for child in node.children:
            after = rr.notation.play(ENV, node.state, child.move) if child.move[0] != "R" else child.state
            for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(child.state), strict=True):
                np.testing.assert_array_equal(a, b)
    chosen = int(tree.embeddings.actions[0][int(result.slot)])
    assert max(root.children, key=lambda child: child.visits).visits == root.children[0].visits
    assert chosen in [child.action for child in root.children if child.visits == root.children[0].visits]


def test_values_are_those_of_the_player_at_the_root(result):
    """A child's mean value is what the root's mean is made of."""
    root = render.search_nodes(ENV, result)
    for node in root.walk():
        below = sum(child.visits for child in node.children)
        if node.seat and below:
            own = node.visits * node.value - sum(child.visits * child.value for child in node.children)
            assert -1.001 * (node.visits - below) <= own <= 1.001 * (node.visits - below)


@pytest.mark.ci
def test_values_are_those_of_the_player_at_the_root_where_each_plays_for_itself():
    env = rr.make(boards.custom("square", 3, 2, 3), 3)
    inputs = int(np.prod(env.observation_shape))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(inputs, env.num_actions + 3)), jnp.float32)

    def evaluate(params, observations):
        x = jnp.sin(observations.reshape(len(observations), -1) @ params)
        return x[:, : env.num_actions], x[:, env.num_actions :]

    config = replace(CONFIG, opponents="maxn")
    search = jax.jit(lambda state: search_tree(env, evaluate, weights, state, jax.random.key(0), config))
    root = render.search_nodes(env, search(env.init()))
    movers = set()
    for node in root.walk():
        if node.visits == 1 and node.seat:
            _, values = evaluate(weights, env.observe(node.state)[None])
            # The root player is in the seat that decides first, which the values of a node count from its own.
            assert node.value == pytest.approx(float(values[0, (root.seat - node.seat) % 3]), abs=1e-5)
            movers.add(node.seat)
    assert len(movers) > 1


def one_decision_from_a_win():
    """A position of a random game in which some of few decisions end it won."""
    step, mask = jax.jit(ENV.step), jax.jit(ENV.legal_action_mask)
    rng, state = np.random.default_rng(1), ENV.init()
    while True:
        actions = np.flatnonzero(mask(state))
        ends = [step(state, action) for action in actions] if len(actions) <= CONFIG.simulations else []
        won = [bool(end.is_over and end.winner == state.current_seat) for end in ends]
        if any(won) and not all(won):
            return state
        after = step(state, rng.choice(actions))
        state = ENV.init() if after.is_over else after


@pytest.mark.ci
def test_what_is_proved_is_marked():
    config = replace(CONFIG, proofs=True, considered=CONFIG.simulations)
    weights = jnp.zeros((int(np.prod(ENV.observation_shape)), ENV.num_actions + 1))
    search = jax.jit(lambda state: search_tree(ENV, evaluate, weights, state, jax.random.key(0), config))
    root = render.search_nodes(ENV, search(one_decision_from_a_win()))
    assert root.proved and root.value == 1 and any(not child.proved for child in root.children)
    picture = render.tree_svg(root)
    assert "root: 25 visits, proved value +1.00" in picture and ">n 25  v=+1.00" in picture


def test_pictures(result):
    assert not any(node.proved for node in render.search_nodes(ENV, result).walk() if node.seat)
    root = render.search_nodes(ENV, result)
    line = root.principal_line()
    assert [node.visits for node in line] == sorted((node.visits for node in line), reverse=True)
    picture = render.tree_svg(root)
    titles = [title.text or "" for title in ET.fromstring(picture).findall(".//{*}title")]
    assert len(titles) == len(list(root.walk()))
    assert any(title.startswith(f"{line[1].move}: {line[1].visits} visits") for title in titles)
    page = render.tree_html(ENV, result, theme_name="dark")
    assert page.count("<svg") == len(line) + 1 and f"{CONFIG.simulations} simulations" in page
