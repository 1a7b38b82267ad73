"""A run as reports read it: whose files are read once, and of which something may be missing."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from statistics import NormalDist
from typing import Any

from filelock import FileLock, Timeout

from .box import CARD
from .directory import LOCK, RunDirectory
from .events import Event, ModelPromoted, RunStopped, read
from .files import whole_lines

HALF = NormalDist().inv_cdf(0.975)
"""Half of a 95 % interval, in standard errors."""


@dataclass(frozen=True)
class Known:
    """What was asked of a run, or why it cannot be told."""

    value: Any = None
    problem: str = ""


class RunContents(RunDirectory):
    """A run whose files are read once; what cannot be read is an error where it is asked for."""

    @cached_property
    def iterations(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``, at least one."""
        iterations = self.read_metrics()
        if not iterations:
            raise ValueError("no iteration is finished")
        return iterations

    @cached_property
    def happened(self) -> list[Event]:
        """The events."""
        return read(self.path)

    @cached_property
    def promotions(self) -> list[ModelPromoted]:
        """The promotions in order, the network that the run began with first."""
        return [event for event in self.happened if isinstance(event, ModelPromoted)]

    @cached_property
    def rated(self) -> dict[str, tuple[float, float]]:
        """Elo of the players of the last ladder, and its error; nothing if none has been played."""
        if not self.ladder.exists():
            return {}
        return json.loads(self.ladder.read_text(encoding="utf-8"))["elo"]

    @cached_property
    def state(self) -> dict[str, Any]:
        """Whether it is in the box, runs, has stopped, or ended without saying so."""
        if (self.path / CARD).exists():
            return {"text": f"in the box, as it was after iteration {len(self.iterations)}", "ago": "", "bad": False}
        running, lock = False, self.path / LOCK
        if lock.exists():
            try:
                FileLock(lock).acquire(blocking=False).lock.release()
            except Timeout:
                running = True
        lines = whole_lines(self.events.path)
        ago = ""
        if lines:
            seconds = time.time() - json.loads(lines[-1])["time"]
            ago = f"; the last event was {timedelta(seconds=round(max(seconds, 0)))} ago"
        if running:
            return {"text": "running", "ago": ago, "bad": False}
        last = self.happened[-1] if lines else None
        if isinstance(last, RunStopped):
            return {"text": f"stopped: {last.reason}", "ago": ago, "bad": False}
        return {"text": "ended without saying so", "ago": ago, "bad": True}


def attempt(find: Callable[[], Any]) -> Known:
    try:
        return Known(find())
    except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
        return Known(problem=f"{type(problem).__name__}, {problem}")
