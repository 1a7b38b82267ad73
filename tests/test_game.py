"""The board games and the small game of the tests have what search, players and learning need of a game."""

import jax
import jax.numpy as jnp
import pytest
from toy_game import ToyGame

from ringrift_jax import Game, GameState, make

GAMES: dict[str, Game] = {
    "square8": make("square8", 3),
    "hex8": make("hex8", swap_rule=True),
    "toy": ToyGame(num_players=3),
}


def members(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


@pytest.mark.parametrize("name", GAMES)
def test_shapes_and_dtypes_are_the_documented_ones(name):
    game = GAMES[name]
    assert members(Game) <= set(dir(game))

    def properties(state):
        return {name: getattr(state, name) for name in members(GameState)}

    n, batch = game.num_players, 5
    states = jax.eval_shape(lambda: jax.vmap(lambda _: game.init())(jnp.arange(batch)))
    one = jax.eval_shape(game.init)
    for axes, found in ((), jax.eval_shape(properties, one)), ((batch,), jax.eval_shape(properties, states)):
        got = {name: (value.shape, str(value.dtype)) for name, value in found.items()}
        numbers, flags = (
            ("current_seat", "current_player", "phase", "steps", "turn", "winner"),
            ("is_over", "truncated"),
        )
        assert got == {
            **{name: (axes, "int32") for name in numbers},
            **{name: (axes, "bool") for name in flags},
            "seat_of_player": ((*axes, n), "int32"),
            "rewards": ((*axes, n), "float32"),
        }
    observation = jax.eval_shape(game.observe, one)
    assert (observation.shape, observation.dtype) == (game.observation_shape, jnp.float32)
    mask = jax.eval_shape(game.legal_action_mask, one)
    assert (mask.shape, mask.dtype) == ((game.num_actions,), bool)


def test_the_small_game_keeps_shapes_and_pays_once():
    game = GAMES["toy"]
    start = game.init()
    after = game.step(start, jnp.int32(0))
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), start) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), after
    )
    while not after.is_over:
        after = game.step(after, jnp.argmax(game.legal_action_mask(after)))
    assert after.rewards.sum() == 0 and abs(after.rewards).max() == 1
    again = game.step(after, jnp.int32(0))
    assert (again.rewards == 0).all() and again.winner == after.winner
