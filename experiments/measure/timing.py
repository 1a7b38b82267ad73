"""Measuring: timing in turn, compile seconds, sizes."""

import statistics
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

Name = TypeVar("Name", bound=Hashable)


def seconds(task: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def rounds(tasks: dict[Name, Callable[[], object]], repeats: int) -> dict[Name, list[float]]:
    """Seconds of each task in each round. Every round runs all tasks once, so that noise of the machine falls on all
    alike.

    Tasks return what they computed, and it is waited for. One round more than ``repeats`` is run; the first does not
    count.
    """
    times: dict[Name, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats + 1):
        for name, task in tasks.items():
            times[name].append(seconds(lambda task=task: jax.block_until_ready(task())))
    return {name: counted for name, (_, *counted) in times.items()}


def in_turn(tasks: dict[Name, Callable[[], object]], repeats: int) -> dict[Name, float]:
    """Median seconds of each task in its :func:`rounds`."""
    return {name: statistics.median(times) for name, times in rounds(tasks, repeats).items()}


@contextmanager
def empty_compilation_cache() -> Iterator[None]:
    """Points the persistent compilation cache at a new folder for everything however quickly compiled."""
    settings = {
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    with tempfile.TemporaryDirectory() as folder:
        settings["jax_compilation_cache_dir"] = folder
        before = {name: getattr(jax.config, name) for name in settings}
        for name, value in settings.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        try:
            yield
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()


def compile_seconds(function: Callable, *arguments) -> float:
    """Seconds to trace and compile. The second time, compiling is a look-up in the persistent cache."""
    return seconds(lambda: jax.jit(lambda *args: function(*args)).lower(*arguments).compile())


def jaxpr_lines(function: Callable, *arguments) -> int:
    """How large the traced program is, in lines of its text."""
    return len(str(jax.make_jaxpr(function)(*arguments)).splitlines())


def tree_bytes(tree) -> int:
    """Bytes of all arrays of a pytree."""
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(tree))
