"""The search over legal slots: equal to mctx's own search over all actions, right about signs, and deeper than one ply.

The golden trees are rewritten by ``python tests/test_search.py`` after a change that is meant to change them.
"""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest
from toy_game import SKIP, SWAP, ToyGame, best_reward

from ringrift_jax.rules.state import Phase
from ringrift_jax.search import SearchConfig, num_slots, search, search_tree
from ringrift_jax.slots import candidates, num_candidates

GOLDEN = Path(__file__).parent / "golden" / "search.json"
GAMES = {
    "two players": ToyGame(heap=12),
    "pie rule": ToyGame(heap=9, swap_rule=True),
    "three players": ToyGame(num_players=3, heap=10),
    "four players, truncated": ToyGame(num_players=4, heap=14, max_steps=5),
}


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


@partial(jax.jit, static_argnums=(0, 3))
def run(env, params, states, config, keys):
    return search(env, partial(evaluate, env), params, states, keys, config)


@partial(jax.jit, static_argnums=(0, 3))
def run_tree(env, params, state, config, key):
    return search_tree(env, partial(evaluate, env), params, state, key, config)


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


@pytest.mark.parametrize("scale", [0.0, 1.0], ids=["exact", "noisy"])
@pytest.mark.parametrize("name", GAMES)
def test_equals_full_width_search(name, scale):
    env = GAMES[name]
    # Five slots are exactly the most legal actions of the toy, so the last position has no slot to spare.
    rescale = name != "three players"
    config = SearchConfig(simulations=24, considered=4, slots=5, gumbel_scale=scale, rescale_values=rescale)
    states = positions(env, 6, seed=1)
    if env.swap_rule:
        states.append(after(env, 1))
        assert env.legal_action_mask(states[-1]).sum() == 5
    keys = jax.random.split(jax.random.key(3), len(states))
    output = run(env, weights(), stack(states), config, keys)
    reference = jax.jit(jax.vmap(partial(reference_search, env, weights(), config)))
    actions, action_weights, values = reference(stack(states), keys)
    for i in range(len(states)):
        spread = np.zeros(env.num_actions, np.float32)
        for action, weight in zip(output.slot_actions[i], output.slot_weights[i], strict=True):
            spread[action] += weight if action >= 0 else 0.0
        np.testing.assert_allclose(spread, action_weights[i], atol=1e-5)
    np.testing.assert_array_equal(output.action, actions)
    np.testing.assert_allclose(output.value, values, atol=1e-5)
    assert (output.overflow == 0).all()


@pytest.mark.parametrize("name", ["pie rule", "three players"])
def test_batch_equals_single_searches(name):
    env, config = GAMES[name], SearchConfig(simulations=16, slots=4)
    states = positions(env, 8)
    keys = jax.random.split(jax.random.key(1), len(states))
    batch = run(env, weights(), stack(states), config, keys)
    for i, state in enumerate(states):
        single = run(env, weights(), stack([state]), config, keys[i : i + 1])
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), jax.tree.map(lambda x: x[i : i + 1], batch), single)


def test_noise_differs_between_games_and_keys():
    env, config = GAMES["two players"], SearchConfig(simulations=8, considered=4)
    states = stack([env.init()] * 32)
    output = run(env, 0 * weights(), states, config, jax.random.split(jax.random.key(0), 32))
    assert len(set(output.action.tolist())) == 4, "a flat prior lets every first action be chosen"


def made_nodes(result):
    """The tree without its batch axis and without nodes never made; leaves are numpy arrays, states keep their type."""
    made = int((result.tree.node_visits[0] > 0).sum())
    parts = "node_values parents action_from_parent children_rewards children_discounts embeddings".split()
    return {name: jax.tree.map(lambda x: np.asarray(x[0, :made]), getattr(result.tree, name)) for name in parts}


@pytest.mark.parametrize("name", GAMES)
def test_values_are_averages_from_the_root_players_view(name):
    """Each node's value, seen by the root player, is the plain average of what simulations found below it."""
    env = GAMES[name]
    config = SearchConfig(simulations=48, considered=4)
    for state in positions(env, 3, seed=2):
        tree = made_nodes(run_tree(env, weights(), state, config, jax.random.key(0)))
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
        assert over.any() and (~over).any()
        np.testing.assert_allclose(tree["node_values"][~over], (side * averages)[~over], atol=1e-5)


