"""The event log of a run: what happened to its models, one JSON object a line in ``events.jsonl``.

Each line has ``format`` (its version), ``kind`` (the name of a class here in snake case), ``time`` (seconds since
1970) and the fields of that class. Another process follows it with :func:`subscribe`.
"""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from .files import append_line, line_of, whole_lines, write_lines

FORMAT = 1
FILE = "events.jsonl"


@dataclass(frozen=True)
class Event:
    """Something that happened after so many iterations of a run."""

    iteration: int

    @classmethod
    def kind(cls) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@dataclass(frozen=True)
class RunStarted(Event):
    """A process began to train, or went on: ``resumed``. ``deterministic``: with
    :func:`~ringrift_jax.devices.deterministic_kernels`."""

    board: str
    players: int
    preset: str
    device: str
    resumed: bool
    deterministic: bool = False


@dataclass(frozen=True)
class IterationFinished(Event):
    """``games`` ended in the iteration, which made ``decisions`` and ``steps`` of the optimiser in ``seconds``."""

    games: int
    decisions: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class CandidateEvaluated(Event):
    """The network being trained played the champion ``opponent``: its mean score in [-1, 1] and standard error.

    A match that ends early because it is decided looks a little more decided than it is.
    """

    opponent: int
    score: float
    error: float | None
    games: int


@dataclass(frozen=True)
class CandidateRejected(Event):
    """It did not win, and the champion stays."""

    champion: int


@dataclass(frozen=True)
class RolledBack(Event):
    """It was clearly weaker: training went back to the champion's parameters."""

    champion: int
    score: float
    error: float | None


@dataclass(frozen=True)
class DataRejected(Event):
    """A quality gate failed: the games that ended in the iteration, for the gate ``parity`` in the one before, for the
    gate ``ingest`` those of a worker's file, are not learned from. ``message`` says what was found."""

    gate: str
    message: str


@dataclass(frozen=True)
class GamesIngested(Event):
    """Games of a worker's file were taken in before the iteration ran, or the file was refused.

    Attributes:
      path: of the file, relative to the run directory.
      first: how many of its games had been taken in before.
      games, rows: taken in now, and their positions.
      left: games of the file that are still to be taken in.
      rejected: why nothing of the file is taken in any more; None if all is well.
    """

    path: str
    first: int
    games: int
    rows: int
    left: int
    rejected: str | None


@dataclass(frozen=True)
class ModelPromoted(Event):
    """A network became champion; the one that training began with, version 0, is the first.

    Attributes:
      board, players: the game.
      version, parent: of the new champion and of the one it beat.
      path: of the new one, relative to the run directory.
      games: finished games of self-play until then.
      elo_improvement, interval: on the parent, from games of the arena, and 95 % interval; None for version 0.
      elo: sum of the improvements, 0 for version 0. Each is measured against the last champion only; for strength
        against other players see ``python -m experiments.evaluate --ladder``.
      config_hash: of the settings of the run.
      gates: names of the quality gates and whether the self-play of the iteration passed them.
      origin: of version 0, the champion that it was made from; None if it is untrained, and for all others.
      gain_games: games that ``elo_improvement`` comes from, which had no part in the promotion; None for version 0,
        and in runs of before, where it comes from the games that decided, which promise too much.
    """

    board: str
    players: int
    version: int
    parent: int | None
    path: str
    games: int
    elo: float
    elo_improvement: float | None
    interval: tuple[float, float] | None
    config_hash: str
    gates: dict[str, bool]
    origin: str | None = None
    gain_games: int | None = None


@dataclass(frozen=True)
class Alert(Event):
    """Something a person should look at; ``what`` names it in one word, ``message`` says what happened."""

    what: str
    message: str


@dataclass(frozen=True)
class RunStopped(Event):
    """Training ended as planned or on request, with everything saved."""

    reason: str


KINDS: dict[str, type[Event]] = {
    cls.kind(): cls
    for cls in (
        RunStarted, IterationFinished, CandidateEvaluated, CandidateRejected, RolledBack, ModelPromoted, DataRejected,
        GamesIngested, Alert, RunStopped,
    )
}  # fmt: skip


