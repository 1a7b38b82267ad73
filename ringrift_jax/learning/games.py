"""Finished games of self-play on the host, read off the replay ring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..collectives import BY_LANE, EVERYWHERE, Collectives
from . import ring
from .loop import LoopConfig, LoopState
from .ring import Replay


@dataclass(frozen=True, eq=False)
class PlayedGame:
    """A finished game of self-play on the host; T = decisions, K = slots, n = number of players.

    Attributes:
      states: of the environment, NumPy arrays with leading axis ``[T]``, the positions before the decisions.
      actions: ``int32[T]``, what was played.
      slot_actions: ``int16[T, K]`` or ``int32[T, K]`` legal actions, -1 where empty.
      slot_weights: ``float16[T, K]`` improved policy over the slots.
      surprise: ``float16[T]`` its divergence from the network's policy, in nats.
      rewards: ``float32[n]`` by player at the end.
      lane: of self-play.
      number: of the game in its lane.
      first_iteration, last_iteration: in which its first and its last decision were made.
      models: by player, which model played.
    """

    states: Any
    actions: np.ndarray
    slot_actions: np.ndarray
    slot_weights: np.ndarray
    surprise: np.ndarray
    rewards: np.ndarray
    lane: int
    number: int
    first_iteration: int
    last_iteration: int
    models: tuple[str, ...]


def games_to_verify(config: LoopConfig, state: LoopState) -> list[PlayedGame]:
    """Games that wait for the parity gate: of up to ``gates.parity_games`` lanes those that ended in the first
    iteration that is not approved yet, and whose first rows are still in the ring."""
    lanes = min(config.gates.parity_games, config.self_play.lanes)
    if not lanes:
        return []
    iteration = state.replay.approved + 1
    peers = Collectives.that_share(state.replay.status)
    return games_of_lanes(config, state.replay, _choose_lanes(peers, state.replay, iteration, lanes), int(iteration))


def games_of_lanes(
    config: LoopConfig, replay: Replay, lanes: Sequence[int] | jax.Array, iteration: int
) -> list[PlayedGame]:
    """All games that ended in an iteration in some lanes, at least one, but those of which rows have been
    overwritten."""
    peers, number = Collectives.that_share(replay.status), len(lanes)
    room = 1 << (number - 1).bit_length()  # few different shapes: each is compiled
    padded = np.pad(np.asarray(lanes, np.int32), (0, room - number), mode="edge")
    return list(_games(config, _columns(peers, replay, padded), number, iteration))


@partial(jax.jit, static_argnames=("peers", "number"))
def _choose_lanes(peers: Collectives, replay: Replay, iteration: jax.Array, number: int) -> jax.Array:
    """``int32[number]`` different lanes, first those in which games of the iteration ended; which, changes with it."""
    lanes = replay.status.shape[1]

    def of_all(ended: jax.Array) -> jax.Array:
        return peers.gather((ended == iteration).any(axis=0)).ravel()

    ended = peers.on_each(of_all, (BY_LANE,), EVERYWHERE)(replay.ended)
    order = (jnp.arange(lanes) + iteration * number) % lanes
    return jax.lax.top_k(jnp.where(ended, lanes, 0) - order, number)[1]


@partial(jax.jit, static_argnames="peers")
def _columns(peers: Collectives, replay: Replay, lanes: jax.Array) -> dict[str, Any]:
    """What the ring holds of some lanes, the oldest rows first."""
    blocks = replay.status.shape[0]
    order = (replay.cursor + jnp.arange(blocks)) % blocks

    def columns(replay: Replay, lanes: jax.Array) -> Any:
        number = replay.status.shape[1]
        own = lanes - peers.rank * number
        here = (own >= 0) & (own < number)

        def column(leaf: jax.Array) -> jax.Array:
            found = leaf[order[:, None], own]
            return jnp.where(here.reshape(-1, *(1 for _ in leaf.shape[2:])), found, jnp.zeros_like(found))

        return peers.total(jax.tree.map(column, (replay.rows, replay.game, replay.ended, replay.outcome)))

    of_all = peers.on_each(columns, (ring.LAYOUT, EVERYWHERE), EVERYWHERE)
    rows, game, ended, outcome = of_all(replay, lanes)
    return {
        "lanes": lanes,
        "rows": rows,
        "game": game,
        "ended": ended,
        "outcome": outcome,
        "iteration": replay.iteration[order],
        "version": replay.version[order],
    }


def _games(config: LoopConfig, columns: dict[str, Any], lanes: int, iteration: int) -> Iterator[PlayedGame]:
    """Those in the first columns, one a lane; more are there only to fill the array."""
    columns = jax.device_get(columns)
    for column, lane in enumerate(columns["lanes"].tolist()[:lanes]):
        ended = columns["ended"][:, column] == iteration
        for number in np.unique(columns["game"][ended, column]).tolist():
            at = np.flatnonzero(ended & (columns["game"][:, column] == number))
            rows = jax.tree.map(lambda leaf, at=at, column=column: leaf[at, column], columns["rows"])
            if rows.state.steps[0] != 0:
                continue
            outcome = columns["outcome"][at[0], column]
            model = _model(config, columns["iteration"][at], columns["version"][at])
            yield PlayedGame(
                states=rows.state,
                actions=rows.action.astype(np.int32),
                slot_actions=rows.slot_actions,
                slot_weights=rows.slot_weights,
                surprise=rows.surprise,
                rewards=outcome,
                lane=lane,
                number=number,
                first_iteration=int(columns["iteration"][at[0]]),
                last_iteration=int(columns["iteration"][at[-1]]),
                models=(model,) * len(outcome),
            )


def _model(config: LoopConfig, iterations: np.ndarray, versions: np.ndarray) -> str:
    """The first and the last network of a game; self-play of an iteration has the network from before it."""
    name, numbers = ("champion", versions) if config.self_play.network == "champion" else ("iteration", iterations - 1)
    first, last = int(numbers[0]), int(numbers[-1])
    return f"{name} {first}" if first == last else f"{name} {first} to {name} {last}"