def test_depth_is_measured_in_decisions_and_stops_at_the_end_of_the_game():
    env = ToyGame(heap=3)
    config = SearchConfig(simulations=40, considered=2)
    tree = made_nodes(run_tree(env, weights(), env.init(), config, jax.random.key(0)))
    depths = [0]
    for parent in tree["parents"][1:]:
        depths.append(depths[parent] + (not tree["embeddings"].state.is_over[parent]))
    assert tree["embeddings"].depth.tolist() == depths
    output = run(env, weights(), stack([env.init()]), config, jax.random.key(0)[None])
    assert output.max_depth[0] == max(depths) <= 6, "the longest game of a heap of 3 has 6 decisions"
    np.testing.assert_allclose(output.mean_depth[0], np.mean(depths[1:]), rtol=1e-6)


def test_max_depth_bounds_the_depth():
    env = GAMES["two players"]
    config = SearchConfig(simulations=32, considered=2, max_depth=2)
    output = run(env, weights(), stack([env.init()]), config, jax.random.key(0)[None])
    assert output.max_depth[0] == 2
    assert 1 < output.mean_depth[0] <= 2


def test_fewer_considered_actions_give_a_deeper_tree():
    env = GAMES["two players"]
    flat = SearchConfig(simulations=4, considered=4)
    deep = SearchConfig(simulations=16, considered=4)
    states, keys = stack([env.init()]), jax.random.key(0)[None]
    assert run(env, 0 * weights(), states, flat, keys).max_depth[0] == 1
    assert run(env, 0 * weights(), states, deep, keys).max_depth[0] >= 3


def root_edges(env, state):
    """reward and discount of every legal action of a position, by action."""
    config = SearchConfig(simulations=8, considered=8, gumbel_scale=0)
    result = run_tree(env, 0 * weights(), state, config, jax.random.key(0))
    tree = result.tree
    actions = tree.embeddings.actions[0, 0].tolist()
    assert (tree.children_visits[0, 0][tree.embeddings.actions[0, 0] >= 0] > 0).all()
    rewards, discounts = tree.children_rewards[0, 0].tolist(), tree.children_discounts[0, 0].tolist()
    return {a: (r, d) for a, r, d in zip(actions, rewards, discounts, strict=True) if a >= 0}


def test_signs_follow_the_player_who_decides_next():
    env = ToyGame(heap=4, swap_rule=True)
    assert root_edges(env, env.init()) == {0: (0, 1), 1: (0, -1), 2: (0, -1), 3: (1, 0)}
    chain = after(env, 0)
    assert root_edges(env, chain) == {0: (0, -1), 1: (0, -1), SKIP: (0, -1)}
    second = after(env, 1)
    assert second.current_seat == second.current_player == 1
    assert root_edges(env, second) == {0: (0, 1), 1: (1, 0), SWAP: (0, -1)}, "the seat stays, the player changes"
    swapped = after(env, 1, SWAP)
    assert swapped.current_seat == 1 and swapped.current_player == 0
    assert root_edges(env, swapped) == {0: (0, 1), 1: (1, 0)}, "the winner is the player, not the seat"


def test_three_players_search_the_root_player_against_the_rest():
    env = ToyGame(num_players=3, heap=4)
    config = SearchConfig(simulations=64, considered=4)
    tree = made_nodes(run_tree(env, 0 * weights(), env.init(), config, jax.random.key(0)))
    states, parents = tree["embeddings"].state, tree["parents"]
    mine, over = states.current_player == 0, states.is_over
    seen = set()
    for node, parent in list(enumerate(parents))[1:]:
        if over[parent]:
            continue
        if over[node]:
            expected = (1.0, 0.0) if mine[parent] else (0.5, 0.0)  # the root player loses 1/2 when another wins
        else:
            expected = (0.0, 1.0 if mine[parent] == mine[node] else -1.0)
        edge = parent, tree["action_from_parent"][node]
        assert (tree["children_rewards"][edge], tree["children_discounts"][edge]) == expected
        seen.add((bool(mine[parent]), bool(mine[node]), bool(over[node])))
    assert seen == {(True, True, False), (True, False, False), (False, False, False), (False, True, False),
                    (True, True, True), (False, False, True)}  # fmt: skip


