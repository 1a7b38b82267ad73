"""Random games of the JAX rules to their ends, as the host arrays of which records are made."""

from dataclasses import dataclass

import batches
import jax
import numpy as np

import ringrift_jax as rr
from ringrift_jax.rules.state import State


@dataclass(frozen=True)
class Game:
    """``states`` with leading axis ``[T]`` before each of the ``actions``; ``rewards`` and ``end`` after the last."""

    states: State
    actions: np.ndarray
    rewards: np.ndarray
    end: State


def family(env: rr.Env) -> np.ndarray:
    """By action the kind of its plane, so that rare kinds are drawn as often as common ones."""
    layout = env.layout
    bounds = np.array([layout.rays, layout.lines, layout.regions, layout.payment, layout.num_planes]) * layout.cells
    kinds = np.searchsorted(bounds, np.arange(env.num_actions), side="right")
    kinds[layout.swap] += 1
    return kinds


def random_games(env: rr.Env, seed: int, lanes: int, limit: int) -> list[Game]:
    """Games that end within so many decisions, played side by side; each decision is of a random kind."""
    rng = np.random.default_rng(seed)
    kinds = family(env)
    states = batches.stack([jax.device_get(env.init())] * lanes)
    states, masks = batches.advance(env, states, np.full(lanes, batches.NO_ACTION))
    states = states.replace(illegal=np.zeros(lanes, bool))
    history, chosen = [], []
    while not states.is_over.all() and len(history) < limit:
        ranking = rng.random((lanes, kinds.max() + 1))[:, kinds] + 0.01 * rng.random(masks.shape)
        actions = np.where(masks.any(1), np.argmax(np.where(masks, ranking, -1), axis=1), batches.NO_ACTION)
        history.append(states)
        chosen.append(actions)
        states, masks = batches.advance(env, states, actions)
        if len(history) == env.max_steps:
            break
    history.append(states)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *history)
    games = []
    for lane in np.flatnonzero(states.is_over):
        length = int(np.argmax(stacked.is_over[:, lane]))
        end = jax.tree.map(lambda leaf, lane=lane, length=length: leaf[length, lane], stacked)
        before = jax.tree.map(lambda leaf, lane=lane, length=length: leaf[:length, lane], stacked)
        actions = np.array([column[lane] for column in chosen[:length]], np.int32)
        games.append(Game(before, actions, np.asarray(end.rewards), end))
    return games
