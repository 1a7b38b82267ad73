"""Saving and restoring; the only file that imports orbax. Of several processes all save and restore a checkpoint
together, and the first one alone writes champions.

A checkpoint holds the whole :class:`~ringrift_jax.learning.loop.LoopState` and is written in the background. A
champion holds the parameters of a network and the settings of its run, so that nothing else is needed to play with it.

What cannot be written, as on a full disk, is an OSError with the directory's name in it. That of a checkpoint may come
with the next one, or when they are closed.
"""

import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_manager import DEFAULT_ITEM_NAME

from ..devices import everywhere, placed
from ..learning.config import RunConfig, from_dict, to_dict
from ..learning.loop import LoopState
from ..numerics import key_of
from ..processes import leads, of_all


class Checkpoints:
    """The last checkpoints of a run, in a directory of their own.

    Use it as a context manager, or call :meth:`close`, so that the last one is complete on disk. With ``read_only``
    it can look at the checkpoints of a run that goes on elsewhere.
    """

    def __init__(self, directory: Path | str, keep: int = 3, read_only: bool = False):
        self._directory, self._read_only = Path(directory).resolve(), read_only
        with _without_remarks():
            options = ocp.CheckpointManagerOptions(
                max_to_keep=None if read_only else keep, cleanup_tmp_directories=not read_only, read_only=read_only
            )
            self._manager = ocp.CheckpointManager(self._directory, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        with suppress(*([Exception] if kind else [])):  # what went wrong first matters more
            self.close()

    def latest(self) -> int | None:
        """Iterations done in the latest complete checkpoint, None without any."""
        return self._manager.latest_step()

    def save(self, state: LoopState) -> None:
        """Copies the state and writes it in the background. The state may be donated as soon as this returns."""
        step = int(state.iteration)
        if step not in self._manager.all_steps():
            with _naming(self._directory):
                self._manager.save(step, args=ocp.args.StandardSave(_storable(state)))

    def restore(
        self,
        like: LoopState,
        shardings: Any = None,
        say: Callable[[str], None] = warnings.warn,
        last: int | None = None,
    ) -> LoopState:
        """The latest checkpoint that can be read.

        Newer ones are damaged; they are set aside as ``damaged-ITERATION``, or left alone if this is read-only.

        Args:
          like: a state of the same shapes, or its ``jax.eval_shape``.
          shardings: where it then is, a pytree or the beginning of one; None for the first device.
          say: told about each damaged checkpoint.
          last: none after this iteration; None for any.

        Raises:
          FileNotFoundError: there is no such checkpoint.
          ValueError: no checkpoint can be read, or they have other shapes.
        """
        steps = sorted((step for step in self._manager.all_steps() if last is None or step <= last), reverse=True)
        if not steps:
            raise FileNotFoundError("there is no checkpoint" + (f" up to iteration {last}" if last is not None else ""))
        target = placed(jax.eval_shape(_storable, like), shardings or everywhere(None))
        problems: list[tuple[str, Exception | None]] = []
        for step in steps:
            stored, problem = None, None
            try:
                stored = self._read(step, target)
            except Exception as failed:  # orbax and tensorstore have no common class for damaged files
                problem = failed
            said = [line for line in of_all(problem and _line(problem)) if line]
            if said:
                problems.append((said[0], problem))
                continue
            for newer, (line, _) in zip(steps, problems, strict=False):
                if not self._read_only:
                    self._set_aside(newer)
                say(f"the checkpoint after iteration {newer} is damaged, so an older one is used: {line}")
            return _from_storable(cast(LoopState, stored))
        line, cause = problems[0]
        raise ValueError(
            f"no checkpoint in {self._directory} can be read; the one after iteration {steps[0]}: {line}"
        ) from cause

    def _read(self, step: int, target: LoopState) -> LoopState:
        """What this process holds of a checkpoint. Orbax's manager has all processes wait for each other in it, which
        one that cannot read its part does not come to."""
        here, path = _alone("restore"), self._directory / str(step) / DEFAULT_ITEM_NAME
        handler = ocp.StandardCheckpointHandler(multiprocessing_options=here)
        with ocp.Checkpointer(handler, multiprocessing_options=here) as checkpointer:
            return checkpointer.restore(path, args=ocp.args.StandardRestore(target))

    def _set_aside(self, step: int) -> None:
        if leads():
            damaged = self._directory / f"damaged-{step}"
            shutil.rmtree(damaged, ignore_errors=True)
            (self._directory / str(step)).rename(damaged)
        of_all(None)  # the others wait for it
        self._manager.reload()

    def wait(self) -> None:
        """Returns when everything saved is complete on disk."""
        with _naming(self._directory):
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Completes what is being written."""
        with _naming(self._directory):
            try:
                self._manager.wait_until_finished()
            finally:
                self._manager.close()


def _alone(purpose: str) -> ocp.options.MultiprocessingOptions:
    """For what a process reads or writes without the others."""
    return ocp.options.MultiprocessingOptions(jax.process_index(), {jax.process_index()}, purpose)


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Orbax warns of what follows from being read only."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes an OSError, with the path in it, of what orbax raises when the system refuses to write."""
    try:
        yield
    except Exception as problem:  # orbax and tensorstore have no common class
        number = _error_number(problem)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from problem


def _error_number(problem: BaseException | None) -> int | None:
    """The system's number for an error, which tensorstore has in its text, or for what led to it."""
    while problem is not None:
        if isinstance(problem, OSError) and problem.errno:
            return problem.errno
        if found := re.search(r"os_error_code='(\d+)'", str(problem)):
            return int(found[1])
        problem = problem.__cause__ or problem.__context__
    return None


def _line(problem: Exception) -> str:
    return f"{type(problem).__name__} {next(iter(str(problem).splitlines()), '')}".strip()


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _storable(state: LoopState) -> LoopState:
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)


