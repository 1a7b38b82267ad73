"""The directory of a training run.

``config.json`` holds the settings, ``metrics.jsonl`` an object per iteration, ``events.jsonl`` what happened to the
models, ``champions/VERSION`` every network that became champion (0 is the one that training began with),
``checkpoints/`` the last states to continue from, ``games.jsonl.gz`` records of the games that were replayed by the
reference, ``owner.txt`` which process trained last, and ``ladder.json`` the last measured ratings of all champions.
"""

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout

from ..learning.config import RunConfig, flatten, read_run, to_dict
from .events import EventLog
from .files import append_line, line_of, whole_lines, write_lines, write_whole
from .packed import CHAMPIONS
from .registry import CHECKPOINTS, CONFIG

LOCK = "lock"


class BusyError(RuntimeError):
    """Another process works in the directory."""


class RunDirectory:
    """Paths and files of one run."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.metrics = self.path / "metrics.jsonl"
        self.owner = self.path / "owner.txt"
        self.champions = self.path / CHAMPIONS
        self.checkpoints = self.path / CHECKPOINTS
        self.games = self.path / "games.jsonl.gz"
        self.ladder = self.path / "ladder.json"
        self.events = EventLog(self.path)

    def open(self, config: RunConfig) -> AcquireReturnProxy:
        """Makes the directory, or checks that the run in it has the same settings.

        Returns:
          A lock, held: a context manager that keeps others out until it or this process ends, however it ends.

        Raises:
          OSError: the directory cannot be made or written to.
          BusyError: another process has it open.
          ValueError: its run has other settings, and the message shows the difference, or its file of settings is
            damaged.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(self.path))
        lock = FileLock(self.path / LOCK)
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            owner = self.owner.read_text().strip() if self.owner.exists() else "another process"
            raise BusyError(
                f"{self.path} is being trained by {owner}; wait, stop it, or choose another --run-dir"
            ) from None
        try:
            self._claim(config)
        except BaseException:
            lock.release()
            raise
        return held

    def _claim(self, config: RunConfig) -> None:
        write_whole(
            self.owner, f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
        )
        if self.config.exists():
            difference = list(_differences(to_dict(self.read_config()), to_dict(config)))
            if difference:
                raise ValueError(f"{self.path} holds a run with other settings: {', '.join(difference)}")
        else:
            write_whole(self.config, json.dumps(to_dict(config), indent=2) + "\n")

    def read_config(self) -> RunConfig:
        """The settings of the run; see :func:`ringrift_jax.learning.config.read_run`."""
        return read_run(self.config)

    def keep_metrics(self, iterations: int) -> None:
        """Drops the lines after an iteration, and a last line that was not written to its end."""
        write_lines(self.metrics, whole_lines(self.metrics)[:iterations])

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of the iterations done. ValueError, with its number, when one is damaged."""
        records = []
        for number, line in enumerate(whole_lines(self.metrics), 1):
            with line_of(self.metrics, number):
                records.append(json.loads(line))
                if not isinstance(records[-1], dict):
                    raise ValueError("not an object")
        return records

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Adds a line, which is on disk when this returns."""
        append_line(self.metrics, json.dumps(record))


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    old, new = flatten(old), flatten(new)
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, "absent"), new.get(name, "absent")
        if before != after:
            yield f"{name} is {before} there and {after} now"