def test_overflow_counts_nodes():
    env, config = GAMES["two players"], SearchConfig(simulations=24, slots=3)
    tree = made_nodes(run_tree(env, weights(), env.init(), config, jax.random.key(0)))
    expected = (jax.vmap(env.legal_action_mask)(tree["embeddings"].state).sum(-1) > 3).sum()
    output = run(env, weights(), stack([env.init()]), config, jax.random.key(0)[None])
    assert output.overflow[0] == expected > 1
    assert (output.slot_actions[0] >= 0).all() and output.slot_actions.shape == (1, 3)
    assert run(env, weights(), stack([env.init()]), SearchConfig(slots=4), jax.random.key(0)[None]).overflow[0] == 0


def test_finished_game_gives_no_action():
    env = ToyGame(heap=4)
    output = run(env, weights(), stack([after(env, 3), env.init()]), SearchConfig(), jax.random.split(jax.random.key(0)))
    assert output.action[0] == -1 and (output.slot_actions[0] == -1).all()
    assert (output.slot_weights[0] == 0).all() and output.value[0] == 0 and output.max_depth[0] == 0
    assert output.action[1] >= 0
    assert all(np.isfinite(leaf).all() for leaf in output)


def toy_q(heap, chain, action):
    """The reward that follows an action with best play, for the player who takes it."""
    if action == SKIP:
        return -best_reward(heap)
    left = heap - action - 1
    if left == 0:
        return 1
    return best_reward(left, True) if action == 0 and not chain else -best_reward(left)


def test_search_improves_the_policy():
    """With a flat prior and a network that knows nothing, the searched policy must win what can be won."""
    env = ToyGame(heap=13)
    states = [env.init().replace(heap=jnp.int32(h), turn=jnp.int32(3), phase=jnp.int32(phase))
              for h in range(1, 10) for phase in (Phase.PLACE, Phase.CHAIN)]  # fmt: skip
    keys = jax.random.split(jax.random.key(0), len(states))
    gains = {}
    for simulations in (16, 256):
        config = SearchConfig(simulations=simulations, considered=4)
        output = run(env, 0 * weights(), stack(states), config, keys)
        gains[simulations], losses = [], 0
        for i, state in enumerate(states):
            heap, chain = int(state.heap), bool(state.phase == Phase.CHAIN)
            q = {int(a): toy_q(heap, chain, int(a)) for a in output.slot_actions[i] if a >= 0}
            weights_of = dict(zip(output.slot_actions[i].tolist(), output.slot_weights[i].tolist(), strict=True))
            gains[simulations].append(sum(weights_of[a] * q[a] for a in q) - np.mean(list(q.values())))
            losses += q[int(output.action[i])] < max(q.values())
        assert np.mean(gains[simulations]) > 0.2
    assert losses == 0, "256 simulations find every win"
    assert np.mean(gains[256]) > np.mean(gains[16])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"simulations": 0}, "simulations is 0; it must be at least 1"),
        ({"slots": 0}, "slots is 0"),
        ({"gumbel_scale": -1.0}, "gumbel_scale is -1.0; it must be 0 or more"),
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
    for name, env in GAMES.items():
        for scale in (0.0, 1.0):
            config = SearchConfig(simulations=12, considered=3, slots=4, gumbel_scale=scale)
            key = jax.random.key(5, impl="threefry2x32")
            result = run_tree(env, weights(), env.init(), config, key)
            tree = jax.tree.map(lambda x: np.asarray(x[0]), result.tree)
            trees[f"{name}, noise {scale:g}"] = {
                "parents": tree.parents.tolist(),
                "actions": [-1] + tree.embeddings.actions[tree.parents[1:], tree.action_from_parent[1:]].tolist(),
                "values": tree.node_values.round(3).tolist(),
                "root_actions": tree.embeddings.actions[0].tolist(),
                "weights": np.asarray(result.weights).round(3).tolist(),
                "slot": int(result.slot),
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
    GOLDEN.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden_trees().items()) + "\n}\n")
