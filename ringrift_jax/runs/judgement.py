"""How much of a game's result a position decides, and how much of that the network sees.

Positions are taken at fixed plies of self-play, and each is played on many times. The variance of the result between
positions is what they decide, the variance within them is chance: what is still to be won and lost by either side.
"""

from collections.abc import Callable
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

LANES = 128
"""Games that are played on at once."""


@dataclass(frozen=True)
class Judgement:
    """Of positions after so many decisions of self-play, shares of the variance of the reward of the player to move.
    They are NaN where all rewards are equal, and of barren positions where there are fewer than two.

    Attributes:
      ply: decisions made.
      positions: how many; games that had ended before are left out.
      decided: share between positions, without what so few continuations add by chance.
      explained: share that the network's value explains, 1 - mean squared error / variance; less than 0 where it does
        worse than a constant.
      searched: share that is explained by who searches the turn: 1 where a win of it is found, else the barren value.
      barren: the positions in which none is found.
      barren_decided, barren_explained: of these, shares of their own variance; by the barren values.
    """

    ply: int
    positions: int
    decided: float
    explained: float
    searched: float
    barren: int
    barren_decided: float
    barren_explained: float


def judge(
    env: Game,
    loop: LoopConfig,
    params: Any,
    ply: int,
    positions: int,
    continuations: int,
    seed: int,
    mesh: Mesh,
    wins: Callable[[Any], jax.Array],
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
      wins: whether a search finds a win of the turn, ``wins(states [P]) -> bool[P]``.
    """
    evaluate = make_evaluate(env, loop.network)
    search = partial(play_ply, env, evaluate, loop.search)

    @jax.jit
    @in_32_bits
    def to_ply(params: Any, opening: jax.Array, key: jax.Array) -> Any:
        start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (positions, *leaf.shape)), env.init())

        def one(made: jax.Array, carry: tuple) -> tuple:
            states, memory = carry
            keys = jax.random.split(jax.random.fold_in(key, made), positions)
            after, _, memory = search(params, states, keys, opening > made, jnp.ones(positions), memory, mesh)
            return select(states.is_over, states, after), memory

        return jax.lax.fori_loop(0, ply, one, (start, no_memory(loop.search, positions)))[0]

    @jax.jit
    @in_32_bits
    def rewards(params: Any, states: Any, key: jax.Array) -> jax.Array:
        """``float32[positions * continuations, n]`` of games to their end; a lane begins the next as one ends."""
        total = positions * continuations
        lanes = min(total, LANES)
        fresh, drawn = no_memory(loop.search, lanes), jnp.zeros(lanes, bool)

        def one(carry: tuple) -> tuple:
            number, begun, game, states_now, memory, found = carry
            free = game == total
            game = jnp.where(free, jnp.minimum(begun + jnp.cumsum(free) - 1, total), game)
            begins = free & (game < total)
            roots = jax.tree.map(lambda leaf: leaf.at[game // continuations].get(mode="clip"), states)
            states_now, memory = select(begins, (roots, fresh), (states_now, memory))
            keys = jax.random.split(jax.random.fold_in(key, number), lanes)
            after, _, memory = search(params, states_now, keys, drawn, jnp.ones(lanes), memory, mesh)
            ended = jnp.where(after.is_over, game, total)
            found = found.at[ended].set(after.rewards, mode="drop")
            begun = jnp.minimum(begun + jnp.sum(free), total)
            return number + 1, begun, jnp.where(after.is_over, total, game), after, memory, found

        def goes_on(carry: tuple) -> jax.Array:
            _, begun, game, *_ = carry
            return (begun < total) | jnp.any(game < total)

        idle = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (lanes, *leaf.shape)), env.init())
        none = jnp.full(lanes, total)
        start = jnp.int32(0), jnp.int32(0), none, idle, fresh, jnp.zeros((total, env.num_players))
        return jax.lax.while_loop(goes_on, one, start)[-1]

    params = jax.device_put(params, everywhere(mesh))
    opening_key, first_key, second_key = jax.random.split(new_key(seed), 3)
    opening = jax.random.randint(opening_key, (positions,), 0, loop.self_play.opening + 1)
    states = to_ply(params, opening, first_key)
    running = np.flatnonzero(~np.asarray(states.is_over))
    if len(running) < 2:
        raise ValueError(f"after {ply} decisions {len(running)} of {positions} games go on; name fewer, or more games")
    # In place of games that had ended others are played on, and left out.
    states = jax.tree.map(lambda leaf: leaf[np.resize(running, positions)], states)
    paid = rewards(params, states, second_key).reshape(positions, continuations, -1)
    known = len(running)
    results = jax.vmap(jax.vmap(relative_outcome, (None, 0)))(states, paid)[:known, :, 0]
    found = evaluate_observations(env, evaluate, params, jax.vmap(env.observe)(states))
    return summarise(
        ply, *(np.asarray(of)[:known] for of in (results, found.values[:, 0], found.in_barren_turn[:, 0], wins(states)))
    )


def summarise(
    ply: int, results: np.ndarray, values: np.ndarray, barren_values: np.ndarray, won: np.ndarray
) -> Judgement:
    """Of results ``[P, C]``, what the network says ``[P]`` and whether a win of the turn is found ``bool[P]``."""
    decided, explained = shares(results, values)
    _, searched = shares(results, np.where(won, 1.0, barren_values))
    barren = int((~won).sum())
    of_barren = shares(results[~won], barren_values[~won]) if barren > 1 else (float("nan"),) * 2
    return Judgement(ply, len(results), decided, explained, searched, barren, *of_barren)


def shares(results: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Shares of the variance of results ``[P, C]`` that lie between positions, and that values ``[P]`` explain; NaN
    where all results are equal."""
    results, values = np.asarray(results, float), np.asarray(values, float)
    within = results.var(axis=1, ddof=1).mean()
    between = results.mean(axis=1).var(ddof=1) - within / results.shape[1]
    error = np.square(results - values[:, None]).mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(between / (between + within)), float(1 - error / (between + within))
