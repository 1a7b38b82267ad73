"""The search over legal slots: equal to mctx's own search over all actions, right about signs, and deeper than one ply.

The golden trees are rewritten by ``PYTHONPATH=tests python tests/search/test_search.py`` after a change that is meant
to change them.
"""

# pyright: reportCallIssue=false, reportIndexIssue=false
# (it cannot see the fields of mctx's chex dataclasses)

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest
from toy_game import SKIP, SWAP, ToyGame, best_reward, reward_of
from toy_search import (
    BATCH,
    EXACT,
    FOUR,
    NOISY,
    THREE,
    TWO,
    after,
    evaluate,
    legal,
    positions,
    run,
    run_one,
    stack,
    weights,
)

from ringrift_jax.rules.state import Phase
from ringrift_jax.search import SearchConfig, num_slots, search, search_tree
from ringrift_jax.search.slots import candidates, num_candidates

GOLDEN = Path(__file__).parents[1] / "golden" / "search.json"


def full_width(env, params, state, config, noise):
    """mctx's own policy over all actions of one position, its noise replaced by ``noise``."""

    def look(state):
        logits, values = evaluate(env, params, env.observe(state)[None])
        side = jnp.where(state.current_player == state_root, 1.0, -1.0)
        value = side * values[0, (state.seat_of_player[state_root] - state.current_seat) % env.num_players]
        mask = env.legal_action_mask(state)
        return jnp.where(mask, logits[0], jnp.finfo(jnp.float32).min), jnp.where(state.is_over, 0.0, value), side

    def recurrent(_, key, action, parents):
        parent = jax.tree.map(lambda x: x[0], parents)
        child = env.step(parent, jnp.where(parent.is_over, -1, action[0]))
        logits, value, side = look(child)
        side_before = jnp.where(parent.current_player == state_root, 1.0, -1.0)
        output = mctx.RecurrentFnOutput(
            reward=(side_before * child.rewards[state_root])[None],
            discount=jnp.where(child.is_over, 0.0, side_before * side)[None],
            prior_logits=logits[None],
            value=value[None],
        )
        return output, jax.tree.map(lambda x: x[None], child)

    state_root = state.current_player
    logits, value, _ = look(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, "gumbel", lambda key, shape, dtype: noise[None])
        return mctx.gumbel_muzero_policy(
            params,
            jax.random.key(0),
            mctx.RootFnOutput(
                prior_logits=logits[None], value=value[None], embedding=jax.tree.map(lambda x: x[None], state)
            ),
            recurrent,
            config.simulations,
            invalid_actions=~env.legal_action_mask(state)[None],
            max_depth=config.max_depth,
            qtransform=partial(
                mctx.qtransform_completed_by_mix_value,
                value_scale=config.value_scale,
                maxvisit_init=config.maxvisit_init,
                rescale_values=config.rescale_values,
                use_mixed_value=config.use_mixed_value,
            ),
            max_num_considered_actions=config.considered,
            gumbel_scale=config.gumbel_scale,
        )


def full_width_noise(env, state, key):
    """The noise of a search, spread over all actions."""
    mask = env.legal_action_mask(state)
    actions, _ = candidates(mask, num_candidates(env))
    noise = jax.random.gumbel(jax.random.split(key)[1], actions.shape)
    return jnp.zeros(env.num_actions).at[jnp.where(actions >= 0, actions, env.num_actions)].set(noise, mode="drop")


def reference_search(env, params, config, state, key):
    policy = full_width(env, params, state, config, full_width_noise(env, state, key))
    return policy.action[0], policy.action_weights[0], policy.search_tree.node_values[0, 0]


