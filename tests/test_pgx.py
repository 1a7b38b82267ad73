"""RingRift for Pgx: its own test of environments, and a training loop of the kind that is written for it."""

from typing import Literal, get_args

import batches
import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pgx
import pgx._src.api_test as api
import pytest
from pgx.experimental.wrappers import auto_reset

import ringrift_jax as rr
from ringrift_jax import boards
from ringrift_jax.pgx import RingRift

SMALL = RingRift(rr.make(boards.custom("square", 3, 2)))


def check(env: RingRift, games: int, monkeypatch) -> None:
    """Pgx's test, which knows the names of its own games only, and draws actions in a way that jax 0.10 refuses for one
    game alone, its own games included."""
    monkeypatch.setattr(api, "EnvId", Literal[(*get_args(api.EnvId), env.id)])
    monkeypatch.setattr(api, "act_randomly", jax.jit(lambda key, mask: jax.random.categorical(key, jnp.log(mask))))
    pgx.api_test(env, games)


@pytest.mark.ci
def test_pgx_accepts_a_small_board(monkeypatch):
    check(SMALL, 5, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "num_players"), batches.SMALL + batches.LARGE)
def test_pgx_accepts_every_configuration(board: str, num_players: int, monkeypatch):
    check(RingRift(board, num_players, swap_rule=num_players == 2), 1, monkeypatch)


def test_every_configuration_has_pgx_fields():
    for board, num_players in batches.SMALL + batches.LARGE:
        env = RingRift(board, num_players)
        state = jax.eval_shape(env.init, jax.random.key(0))
        assert (env.id, env.num_players) == (f"ringrift_{board}_{num_players}p", num_players)
        assert state.rewards.shape == (num_players,) and state.legal_action_mask.shape == (env.num_actions,)
        assert state.observation.shape == env.observation_shape and state.env_id == env.id


@pytest.mark.ci
def test_a_game_is_the_same_through_pgx():
    env, step = SMALL.env, jax.jit(SMALL.step)
    state, plain = jax.jit(SMALL.init)(jax.random.key(0)), SMALL.env.init()
    rng = np.random.default_rng(1)
    while not state.terminated:
        np.testing.assert_array_equal(state.legal_action_mask, env.legal_action_mask(plain))
        np.testing.assert_array_equal(state.observation, env.observe(plain))
        assert state.current_player == plain.current_player
        action = rng.choice(np.flatnonzero(state.legal_action_mask))
        state, plain = step(state, action), env.step(plain, action)
    assert plain.is_over and state.legal_action_mask.all()
    np.testing.assert_array_equal(state.rewards, plain.rewards)
    after = step(state, 0)
    assert not after.rewards.any() and after.terminated


def test_an_illegal_action_ends_the_game_as_pgx_says():
    state = SMALL.init(jax.random.key(0))
    illegal = int(np.flatnonzero(~np.asarray(state.legal_action_mask))[0])
    after = SMALL.step(state, jnp.int32(illegal))
    assert after.terminated and after.rewards.tolist() == [-1.0, 1.0]


def test_states_are_drawn_and_written(tmp_path):
    states = jax.vmap(SMALL.init)(jax.random.split(jax.random.key(0), 3))
    states.save_svg(tmp_path / "games.svg", color_theme="dark")
    assert (tmp_path / "games.svg").read_text().count("<svg") == 4
    with pytest.raises(ValueError, match="must end in .svg"):
        states.save_svg(tmp_path / "games.png")
    back = flax.serialization.from_bytes(states, flax.serialization.to_bytes(states))
    for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(states), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.ci
def test_a_training_loop_for_pgx_learns():
    """REINFORCE with one linear layer wins more than half of its games against the random player."""
    env, lanes = SMALL, 64
    step, init = jax.vmap(auto_reset(env.step, env.init)), jax.vmap(env.init)
    inputs = int(np.prod(env.observation_shape))

    def logits(params, states):
        return jnp.where(states.legal_action_mask, states.observation.reshape(lanes, -1) @ params, -1e9)

    def ply(params, states, key):
        """The learner is player 0, the random player is player 1."""
        choice, draw, after = jax.random.split(key, 3)
        drawn = jnp.where(states.legal_action_mask, 0.0, -1e9)
        mine = states.current_player == 0
        scores = jnp.where(mine[:, None], logits(params, states), drawn)
        actions = jax.random.categorical(choice, scores)
        following = step(states, actions, jax.random.split(after, lanes))
        return following, (states, actions, mine, following.rewards[:, 0], following.terminated)

    def loss(params, states, key):
        states, (seen, actions, mine, rewards, ended) = jax.lax.scan(
            lambda states, key: ply(jax.lax.stop_gradient(params), states, key), states, jax.random.split(key, 48)
        )

        def back(value, step):
            reward, end = step
            value = jnp.where(end, reward, value)
            return value, value

        _, returns = jax.lax.scan(back, jnp.zeros(lanes), (rewards, ended), reverse=True)
        all_logits = jax.vmap(lambda states: logits(params, states))(seen)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(all_logits), actions[..., None], axis=-1)[..., 0]
        wins = (rewards > 0).sum() / jnp.maximum(ended.sum(), 1)
        return -(chosen * returns * mine).mean(), (states, wins)

    @jax.jit
    def update(params, states, key):
        grads, (states, wins) = jax.grad(loss, has_aux=True)(params, states, key)
        return params - 1.0 * grads, states, wins

    params = jnp.zeros((inputs, env.num_actions))
    states = jax.jit(init)(jax.random.split(jax.random.key(0), lanes))
    won = []
    for key in jax.random.split(jax.random.key(1), 60):
        params, states, wins = update(params, states, key)
        won.append(float(wins))
    print(np.round(won, 2))
    assert np.mean(won[-10:]) > np.mean(won[:5]) + 0.1
