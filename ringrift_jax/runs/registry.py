"""The models of a run: which became champion, from which parents, and which one to use.

The record is the event log (:mod:`.events`), so there is one source of truth; the parameters are in ``champions/``.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax

from ..learning.config import RunConfig, read_run, to_dict
from ..learning.loop import new_loop
from ..numerics import new_key
from ..players.ratings import elo_of_match
from .champion_files import champion_versions, load_champion
from .checkpoints import Checkpoints
from .events import ModelPromoted, read
from .packed import CHAMPIONS

CHECKPOINTS, CONFIG = "checkpoints", "config.json"


@dataclass(frozen=True)
class Model:
    """What to play with.

    Attributes:
      kind: a champion, the network of the latest checkpoint, or the heuristic, which needs no network.
      path: of the champion or of the checkpoints; None for the heuristic.
      version: of the champion; for a checkpoint the iterations done; else None.
      why: one sentence for people.
    """

    kind: Literal["champion", "checkpoint", "heuristic"]
    path: Path | None
    version: int | None
    why: str


def config_hash(config: RunConfig) -> str:
    """12 hexadecimal digits that differ between settings."""
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:12]


def promotion(
    config: RunConfig,
    parent: ModelPromoted | None,
    iteration: int,
    games: int,
    score: float = 0.0,
    error: float = 0.0,
    groups: int = 0,
    gates: dict[str, bool] | None = None,
) -> ModelPromoted:
    """The event of a promotion, with its Elo by :func:`~ringrift_jax.players.ratings.elo_of_match`.

    Args:
      config: of the run.
      parent: the champion that was beaten; None for the network that training began with, version 0.
      iteration: when.
      games: finished games of self-play until then.
      score: mean reward of the winner in games that had no part in the promotion, in [-1, 1].
      error: its standard error over groups of games from one opening.
      groups: their number.
      gates: names of the quality gates and whether the self-play of the iteration passed them.
    """
    version = parent.version + 1 if parent else 0
    gained, (low, high) = elo_of_match(score, error, groups, config.num_players)
    return ModelPromoted(
        iteration=iteration,
        board=config.board,
        players=config.num_players,
        version=version,
        parent=parent.version if parent else None,
        path=f"{CHAMPIONS}/{version}",
        games=games,
        elo=round(parent.elo + round(gained, 1), 1) if parent else 0.0,
        elo_improvement=round(gained, 1) if parent else None,
        interval=(round(low, 1), round(high, 1)) if parent else None,
        config_hash=config_hash(config),
        gates=gates or {},
        origin=None if parent else config.origin,
        gain_games=groups * config.num_players if parent else None,
    )


def champions(run: Path | str) -> list[ModelPromoted]:
    """The promotions of a run in order, the network that it began with first."""
    return [event for event in read(run) if isinstance(event, ModelPromoted)]


def lineage(run: Path | str, version: int) -> list[ModelPromoted]:
    """A champion, the one it beat, and so on to the network that training began with. ValueError if there is no such
    champion."""
    known = {event.version: event for event in champions(run)}
    if version not in known:
        raise ValueError(f"{run} has no champion {version}; it has {', '.join(map(str, known)) or 'none'}")
    line = [known[version]]
    while line[-1].parent is not None:
        line.append(known[line[-1].parent])
    return line


def missing_champions(run: Path | str) -> list[int]:
    """Versions of champions whose parameters somebody removed, in order."""
    stored = champion_versions(Path(run) / CHAMPIONS)
    return [event.version for event in champions(run) if event.version not in stored]


def select_model(run: Path | str) -> Model:
    """The best model of a run that is there: the newest champion that has beaten another, or was made from one, else
    the network of the latest checkpoint, else the heuristic. A network that never won an arena does not outrank one
    that did."""
    run = Path(run)
    promoted = {event.version: event for event in champions(run) if event.parent is not None or event.origin}
    missing = []
    stored = set(champion_versions(run / CHAMPIONS))
    for version in sorted(promoted, reverse=True):
        if version in stored:
            event = promoted[version]
            lost = f"; {_missing(run, missing)}" if missing else ""
            return Model("champion", run / event.path, version, f"{_why(event)}{lost}")
        missing.append(version)
    none = "no network of this run has won an arena" if not missing else _missing(run, missing)
    if (run / CHECKPOINTS).is_dir():
        with Checkpoints(run / CHECKPOINTS, read_only=True) as checkpoints:
            step = checkpoints.latest()
        if step:
            return Model(
                "checkpoint", run / CHECKPOINTS, step, f"{none}: the network of the checkpoint after iteration {step}"
            )
    return Model("heuristic", None, None, f"{none}, and there is no checkpoint of a trained one: the heuristic")


def _why(event: ModelPromoted) -> str:
    if event.parent is None:
        return f"champion {event.version} is made from the champion {event.origin}, and none has beaten it yet"
    low, high = event.interval or (math.nan, math.nan)
    return (
        f"champion {event.version} beat champion {event.parent} after iteration {event.iteration} by "
        f"{event.elo_improvement:.0f} Elo (95% interval {low:.0f} to {high:.0f})"
    )


def _missing(run: Path, versions: list[int]) -> str:
    return f"missing from {run / CHAMPIONS}: champion {', '.join(map(str, versions))}"


def load_model(model: Model) -> tuple[RunConfig, Any]:
    """The settings of the run and the parameters of a champion or of a checkpoint's averaged network.

    Raises:
      ValueError: the model is the heuristic, which has no parameters.
      FileNotFoundError: it has been removed meanwhile.
    """
    if model.path is None:
        raise ValueError("the heuristic has no parameters; use agents.heuristic_agent")
    if model.kind == "champion":
        return load_champion(model.path)
    config = read_run(model.path.parent / CONFIG)
    env = config.make_env()
    like = jax.eval_shape(lambda: new_loop(env, config.loop, new_key(0)))
    with Checkpoints(model.path, read_only=True) as checkpoints:
        return config, checkpoints.restore(like, last=model.version).learner.average
