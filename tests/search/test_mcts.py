"""Trees with the values of all sides: max^n is right about whose values are whose, and what is proved is true."""

# pyright: reportCallIssue=false, reportIndexIssue=false
# (it cannot see the fields of mctx's chex dataclasses)

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame, best_reward
from toy_search import BATCH, EXACT, NOISY, THREE, TWO, after, evaluate, positions, run, run_one, stack, weights

from ringrift_jax.rules.state import Phase
from ringrift_jax.search.mcts import ROOT
from ringrift_jax.search.ply import no_memory, play_ply
from ringrift_jax.search.tree import begin_search, continue_search

PROOFS = replace(NOISY, proofs=True, simulations=100)


@pytest.mark.parametrize("config", [EXACT, NOISY], ids=["exact", "noisy"])
def test_max_n_with_two_players_is_the_search_of_both_sides(config):
    states, keys = stack(positions(TWO, BATCH)), jax.random.split(jax.random.key(1), BATCH)
    _, expected = run(TWO, config, weights(), states, keys)
    trees, found = run(TWO, replace(config, opponents="maxn"), weights(), states, keys)
    np.testing.assert_array_equal(found.action, expected.action)
    np.testing.assert_allclose(found.slot_weights, expected.slot_weights, atol=1e-4)
    np.testing.assert_allclose(found.value, expected.value, atol=1e-5)
    np.testing.assert_array_equal(found.max_depth, expected.max_depth)
    np.testing.assert_allclose(trees.values.sum(axis=-1), 0, atol=1e-5)


def test_max_n_values_of_all_players_are_means_of_what_is_below():
    states, keys = stack(positions(THREE, BATCH)), jax.random.split(jax.random.key(1), BATCH)
    results, _ = jax.device_get(run(THREE, replace(NOISY, opponents="maxn"), weights(), states, keys))
    ended = 0
    for game in range(BATCH):
        tree, values = jax.tree.map(lambda leaf, g=game: leaf[g], (results.tree, results.values))
        over = np.asarray(tree.embeddings.state.is_over)
        for node in np.flatnonzero(tree.node_visits):
            mover = int(tree.embeddings.state.current_player[node])
            assert tree.node_values[node] == values[node, mover]
            if over[node]:
                ended += 1
                np.testing.assert_array_equal(sorted(values[node]), [-0.5, -0.5, 1])
                assert values[node].argmax() == tree.embeddings.state.winner[node]
                continue
            slots = np.flatnonzero(tree.children_visits[node])
            below = tree.children_visits[node][slots][:, None] * values[tree.children_index[node][slots]]
            own = tree.node_visits[node] - tree.children_visits[node].sum()
            assert own == 1
            total = values[node] * tree.node_visits[node] - below.sum(axis=0)
            assert total[mover] == pytest.approx(tree.raw_values[node], abs=1e-4)
            np.testing.assert_allclose(
                tree.children_values[node][slots], values[tree.children_index[node][slots], mover], atol=1e-6
            )
    assert ended > 5


def test_others_who_play_for_themselves_are_not_an_alliance():
    """Three players, a heap of 7: against two who are allied the first player loses, but each wants to win itself."""
    env = ToyGame(num_players=3, heap=7)
    config = replace(EXACT, simulations=200, value_scale=1.0)
    _, allied = run_one(env, config, 0 * weights(), after(env))
    _, selfish = run_one(env, replace(config, opponents="maxn"), 0 * weights(), after(env))
    assert allied.value < -0.25 and selfish.value > allied.value + 0.15


@pytest.mark.parametrize("config", [EXACT, NOISY], ids=["exact", "noisy"])
def test_a_tree_in_which_nothing_is_proved_is_the_search_without_proofs(config):
    env = ToyGame(heap=90)  # nobody takes 90 in 24 decisions and 24 simulations
    states, keys = stack(positions(env, BATCH)), jax.random.split(jax.random.key(1), BATCH)
    _, expected = run(env, config, weights(), states, keys)
    results, found = run(env, replace(config, proofs=True), weights(), states, keys)
    assert not results.proved.any() and not results.won.any()
    np.testing.assert_array_equal(found.action, expected.action)
    np.testing.assert_allclose(found.slot_weights, expected.slot_weights, atol=1e-4)
    np.testing.assert_allclose(found.value, expected.value, atol=1e-5)


def proved_nodes(results):
    """Position, value for the player to move there, player to move, and number of the game, of all proved nodes in
    which a game goes on."""
    for game in range(BATCH):
        result = jax.tree.map(lambda leaf, g=game: leaf[g], results)
        state = result.tree.embeddings.state
        for node in np.flatnonzero(result.proved):
            if state.phase[node] != Phase.OVER:
                chain = bool(state.phase[node] == Phase.CHAIN)
                yield (
                    int(state.heap[node]),
                    chain,
                    float(result.tree.node_values[node]),
                    int(state.current_seat[node]),
                    game,
                )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_proved_for_two_players_is_true(seed):
    env = ToyGame(heap=9)
    states = stack(positions(env, BATCH, seed))
    results, _ = jax.device_get(run(env, PROOFS, weights(seed), states, jax.random.split(jax.random.key(seed), BATCH)))
    found = [(value, best_reward(heap, chain)) for heap, chain, value, _, _ in proved_nodes(results)]
    assert {value for value, _ in found} == {1, -1} and len(found) > 20
    assert [value for value, _ in found] == [exact for _, exact in found]