@pytest.mark.parametrize(
    "env, config, seed",
    [
        (TWO, EXACT, 0),
        # No slot is spare at the root, all are visited, and the Q-value of unvisited actions lies outside the others.
        (TWO, replace(EXACT, simulations=5), 138),
        (TWO, NOISY, 0),
        (THREE, NOISY, 0),
        (FOUR, replace(NOISY, rescale_values=False, value_scale=0.05), 0),
    ],
    ids=["two exact", "two, no slot to spare", "two noisy", "three noisy", "four noisy"],
)
def test_equals_full_width_search(env, config, seed):
    states = positions(env, BATCH - 1, seed=1) + [after(env, 1)]
    assert max(legal(env, state).sum() for state in states) == (5 if env.swap_rule else 4)
    keys = jax.random.split(jax.random.key(3), BATCH)
    _, output = run(env, config, weights(seed), stack(states), keys)
    reference = jax.jit(jax.vmap(partial(reference_search, env, weights(seed), config)))
    actions, action_weights, values = reference(stack(states), keys)
    spread = np.zeros((BATCH, env.num_actions + 1), np.float32)  # empty slots add their 0 to one column more
    np.put_along_axis(spread, np.asarray(output.slot_actions), np.asarray(output.slot_weights), axis=1)
    np.testing.assert_allclose(spread[:, :-1], action_weights, atol=1e-5)
    np.testing.assert_array_equal(output.action, actions)
    np.testing.assert_allclose(output.value, values, atol=1e-5)
    assert (output.overflow == 0).all()


def test_batch_equals_single_searches():
    states, keys = positions(TWO, BATCH), jax.random.split(jax.random.key(1), BATCH)
    one = jax.jit(lambda state, key: search(TWO, partial(evaluate, TWO), weights(), state, key, NOISY))
    _, batch = run(TWO, NOISY, weights(), stack(states), keys)
    for i, state in enumerate(states):
        single = one(stack([state]), keys[i : i + 1])
        expected = jax.tree.map(lambda x, i=i: x[i : i + 1], batch)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), single, expected)


def test_noise_differs_between_games():
    keys = jax.random.split(jax.random.key(0), BATCH)
    _, output = run(TWO, NOISY, 0 * weights(), stack([TWO.init()] * BATCH), keys)
    assert len(set(output.action.tolist())) > 1, "under a flat prior, noise chooses"
    _, output = run(TWO, EXACT, 0 * weights(), stack([TWO.init()] * BATCH), keys)
    assert len(set(output.action.tolist())) == 1


def made_nodes(result):
    """The tree without nodes never made; leaves are numpy arrays, states keep their type."""
    made = int((result.tree.node_visits > 0).sum())
    parts = ["node_values", "parents", "action_from_parent", "children_values", "embeddings"]
    return {name: jax.tree.map(lambda x: np.asarray(x[:made]), getattr(result.tree, name)) for name in parts}


@pytest.mark.parametrize("env", [TWO, THREE], ids=["two", "three"])
def test_values_are_averages_from_the_root_players_view(env):
    """Each node's value, seen by the root player, is the plain average of what simulations found below it."""
    for state in [*positions(env, 3, seed=2), after(env, 0)]:
        tree = made_nodes(run_one(env, NOISY, weights(), state)[0])
        states, parents, root = tree["embeddings"].state, tree["parents"], int(state.current_player)
        over, rewards = states.is_over, states.rewards[:, root]
        _, values = evaluate(env, weights(), jax.vmap(env.observe)(states))
        relative_seat = (states.seat_of_player[:, root] - states.current_seat) % env.num_players
        outcomes = np.asarray(jnp.take_along_axis(values, relative_seat[:, None], axis=1)[:, 0])
        found = [[] for _ in parents]
        for leaf in range(len(parents)):
            node = leaf
            while over[node] and not states.just_ended[node]:
                node = parents[node]
            outcome = rewards[node] if over[node] else outcomes[leaf]
            node = leaf
            while node >= 0:
                found[node].append(outcome)
                node = parents[node]
        side = np.where(states.current_player == root, 1, -1)
        averages = np.array([np.mean(outcomes_below) for outcomes_below in found])
        assert len(found[0]) == NOISY.simulations + 1 and (~over).any()
        np.testing.assert_allclose(tree["node_values"][~over], (side * averages)[~over], atol=1e-5)


def test_depth_is_measured_in_decisions_and_stops_at_the_end_of_the_game():
    state = after(TWO, 0, SKIP, 0, SKIP, 0, SKIP, 2)
    assert state.heap == 3
    result, output = run_one(TWO, NOISY, weights(), state)
    tree = made_nodes(result)
    over = tree["embeddings"].state.is_over
    depths = [0]
    for parent in tree["parents"][1:]:
        depths.append(depths[parent] + (not over[parent]))
    assert tree["embeddings"].depth.tolist() == depths
    assert output.max_depth == max(depths) <= 6, "the longest game of a heap of 3 has 6 decisions"
    assert over[tree["parents"]].any(), "some simulation visits a finished game again"
    np.testing.assert_allclose(output.mean_depth, np.mean(depths[1:]), rtol=1e-6)