def to_line(event: Event, now: float) -> str:
    """The line of an event."""
    return json.dumps({"format": FORMAT, "kind": event.kind(), "time": round(now, 3), **asdict(event)})


def from_line(line: str) -> Event:
    """The event of a line; fields that this version does not know are left out.

    Raises:
      ValueError: it is not a line of an event log, lacks a field or has one of another type, or is of a later format.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        if values["format"] > FORMAT:
            raise ValueError(f"event of format {values['format']}; this package reads formats up to {FORMAT}: {line}")
        return msgspec.convert(values, KINDS[values["kind"]], strict=True)
    except (json.JSONDecodeError, msgspec.ValidationError, KeyError, TypeError) as problem:
        raise ValueError(f"not an event, {type(problem).__name__} {problem}: {line}") from None


class EventLog:
    """Writes the events of a run. Only the process that trains has one."""

    def __init__(self, run: Path | str):
        self.path = Path(run) / FILE

    def append(self, event: Event) -> None:
        """Adds an event, which is on disk when this returns."""
        append_line(self.path, to_line(event, time.time()))

    def rewind(self, iteration: int) -> None:
        """Drops the events after an iteration, which will happen again, and a last line without its end."""
        write_lines(self.path, (line for line, event in _parsed(self.path) if event.iteration <= iteration))


def read(run: Path | str) -> list[Event]:
    """The events of a run so far, none if it has no log yet.

    Raises:
      FileNotFoundError: there is no such directory.
      ValueError: a line is damaged; with its number.
    """
    if not Path(run).is_dir():
        raise FileNotFoundError(f"there is no directory {run}")
    return [event for _, event in _parsed(Path(run) / FILE)]


def _parsed(path: Path) -> Iterator[tuple[str, Event]]:
    for number, line in enumerate(whole_lines(path), 1):
        with line_of(path, number):
            event = from_line(line)
        yield line, event


def last_time(run: Path | str, event: Event) -> float | None:
    """When an event was written, in seconds since 1970, the last time if several times; None if it is not there."""
    line = next((line for line in reversed(whole_lines(Path(run) / FILE)) if from_line(line) == event), None)
    return json.loads(line)["time"] if line else None


def subscribe(
    run: Path | str,
    kinds: Collection[str] | None = None,
    poll: float = 0.2,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Yields the events of a run from the first on, and then each as it is written, across restarts of the run.

    When a run is resumed from before some events, they are dropped from the log and happen again; then they are
    yielded again.

    Args:
      run: the directory; the log need not exist yet.
      kinds: which to yield, keys of :data:`KINDS`; None for all.
      poll: seconds between looks at the file.
      stop: asked at each look; when it returns True, what is written by then is yielded and the iterator ends.

    Raises:
      ValueError: there is no such kind, or a line is damaged.
    """
    unknown = sorted(set(kinds or ()) - KINDS.keys())
    if unknown:
        raise ValueError(f"unknown kind {unknown[0]!r}; it must be one of {', '.join(KINDS)}")
    return _follow(Path(run) / FILE, kinds, poll, stop)


def _follow(path: Path, kinds: Collection[str] | None, poll: float, stop: Callable[[], bool]) -> Iterator[Event]:
    seen: list[str] = []
    known = None
    while True:
        last = stop()
        version = _version(path)
        if version != known:
            known, lines = version, whole_lines(path)
            # Times make lines unique, so a log that was rewound differs from the first event that was dropped.
            same = next(
                (i for i, (a, b) in enumerate(zip(seen, lines, strict=False)) if a != b), min(len(seen), len(lines))
            )
            for number, line in enumerate(lines[same:], same + 1):
                with line_of(path, number):
                    event = from_line(line)
                if kinds is None or event.kind() in kinds:
                    yield event
            seen = lines
        if last:
            return
        time.sleep(poll)


def _version(path: Path) -> tuple[int, int, int] | None:
    """Differs when the file has changed or was replaced; None if there is none. Look before reading: what is written
    in between is then read twice rather than never."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