def test_what_is_proved_of_one_against_two_is_true():
    env = ToyGame(num_players=3, heap=6)
    states = stack(positions(env, BATCH))
    results, _ = jax.device_get(run(env, PROOFS, weights(), states, jax.random.split(jax.random.key(0), BATCH)))
    roots, values = states.current_seat.tolist(), set()
    for heap, chain, value, seat, game in proved_nodes(results):
        sign = 1 if seat == roots[game] else -1
        exact = best_reward(heap, chain, (seat - roots[game]) % 3, players=3)
        assert sign * value == pytest.approx(exact)
        values.add((sign, value))
    assert values >= {(1, 1), (1, -0.5), (-1, 0.5)}


def test_what_is_proved_where_each_plays_for_itself_follows_from_the_decisions():
    states = stack(positions(THREE, BATCH))
    config = replace(PROOFS, opponents="maxn")
    results, _ = jax.device_get(run(THREE, config, weights(), states, jax.random.split(jax.random.key(0), BATCH)))
    reasons = []
    for game in range(BATCH):
        result = jax.tree.map(lambda leaf, g=game: leaf[g], results)
        tree, state = result.tree, result.tree.embeddings.state
        for node in np.flatnonzero(result.proved):
            if state.phase[node] == Phase.OVER:
                continue
            children, mover = tree.children_index[node], state.current_player[node]
            proved = [child for child in children if child >= 0 and result.proved[child]]
            best = max(result.values[child][mover] for child in proved)
            assert any((result.values[node] == result.values[child]).all() for child in proved)
            assert result.values[node][mover] == best
            reasons.append("win" if best == 1 else "all")
            legal = (tree.embeddings.actions[node] >= 0).sum()
            assert best == 1 or len(proved) == legal
    assert set(reasons) == {"win", "all"}


def test_a_proved_win_is_played_and_is_the_target_even_in_openings():
    """Taking all of a heap of 4 wins; a prior that all but rules it out leaves its share of the policy small without
    proofs."""
    env = ToyGame(heap=4)
    look = partial(evaluate, env)
    states = stack([env.init()] * BATCH)
    keys = jax.random.split(jax.random.key(2), BATCH)
    openings, noise = jnp.ones(BATCH, bool), jnp.ones(BATCH)
    ply = jax.jit(
        lambda config: play_ply(env, look, config, weights(), states, keys, openings, noise, no_memory(config, BATCH)),
        static_argnums=0,
    )
    _, without, _ = ply(NOISY)
    after_it, found, _ = ply(PROOFS)
    assert len(set(without.action.tolist())) > 1
    assert after_it.is_over.all() and (found.action == 3).all() and (found.value == 1).all()
    assert (np.sort(found.slot_weights, axis=1) == [0] * 4 + [1]).all()


def test_no_simulation_goes_below_what_is_proved():
    result, output = run_one(TWO, replace(EXACT, proofs=True), weights(), after(TWO, 0, 4, 0, 4, 0, 4, 2))
    over = result.tree.embeddings.state.is_over
    made = np.asarray(result.tree.node_visits) > 0
    assert bool(result.proved[0]) and int(result.tree.node_visits[0]) == EXACT.simulations + 1
    assert not over[result.tree.parents[1:]][made[1:]].any()
    assert made.sum() < len(made), "the tree of a heap of 3 is smaller than the simulations"
    assert output.value == best_reward(3)


@pytest.mark.parametrize("game", [TWO, THREE], ids=["two", "three"])
def test_a_search_that_is_continued_is_the_one_at_once(game):
    """Looking at a tree in between changes nothing, and every simulation counts."""
    state, config = positions(game, 1)[0], replace(EXACT, opponents="maxn", proofs=True)
    grow = jax.jit(continue_search, static_argnums=(0, 1, 6, 7))
    judge = partial(evaluate, game)

    def search(*looks: int):
        grown, done = begin_search(game, judge, weights(), state, config, 65), 0
        for last in looks:
            grown, done = grow(game, judge, weights(), grown, done, last, config, 32), last
        return jax.device_get(grown)

    once, often = search(64), search(1, 2, 10, 64)
    jax.tree.map(np.testing.assert_array_equal, once, often)
    few = search(10)
    assert (few.visits[ROOT], once.visits[ROOT]) == (11, 65) and few.children_visits[ROOT].sum() == 10
    assert (once.children_visits[ROOT] >= few.children_visits[ROOT]).all()