@pytest.mark.parametrize(
    "change, depths", [({"max_depth": 2}, {2}), ({"considered": 24}, {2, 3}), ({}, {3, 4, 5, 6, 7})], ids=str
)
def test_considered_actions_and_max_depth_bound_the_depth(change, depths):
    _, output = run_one(TWO, replace(EXACT, **change), 0 * weights(), TWO.init())
    assert int(output.max_depth) in depths
    assert 1 <= output.mean_depth <= output.max_depth


def hopeful(env, weights, observations):
    """Who decides expects 1/2, and the others to lose it."""
    logits, _ = evaluate(env, 0 * weights, observations)
    shares = jnp.append(0.5, jnp.full(env.num_players - 1, -0.5 / (env.num_players - 1)))
    return logits, jnp.broadcast_to(shares, (len(observations), env.num_players))


def root_edges(env, state):
    """What every legal action of a position first promised, by action."""
    config = replace(EXACT, simulations=int(legal(env, state).sum()))
    search_it = jax.jit(partial(search_tree, env, partial(hopeful, env), weights(), config=config))
    tree = search_it(state, jax.random.key(0)).tree
    actions = tree.embeddings.actions[0].tolist()
    visited = [visits > 0 for visits in tree.children_visits[0].tolist()]
    assert visited == [action >= 0 for action in actions]
    values = tree.children_values[0].tolist()
    return {a: value for a, value in zip(actions, values, strict=True) if a >= 0}


def test_signs_follow_the_player_who_decides_next():
    env = ToyGame(heap=4, swap_rule=True)
    assert root_edges(env, env.init()) == {0: 0.5, 1: -0.5, 2: -0.5, 3: 1}
    chain = after(env, 0)
    assert root_edges(env, chain) == {0: -0.5, 1: -0.5, SKIP: -0.5}
    second = after(env, 1)
    assert second.current_seat == second.current_player == 1
    assert root_edges(env, second) == {0: 0.5, 1: 1, SWAP: -0.5}, "the seat stays, the player changes"
    swapped = after(env, 1, SWAP)
    assert swapped.current_seat == 1 and swapped.current_player == 0
    assert root_edges(env, swapped) == {0: 0.5, 1: 1}, "the winner is the player, not the seat"


def test_three_players_search_the_root_player_against_the_rest():
    seen = set()
    for root in positions(THREE, 8, seed=3):
        tree = made_nodes(run_one(THREE, NOISY, weights(), root)[0])
        states, parents = tree["embeddings"].state, tree["parents"]
        mine, over = states.current_player == int(root.current_player), states.is_over
        for node, parent in list(enumerate(parents))[1:]:
            if over[parent]:
                continue
            value = tree["children_values"][parent, tree["action_from_parent"][node]]
            if over[node]:
                assert value == (1.0 if mine[parent] else 0.5)  # the root player loses 1/2 when another wins
            else:
                assert value == (1 if mine[parent] == mine[node] else -1) * tree["node_values"][node]
            seen.add((bool(mine[parent]), bool(mine[node]), bool(over[node])))
    assert seen == {(True, True, False), (True, False, False), (False, False, False), (False, True, False),
                    (True, True, True), (False, False, True)}  # fmt: skip


def test_overflow_counts_nodes():
    result, output = run_one(TWO, replace(NOISY, slots=3), weights(), TWO.init())
    states = made_nodes(result)["embeddings"].state
    assert output.overflow == (jax.vmap(TWO.legal_action_mask)(states).sum(-1) > 3).sum() > 1
    assert (output.slot_actions >= 0).all() and output.slot_actions.shape == (3,)
    assert run_one(TWO, NOISY, weights(), TWO.init())[1].overflow == 0


