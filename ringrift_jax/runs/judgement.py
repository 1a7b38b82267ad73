"""How much of a game's result a position decides, and how much of that the network sees.

Positions are taken at fixed plies of self-play, and each is played on many times. The variance of the result between
positions is what they decide, the variance within them is chance: what is still to be won and lost by either side.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ..devices import everywhere
from ..game import Game
from ..learning.config import LoopConfig
from ..learning.learner import relative_outcome
from ..numerics import in_32_bits, new_key
from ..players.agents import make_evaluate
from ..pytrees import select
from ..search.evaluation import evaluate_observations
from ..search.ply import no_memory, play_ply


@dataclass(frozen=True)
class Judgement:
    """Of positions after so many decisions of self-play, shares of the variance of the reward of the player to move.

    Attributes:
      ply: decisions made.
      positions: how many; games that had ended before are left out.
      decided: share between positions, without what so few continuations add by chance.
      explained: share that the network's value explains, 1 - mean squared error / variance; less than 0 where it does
        worse than a constant.
    """

    ply: int
    positions: int
    decided: float
    explained: float


def judge(
    env: Game, loop: LoopConfig, params: Any, ply: int, positions: int, continuations: int, seed: int, mesh: Mesh
) -> Judgement:
    """Plays as self-play does. ValueError if the games have ended by then.

    Args:
      env: the game.
      loop: the search, and how openings are drawn.
      params: of the network that plays and judges.
      ply: decisions to the positions.
      positions: games that are begun.
      continuations: of each position, at least 2.
      seed: of all random numbers.
      mesh: devices to spread the games over.
    """
    evaluate = make_evaluate(env, loop.network)

    @partial(jax.jit, static_argnames="plies")
    @in_32_bits
    def play_on(params: Any, states: Any, opening: jax.Array, key: jax.Array, plies: int | None) -> Any:
        """So many plies, or to the end."""
        batch = len(opening)

        def one(carry: tuple) -> tuple:
            made, states, memory = carry
            keys = jax.random.split(jax.random.fold_in(key, made), batch)
            drawn, noise = opening > made, jnp.ones(batch, jnp.float32)
            after, _, memory = play_ply(env, evaluate, loop.search, params, states, keys, drawn, noise, memory, mesh)
            return made + 1, select(states.is_over, states, after), memory

        def goes_on(carry: tuple) -> jax.Array:
            made, states, _ = carry
            return jnp.any(~states.is_over) & (True if plies is None else made < plies)

        start = jnp.int32(0), states, no_memory(loop.search, batch)
        return jax.lax.while_loop(goes_on, one, start)[1]

    params = jax.device_put(params, everywhere(mesh))
    opening_key, first_key, second_key = jax.random.split(new_key(seed), 3)
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (positions, *leaf.shape)), env.init())
    opening = jax.random.randint(opening_key, (positions,), 0, loop.self_play.opening + 1)
    states = play_on(params, start, opening, first_key, ply)
    running = np.flatnonzero(~np.asarray(states.is_over))
    if len(running) < 2:
        raise ValueError(f"after {ply} decisions {len(running)} of {positions} games go on; name fewer, or more games")
    many = jax.tree.map(lambda leaf: jnp.repeat(leaf, continuations, axis=0), states)
    ends = play_on(params, many, jnp.zeros(positions * continuations, jnp.int32), second_key, None)

    results = jax.vmap(relative_outcome)(many, ends.rewards)[:, 0].reshape(positions, continuations)
    _, values = evaluate_observations(env, evaluate, params, jax.vmap(env.observe)(states))
    decided, explained = shares(np.asarray(results, float)[running], np.asarray(values[:, 0], float)[running])
    return Judgement(ply, len(running), decided, explained)


def shares(results: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Shares of the variance of results ``[P, C]`` that lie between positions, and that values ``[P]`` explain; NaN
    where all results are equal."""
    within = results.var(axis=1, ddof=1).mean()
    between = results.mean(axis=1).var(ddof=1) - within / results.shape[1]
    error = np.square(results - values[:, None]).mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(between / (between + within)), float(1 - error / (between + within))
