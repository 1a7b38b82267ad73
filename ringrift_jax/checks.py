"""The contract of an environment as a check that users can run on their own: wrappers, variants, new boards."""

from copy import copy
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import symmetry
from .env import Env, sample_mask
from .numerics import new_key
from .rules.state import State

_SENTENCES = {
    "decides": "a running game must have a legal action, and a finished game none",
    "player": "current_player must be a player, 0 to num_players - 1",
    "finite": "observe must return finite numbers",
    "legal": "a legal action must not set illegal, and must count one step",
    "illegal": "an illegal action must leave the state unchanged but for the flags illegal and just_ended",
    "terminal": "a step after the end must change nothing but just_ended",
    "rewards": "rewards must be paid once, in the state in which the game has just ended, and must sum to 0",
    "mask symmetry": "legal_action_mask must commute with the symmetries of the board",
    "step symmetry": "step must commute with the symmetries of the board",
    "observation symmetry": "observe must commute with the symmetries of the board",
}


def check_env(env: Env, seed: int = 0, num_games: int = 4, max_decisions: int = 5000) -> None:
    """Plays random games to their end and checks everything an environment promises.

    That is: hashability, stable shapes and dtypes (so that nothing is traced twice), vmap equals a loop, legal actions
    while a game runs, finite observations, no effect of illegal actions and of steps after the end, rewards, and
    symmetry (but for recovery slides that make two longest lines; see ``symmetry``).

    Args:
      env: the environment, or anything with its interface.
      seed: of the random games.
      num_games: games played side by side.
      max_decisions: how long a game may take.

    Raises:
      AssertionError: the first broken promise, as a sentence.
    """
    _check_types(env)
    alone = jax.jit(env.step)
    together = jax.jit(jax.vmap(partial(play_and_judge, env)))
    states = jax.tree.map(lambda x: jnp.broadcast_to(x, (num_games, *x.shape)), env.init())
    key = new_key(seed)
    for decision in range(max_decisions + 1):
        key, draw = jax.random.split(key)
        before = states
        states, actions, verdicts = together(before, jax.random.split(draw, num_games))
        for name, holds in verdicts.items():
            game = int(np.argmin(holds))
            assert holds[game], f"{_SENTENCES[name]} (seed {seed}, game {game}, after {decision} decisions)"
        game = decision % num_games
        after = alone(_take(before, game), actions[game])
        assert equal(after, _take(states, game)), f"step under vmap must equal step alone (seed {seed}, game {game})"
        if bool(jnp.all(before.is_over)):
            return
    raise AssertionError(f"games must end; after {max_decisions} decisions one still ran (seed {seed})")


def _check_types(env: Env) -> None:
    try:
        hash(env)
    except TypeError:
        raise AssertionError("an environment must be hashable, so that it can be a static argument of jit") from None
    assert copy(env) == env, "an environment must equal its copy, so that jit does not compile for each of them"
    start = jax.eval_shape(env.init)
    after = jax.eval_shape(env.step, start, jax.ShapeDtypeStruct((), jnp.int32))
    assert jax.tree.structure(start) == jax.tree.structure(after), "step must keep the structure of the state"
    for (path, old), new in zip(jax.tree.leaves_with_path(start), jax.tree.leaves(after), strict=True):
        name = jax.tree_util.keystr(path, simple=True)
        assert (old.shape, old.dtype, old.weak_type) == (new.shape, new.dtype, new.weak_type), (
            f"step must keep shapes and dtypes: {name} is {_describe(old)} and becomes {_describe(new)}"
        )
    mask = jax.eval_shape(env.legal_action_mask, start)
    assert (mask.shape, mask.dtype) == ((env.num_actions,), jnp.bool_), (
        f"legal_action_mask must be bool[{env.num_actions}], not {_describe(mask)}"
    )
    observation = jax.eval_shape(env.observe, start)
    assert observation.shape == env.observation_shape and jnp.issubdtype(observation.dtype, jnp.floating), (
        f"observe must be float{list(env.observation_shape)}, not {_describe(observation)}"
    )


def _describe(struct: jax.ShapeDtypeStruct) -> str:
    weak = ", weakly typed" if struct.weak_type else ""
    return f"{struct.dtype}{list(struct.shape)}{weak}"


def play_and_judge(env: Env, state: State, key: jax.Array) -> tuple[State, jax.Array, dict[str, jax.Array]]:
    """Plays a random action of one state and says which promises hold there."""
    keys = jax.random.split(key, 3)
    g = jax.random.randint(keys[0], (), 0, symmetry.order(env.board))
    image = symmetry.map_state(env.board, state, g)
    masks, observations = _pair(env.legal_action_mask, state, image), _pair(env.observe, state, image)
    mask = masks[0]
    action = sample_mask(mask, keys[1])
    wrong = sample_mask(~mask, keys[2])
    image_action = symmetry.map_action(env.board, state, action, g)
    starts = jax.tree.map(lambda a, b: jnp.stack([a, a, b]), state, image)
    results = jax.vmap(env.step)(starts, jnp.stack([action, wrong, image_action]))
    after, unchanged, image_after = (jax.tree.map(lambda x, i=i: x[i], results) for i in range(3))

    over, rewards = state.is_over, after.rewards
    table = jnp.asarray(symmetry.action_tables(env.board))[g]
    ended = after.is_over & ~over
    exempt = over | ~symmetry.keeps_line(env.board, state, g)
    mask_commutes = jnp.all((table < 0) | (masks[1][table] == mask)) & (jnp.sum(masks[1]) == jnp.sum(mask))
    quiet = state.replace(just_ended=jnp.asarray(False))
    verdicts = {
        "decides": jnp.any(mask) != over,
        "player": (state.current_player >= 0) & (state.current_player < env.num_players),
        "finite": jnp.all(jnp.isfinite(observations)),
        "legal": over | (~after.illegal & (after.steps == state.steps + 1)),
        "illegal": over | equal(unchanged, quiet.replace(illegal=jnp.asarray(True))),
        "terminal": ~over | equal(after.replace(illegal=state.illegal), quiet),
        "rewards": (ended == after.just_ended) & (ended | jnp.all(rewards == 0)) & (jnp.abs(jnp.sum(rewards)) < 1e-5),
        "mask symmetry": exempt | (mask_commutes & masks[1][image_action]),
        "step symmetry": exempt | equal(symmetry.map_state(env.board, after, g), image_after),
        "observation symmetry": jnp.all(symmetry.map_observation(env.board, observations[0], g) == observations[1]),
    }
    return after, action, verdicts


def _pair(function, first: State, second: State) -> jax.Array:
    """Both results of one copy of a function, stacked."""
    return jax.vmap(function)(jax.tree.map(lambda a, b: jnp.stack([a, b]), first, second))


def _take(states: State, game: int) -> State:
    return jax.tree.map(lambda x: x[game], states)


def equal(first: State, second: State) -> jax.Array:
    leaves = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return jnp.all(jnp.stack([jnp.all(a == b) for a, b in leaves]))