@pytest.mark.parametrize("config", [EXACT, NOISY], ids=["exact", "noisy"])
def test_surprise_is_the_divergence_from_the_networks_policy(config):
    states = stack(positions(TWO, BATCH, seed=2))
    _, output = run(TWO, config, weights(), states, jax.random.split(jax.random.key(1), BATCH))
    logits, _ = evaluate(TWO, weights(), jax.vmap(TWO.observe)(states))
    prior = jax.nn.softmax(jnp.where(jax.vmap(TWO.legal_action_mask)(states), logits, -jnp.inf))
    found = jnp.take_along_axis(prior, jnp.maximum(output.slot_actions, 0), axis=1)
    filled = output.slot_actions >= 0
    ratio = jnp.log(jnp.where(filled, output.slot_weights / found, 1))
    np.testing.assert_allclose(output.surprise, (output.slot_weights * ratio).sum(-1), atol=1e-5)
    assert output.surprise.max() > 0.1


def test_finished_game_gives_no_action():
    _, output = run_one(TWO, NOISY, weights(), after(TWO, 3, 3, 0))
    assert output.action == -1 and (output.slot_actions == -1).all()
    assert (output.slot_weights == 0).all() and output.value == output.surprise == 0 and output.max_depth == 0
    assert all(np.isfinite(leaf).all() for leaf in output)


def test_search_improves_the_policy():
    """With a flat prior and a network that knows nothing, the searched policy must win what can be won."""
    heaps, phases = range(1, 10), (Phase.PLACE, Phase.CHAIN)
    start = after(TWO, 1, 0, SKIP)
    states = [start.replace(heap=jnp.int32(h), phase=jnp.int32(p)) for h in heaps for p in phases]
    gains, losses = {}, {}
    for simulations in (16, 200):
        config = replace(NOISY, simulations=simulations)
        keys = jax.random.split(jax.random.key(0), len(states))
        _, output = run(TWO, config, 0 * weights(), stack(states), keys)
        gains[simulations], losses[simulations] = [], 0
        for i, state in enumerate(states):
            heap, chain = int(state.heap), bool(state.phase == Phase.CHAIN)
            slots = zip(output.slot_actions[i].tolist(), output.slot_weights[i].tolist(), strict=True)
            weight_of = {action: weight for action, weight in slots if action >= 0}
            q = {a: -best_reward(heap) if a == SKIP else reward_of(heap, chain, a + 1) for a in weight_of}
            gains[simulations].append(sum(weight_of[a] * q[a] for a in q) - np.mean(list(q.values())))
            losses[simulations] += q[int(output.action[i])] < max(q.values())
    assert np.mean(gains[200]) > np.mean(gains[16]) > 0.1
    assert losses[200] == 0, "200 simulations find every win"


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"simulations": 0}, "simulations is 0; it must be at least 1"),
        ({"slots": 0}, "slots is 0"),
        ({"gumbel_scale": -1.0}, "gumbel_scale is -1.0; it must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SearchConfig(**settings)


def test_default_slots_never_exceed_the_actions():
    assert num_slots(ToyGame(), SearchConfig()) == 6
    assert num_slots(ToyGame(), SearchConfig(slots=3)) == 3


def golden_trees():
    """Trees as plain lists, with rounded values."""
    trees = {}
    for name, env, config in (("two", TWO, EXACT), ("two noisy", TWO, NOISY), ("three noisy", THREE, NOISY)):
        with jax.threefry_partitionable(True):
            keys = jax.random.split(jax.random.key(5, impl="threefry2x32"), BATCH)
            result, _ = run(env, config, weights(), stack([env.init()] * BATCH), keys)
        tree = jax.tree.map(lambda x: np.asarray(x[0]), result.tree)
        trees[name] = {
            "parents": tree.parents.tolist(),
            "actions": [-1, *tree.embeddings.actions[tree.parents[1:], tree.action_from_parent[1:]].tolist()],
            "values": tree.node_values.round(3).tolist(),
            "root_actions": tree.embeddings.actions[0].tolist(),
            "weights": np.asarray(result.weights[0]).round(3).tolist(),
            "slot": int(result.slot[0]),
        }
    return trees


def test_golden_trees():
    expected, trees = json.loads(GOLDEN.read_text()), golden_trees()
    assert trees.keys() == expected.keys()
    for name, tree in trees.items():
        for field, numbers in tree.items():
            np.testing.assert_allclose(numbers, expected[name][field], atol=2e-3, err_msg=f"{name}: {field}")


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden_trees()).replace('}, "', '},\n"') + "\n")
