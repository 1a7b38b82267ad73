"""What a run survives: a disk that is full, and champions that somebody deleted."""

import gc
import logging
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from experiments.command_line import fail
from experiments.run_directory import RunDirectory
from ringrift_jax.checkpoints import champion_versions, save_champion
from ringrift_jax.config import RunConfig
from ringrift_jax.loop import LoopState


def complete_champions(
    directory: RunDirectory, config: RunConfig, state: LoopState, say: Callable[[str], None]
) -> None:
    """Writes the champion again if it is gone, from the state, and says which older ones are gone for good."""
    path, version = directory.champions, int(state.version)
    stored = champion_versions(path)
    if version not in stored:
        shutil.rmtree(path / str(version), ignore_errors=True)  # what may be left of it
        save_champion(path, version, config, state.champion)
        say(f"champion {version} was missing from {path}; it is written again from the checkpoint")
    if older := [str(number) for number in range(version) if number not in stored]:
        say(f"missing from {path}: champion {', '.join(older)}; training does not need them")


def quiet_background() -> None:
    """Keeps to themselves the threads that write checkpoints: what goes wrong there is raised and told in one line."""
    for name in ("absl", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)

    def hook(args: Any) -> None:
        if "orbax" not in repr(args.object) and str(args.exc_value) != "Event loop is closed":
            sys.__unraisablehook__(args)

    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = hook


def fail_to_write(
    problem: OSError, directory: Path, then: str = "the same command continues from the last checkpoint"
) -> NoReturn:
    """Ends the program with a line that says what could not be written, or raises an error that is about something
    else. ``then``: what happens when there is space again."""
    if problem.filename is None or not Path(problem.filename).resolve().is_relative_to(directory.resolve()):
        raise problem
    what = f"cannot write {problem.filename}: {problem.strerror}"
    problem.__traceback__ = problem.__cause__ = problem.__context__ = None
    gc.collect()
    fail(f"{what}; make space for {directory}, then {then}")
