"""Plays a recorded game again: ``python -m experiments.regenerate runs/square8-2p --last``.

Training goes on from the newest checkpoint before the game, or from the very beginning, to the iteration in which it
ended; then the game is in its lane of self-play, exactly as it was on a machine of the same kind; on a
GPU if it was --deterministic. Exit code 1 if it differs from the record.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.command_line import (
    command,
    fail,
    option,
    parse,
    start_jax,
    use_all_cores,
    use_deterministic_kernels,
    waiting,
)
from ringrift_jax.runs.checkpoints import quiet_background
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.parity import record
from ringrift_jax.runs.regeneration import WHERE, difference, find_record, regenerate, was_deterministic
from ringrift_jax.runs.registry import config_hash

COMPILING = "compiling the training loop, about a minute the first time"


@dataclass(frozen=True)
class Args:
    """Command line.

    Attributes:
      run: directory of the training run.
      game: which one, by its id in RUN/games.jsonl.gz.
      last: the last one that was recorded.
      deterministic: on a GPU, as in training; a run that was trained so needs no reminder.
    """

    run: tyro.conf.Positional[Path]
    game: Annotated[str | None, option("LANE-NUMBER", "none")] = None
    last: bool = False
    deterministic: bool = False


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
        recorded = find_record(directory.games, args.game)
        if args.deterministic or was_deterministic(directory, recorded["last_iteration"]):
            use_deterministic_kernels()
        start_jax()
        quiet_background()
        began = time.monotonic()
        game = regenerate(directory, config, **{name: recorded[name] for name in WHERE}, compiling=waiting(COMPILING))
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


if __name__ == "__main__":
    main()
