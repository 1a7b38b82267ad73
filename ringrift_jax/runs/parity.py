"""The parity gate: finished games of self-play, replayed by the independent rules in ``reference/``.

It runs on the host while the next iteration runs on the device, so that learning is one iteration behind: the games
that ended in an iteration are released by :func:`ringrift_jax.learning.loop.release` after the next one. Which games
are replayed depends on the state of the loop alone, so that a resumed run replays the same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import boards
from ..env import Env
from ..learning.games import PlayedGame
from .records import record_game


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
