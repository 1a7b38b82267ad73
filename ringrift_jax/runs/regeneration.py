"""Games of self-play, played again: what is recorded of them is made anew and compared."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ..learning.config import RunConfig
from ..learning.games import PlayedGame, games_of_lanes
from . import record_files
from .champion_files import load_champion
from .checkpoints import Checkpoints
from .directory import RunDirectory
from .events import RunStarted, read
from .ingest import taken_before
from .run import Run

WHERE = ("lane", "number", "first_iteration", "last_iteration")
"""Keys of a record that say where a game was played."""


def regenerate(
    directory: RunDirectory,
    config: RunConfig,
    lane: int,
    number: int,
    first_iteration: int,
    last_iteration: int,
    say: Callable[[str], None] = print,
    compiling: AbstractContextManager[object] | None = None,
) -> PlayedGame:
    """A game of self-play, played again.

    Args:
      directory: of the run.
      config: of the run.
      lane, number: of the game.
      first_iteration, last_iteration: in which its first and its last decision were made.
      say: told where it begins.
      compiling: entered while the training loop is compiled.

    Raises:
      FileNotFoundError: the file of a worker that was taken in meanwhile is gone, so that the game would be another.
      ValueError: there is no such game, or the metrics of the run do not reach so far.
    """
    lines, happened = directory.read_metrics(), read(directory.path)
    if len(lines) < last_iteration:
        raise ValueError(f"{directory.metrics} ends with iteration {len(lines)}; the game ended in {last_iteration}")
    run = Run(config)
    try:
        with Checkpoints(directory.checkpoints, read_only=True) as checkpoints:
            state = checkpoints.restore(run.abstract, run.shardings, say, last=first_iteration - 1)
    except FileNotFoundError:
        state = run.start()
        if config.origin:
            state = run.begin_with(state, load_champion(directory.champions / "0")[1])
    start = int(state.iteration)
    say(f"from iteration {start} to {last_iteration}, in which the game ended")
    with compiling or nullcontext():
        iterate = run.compile()
    for done in range(start, last_iteration):
        state = run.add(state, taken_before(directory.path, happened, done + 1))
        state, _ = iterate(state)
        state = run.settle(state, _accepted(lines[done]))
    games = games_of_lanes(config.loop, state.replay, [lane], last_iteration)
    game = next((game for game in games if game.number == number), None)
    if game is None:
        raise ValueError(f"no game {lane}-{number} ended in iteration {last_iteration}: the run is not reproduced")
    return game


def was_deterministic(directory: RunDirectory, iteration: int) -> bool:
    """Whether the process that made an iteration had deterministic kernels, by the run's events."""
    started = [event for event in read(directory.path) if isinstance(event, RunStarted) and event.iteration < iteration]
    return bool(started) and started[-1].deterministic


def difference(recorded: dict[str, Any], again: dict[str, Any]) -> str | None:
    """The first difference between two records, in one line."""
    for index, (old, new) in enumerate(zip(recorded["steps"], again["steps"], strict=False)):
        if old != new:
            key = next(key for key in old if old[key] != new.get(key))
            return f"step {index}, {key}: recorded {old[key]}, now {new.get(key)}"
    for key in sorted(recorded.keys() | again.keys()):
        old, new = recorded.get(key), again.get(key)
        if key == "steps" and len(recorded[key]) != len(again[key]):
            return f"recorded {len(recorded[key])} steps, now {len(again[key])}"
        if old != new:
            return f"{key}: recorded {old}, now {new}"
    return None


def _accepted(line: dict[str, Any]) -> bool:
    """What the parity gate said in an iteration."""
    return line["gates"].get("parity", {"passed": True})["passed"]


def find_record(path: Path, name: str | None) -> dict[str, Any]:
    """The record in a file of the game with this id, or of the last one. OSError or ValueError when there is none, or
    when it does not say where self-play made it."""
    found = None
    for game in record_files.read(path, torn_end=True):
        if name in (None, game["id"]):
            found = game
    if found is None:
        raise ValueError(f"{path} has no game {name}" if name else f"{path} has no games")
    if missing := [key for key in WHERE if key not in found]:
        raise ValueError(f"the record of game {found['id']} has no {missing[0]}: it is not one of self-play")
    return found
