"""Plays a recorded game again: ``python -m experiments.regenerate runs/square8-2p --last``.

Training goes on from the newest checkpoint before the game, or from the very beginning, to the iteration in which it
ended; then the game is in its lane of self-play, exactly as it was on a machine of the same kind. Exit code 1 if it
differs from the record.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.command_line import command, fail, option, parse, start_jax, use_all_cores, waiting
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.games import PlayedGame, games_of_lanes
from ringrift_jax.runs import record_files
from ringrift_jax.runs.checkpoints import Checkpoints, quiet_background
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import read
from ringrift_jax.runs.ingest import taken_before
from ringrift_jax.runs.parity import record
from ringrift_jax.runs.registry import config_hash
from ringrift_jax.runs.run import Program

WHERE = ("lane", "number", "first_iteration", "last_iteration")
"""Keys of a record that say where a game was played."""


@dataclass(frozen=True)
class Args:
    """Command line.

    Attributes:
      run: directory of the training run.
      game: which one, by its id in RUN/games.jsonl.gz.
      last: the last one that was recorded.
    """

    run: tyro.conf.Positional[Path]
    game: Annotated[str | None, option("LANE-NUMBER", "none")] = None
    last: bool = False


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and plays the game again. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.regenerate")
    if (args.game is None) != args.last:
        fail("choose a game by --game LANE-NUMBER, or --last")
    directory = RunDirectory(args.run)
    try:
        config = directory.read_config()
        recorded = _recorded(directory.games, args.game)
        if missing := [name for name in WHERE if name not in recorded]:
            fail(f"the record of game {recorded['id']} has no {missing[0]}: it is not one of self-play")
        start_jax()
        quiet_background()
        began = time.monotonic()
        game = regenerate(directory, config, **{name: recorded[name] for name in WHERE})
        again = record(config.make_env(), game, config_hash=config_hash(config))
    except (FileNotFoundError, NotADirectoryError) as problem:
        fail(f"there is no {problem.filename}" if problem.filename else str(problem))
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as problem:
        fail(str(problem))
    found = difference(recorded, json.loads(json.dumps(again)))
    where = f"game {recorded['id']}, {len(game.actions)} decisions, {time.monotonic() - began:.0f} s"
    print(f"{where}: {found or 'identical'}")
    if found:
        sys.exit(1)


def regenerate(
    directory: RunDirectory,
    config: RunConfig,
    lane: int,
    number: int,
    first_iteration: int,
    last_iteration: int,
    say: Callable[[str], None] = print,
) -> PlayedGame:
    """A game of self-play, played again.

    Args:
      directory: of the run.
      config: of the run.
      lane, number: of the game.
      first_iteration, last_iteration: in which its first and its last decision were made.
      say: told where it begins.

    Raises:
      FileNotFoundError: the file of a worker that was taken in meanwhile is gone, so that the game would be another.
      ValueError: there is no such game, or the metrics of the run do not reach so far.
    """
    lines, happened = directory.read_metrics(), read(directory.path)
    if len(lines) < last_iteration:
        raise ValueError(f"{directory.metrics} ends with iteration {len(lines)}; the game ended in {last_iteration}")
    program = Program(config)
    try:
        with Checkpoints(directory.checkpoints, read_only=True) as checkpoints:
            state = checkpoints.restore(program.abstract, program.mesh, say, last=first_iteration - 1)
    except FileNotFoundError:
        state = program.start()
    start = int(state.iteration)
    say(f"from iteration {start} to {last_iteration}, in which the game ended")
    with waiting("compiling the training loop, about a minute the first time"):
        iterate = program.compile()
    for done in range(start, last_iteration):
        state = program.add(state, taken_before(directory.path, happened, done + 1))
        state, _ = iterate(state)
        state = program.settle(state, _accepted(lines[done]))
    games = games_of_lanes(config.loop, state.replay, [lane], last_iteration)
    game = next((game for game in games if game.number == number), None)
    if game is None:
        raise ValueError(f"no game {lane}-{number} ended in iteration {last_iteration}: the run is not reproduced")
    return game


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


def _recorded(path: Path, name: str | None) -> dict[str, Any]:
    """The record of a game, or the last one."""
    found = None
    for game in record_files.read(path, torn_end=True):
        if name in (None, game["id"]):
            found = game
    if found is None:
        raise ValueError(f"{path} has no game {name}" if name else f"{path} has no games")
    return found


if __name__ == "__main__":
    main()