def _from_storable(state: LoopState) -> LoopState:
    return LoopState(**{**vars(state), "key": key_of(state.key)})


def save_champion(directory: Path | str, version: int, config: RunConfig, params: Any) -> Path:
    """Writes ``directory/version`` as a whole or not at all; there must be none yet. Returns its path."""
    path = Path(directory).resolve() / str(version)
    if jax.process_count() > 1:  # orbax would wait for the others, and write only what is on the host
        params = jax.device_get(params)
    here = _alone("champion")
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=here),
        params=ocp.StandardCheckpointHandler(multiprocessing_options=here),
        config=ocp.JsonCheckpointHandler(multiprocessing_options=here),
    )
    with _naming(path), ocp.Checkpointer(handler, multiprocessing_options=here) as checkpointer:
        items = {"params": ocp.args.StandardSave(params), "config": ocp.args.JsonSave(to_dict(config))}
        checkpointer.save(path, ocp.args.Composite(**items))
    return path


def restore_champion(path: Path | str) -> tuple[RunConfig, Any]:
    """The settings and the parameters that :func:`save_champion` wrote, on the first device.

    Raises:
      ValueError: it is damaged, or has settings that there are not, as another version of this package may have
        written.
    """
    path = Path(path).resolve()
    handlers = {"params": ocp.StandardCheckpointHandler(), "config": ocp.JsonCheckpointHandler()}
    try:
        with ocp.Checkpointer(ocp.CompositeCheckpointHandler(**handlers)) as checkpointer:
            stored: Any = checkpointer.metadata(path).item_metadata
            # Whatever devices wrote them; without this it would have to be the same ones.
            target = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere(None)), stored["params"]
            )
            items = {"params": ocp.args.StandardRestore(target), "config": ocp.args.JsonRestore()}
            found = checkpointer.restore(path, ocp.args.Composite(**items))
        config = from_dict(found["config"])
    except ValueError as problem:
        raise ValueError(f"{path} is damaged or of another version of ringrift_jax: {problem}") from None
    return config, found["params"]


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
