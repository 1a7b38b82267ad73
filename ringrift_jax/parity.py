"""The parity gate: finished games of self-play, replayed by the independent rules in ``reference/``.

It runs on the host while the next iteration runs on the device, so that learning is one iteration behind: the games
that ended in an iteration are released by :func:`ringrift_jax.loop.release` after the next one. Which games are
replayed depends on the state of the loop alone, so that a resumed run replays the same ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import boards
from .env import Env
from .exports import PlayedGame
from .loop import LoopConfig, LoopState
from .records import record_game
from .replay import Replay


@dataclass(frozen=True)
class Parity:
    """What the replay of some games gave.

    Attributes:
      games: how many were replayed.
      records: of those that agree, see :mod:`.records`.
      problem: the first disagreement, None without one.
    """

    games: int
    records: list[dict[str, Any]]
    problem: str | None

    @property
    def accepted(self) -> bool:
        return self.problem is None


def sample(config: LoopConfig, state: LoopState) -> list[PlayedGame]:
    """Games that wait for the parity gate: of up to ``gates.parity_games`` lanes those that ended in the first
    iteration that is not approved yet, and whose first rows are still in the ring."""
    lanes = min(config.gates.parity_games, config.self_play.lanes)
    if not lanes:
        return []
    iteration = state.replay.approved + 1
    return games_of_lanes(config, state.replay, _choose_lanes(state.replay, iteration, lanes), int(iteration))


def games_of_lanes(
    config: LoopConfig, replay: Replay, lanes: Sequence[int] | jax.Array, iteration: int
) -> list[PlayedGame]:
    """All games that ended in an iteration in some lanes, but those of which rows have been overwritten."""
    return list(_games(config, _columns(replay, jnp.asarray(lanes, jnp.int32)), iteration))


def check(env: Any, games: Sequence[PlayedGame], **provenance: Any) -> Parity:
    """Replays games with the reference engine.

    Args:
      env: the environment. The reference knows the published boards; games of others are accepted unseen.
      games: to replay.
      **provenance: added to their records.
    """
    records: list[dict[str, Any]] = []
    if not (isinstance(env, Env) and env.board == boards.standard(env.board.name, env.num_players)):
        return Parity(0, records, None)
    for game in games:
        where = f"lane {game.lane}, game {game.number}"
        try:
            records.append(record(env, game, **provenance))
        except Exception as problem:  # what is wrong with a position may show in any way
            return Parity(len(games), records, f"{where}: {type(problem).__name__}: {problem}")
    return Parity(len(games), records, None)


def record(env: Env, game: PlayedGame, **provenance: Any) -> dict[str, Any]:
    """The record of a game of self-play, with where it comes from. Raises what :func:`.records.record_game` raises."""
    return record_game(
        env,
        game.states,
        game.actions,
        game.rewards,
        id=f"{game.lane}-{game.number}",
        models=game.models,
        lane=game.lane,
        number=game.number,
        first_iteration=game.first_iteration,
        last_iteration=game.last_iteration,
        **provenance,
    )


@partial(jax.jit, static_argnames="number")
def _choose_lanes(replay: Replay, iteration: jax.Array, number: int) -> jax.Array:
    """``int32[number]`` different lanes, first those in which games of the iteration ended; which, changes with it."""
    lanes = replay.status.shape[1]
    ended = (replay.ended == iteration).any(axis=0)
    order = (jnp.arange(lanes) + iteration * number) % lanes
    return jax.lax.top_k(jnp.where(ended, lanes, 0) - order, number)[1]


@jax.jit
def _columns(replay: Replay, lanes: jax.Array) -> dict[str, Any]:
    """What the ring holds of some lanes, the oldest rows first."""
    blocks = replay.status.shape[0]
    order = (replay.cursor + jnp.arange(blocks)) % blocks

    def column(leaf):
        return leaf[order[:, None], lanes]

    return {
        "lanes": lanes,
        "rows": jax.tree.map(column, replay.rows),
        "game": column(replay.game),
        "ended": column(replay.ended),
        "outcome": column(replay.outcome),
        "iteration": replay.iteration[order],
        "version": replay.version[order],
    }


def _games(config: LoopConfig, columns: dict[str, Any], iteration: int) -> Iterator[PlayedGame]:
    columns = jax.device_get(columns)
    for column, lane in enumerate(columns["lanes"].tolist()):
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
