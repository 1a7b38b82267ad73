"""Many positions of one configuration side by side, stepped by one compiled function of a fixed size."""

from collections.abc import Collection
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax.rules.state import State

LANES = 128
NO_ACTION = -1
"""Never legal: the position stays as it is, and its mask is found all the same."""
COMPILES_FASTER = {"xla_backend_optimization_level": 0}
"""For what is compiled to be run a few times: it compiles in about half the time and runs ten times slower."""

SMALL, LARGE = ([(board, n) for board in boards for n in (2, 3, 4)]
                for boards in (("square8", "hex8"), ("square19", "hexagonal")))  # fmt: skip
QUICK = {("square8", 2), ("hex8", 3)}
"""Configurations that are compiled in every test run."""
OFTEN = {*SMALL, ("square19", 2), ("hexagonal", 3)}
"""Those that are compiled before a change goes in; the others are left to the slow tests."""


def marks(
    board: str,
    num_players: int,
    quick: Collection[tuple[str, int]] = QUICK,
    often: Collection[tuple[str, int]] = OFTEN,
) -> tuple[pytest.MarkDecorator, ...]:
    """How often the tests of a configuration run."""
    if (board, num_players) in quick:
        return ()
    return (pytest.mark.ci,) if (board, num_players) in often else (pytest.mark.slow,)


def make(board: str, num_players: int) -> rr.Env:
    """The environment of a configuration; two players play with the pie rule."""
    return rr.make(board, num_players, swap_rule=num_players == 2)


def take(tree, index):
    return jax.tree.map(lambda x: x[index], tree)


def stack(states: list[State]) -> State:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *jax.device_get(states))


def step_and_mask(env: rr.Env, state: State, action: jax.Array) -> tuple[State, jax.Array]:
    after = env.step(state, action)
    return after, env.legal_action_mask(after)


@cache
def compiled(env: rr.Env):
    """Step and mask of LANES positions."""
    return jax.jit(jax.vmap(partial(step_and_mask, env)))


def advance(env: rr.Env, states: State, actions: np.ndarray) -> tuple[State, np.ndarray]:
    """``[N]`` states after ``[N]`` actions, and their masks ``bool[N, num_actions]``, for any N up to LANES."""
    count = len(actions)
    lanes = np.minimum(np.arange(LANES), count - 1)
    after, masks = jax.device_get(compiled(env)(take(states, lanes), jnp.asarray(actions[lanes], jnp.int32)))
    return take(after, np.s_[:count]), masks[:count]
