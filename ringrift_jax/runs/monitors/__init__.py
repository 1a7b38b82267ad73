"""Watching a training run from outside: Prometheus, TensorBoard, and the progress bar."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...learning.config import RunConfig
from ..events import Event

PHASES = ("compiling", "iterating", "saving", "stopped")


class Monitor(Protocol):
    """Something that watches a run. Whatever it raises is told once and training goes on."""

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        """Training begins, or goes on after these lines of ``metrics.jsonl`` and these events."""

    def phase(self, name: str) -> None:
        """What the process does now, one of :data:`PHASES`."""

    def iteration(self, record: dict[str, Any]) -> None:
        """An iteration is done; its line of ``metrics.jsonl``."""

    def event(self, event: Event) -> None:
        """An event was written to ``events.jsonl``."""

    def close(self) -> None:
        """The process is done with the run, however it went."""


class Monitors:
    """Tells several monitors. The first failure of each is said in one line; failures never stop training."""

    def __init__(self, monitors: Sequence[Monitor] = (), say: Callable[[str], None] = print):
        self._monitors, self._say = monitors, say
        self._failed: set[int] = set()

    def __enter__(self) -> "Monitors":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        self._tell("start", records, happened)

    def phase(self, name: str) -> None:
        self._tell("phase", name)

    def iteration(self, record: dict[str, Any]) -> None:
        self._tell("iteration", record)

    def event(self, event: Event) -> None:
        self._tell("event", event)

    def close(self) -> None:
        self._tell("close")

    def _tell(self, method: str, *arguments: Any) -> None:
        for monitor in self._monitors:
            try:
                getattr(monitor, method)(*arguments)
            except Exception as problem:  # monitoring must not end a run, whatever is wrong with it
                if id(monitor) not in self._failed:
                    self._failed.add(id(monitor))
                    said = next(iter(str(problem).splitlines()), "")
                    self._say(f"{type(monitor).__name__} does not work, training goes on: {said or repr(problem)}")


def open_monitors(
    config: RunConfig,
    run: Path,
    port: int | None = None,
    address: str = "127.0.0.1",
    file: Path | None = None,
    tensorboard: bool = True,
    say: Callable[[str], None] = print,
) -> list[Monitor]:
    """The monitors of a run. Nothing is written to the run's directory before they start.

    Args:
      config: of the run.
      run: its directory.
      port: where to serve the metrics; 0 for any that is free, None for nowhere.
      address: of the interface to serve them on.
      file: ``.prom`` file for the textfile collector of Prometheus's node exporter, None for none.
      tensorboard: whether to write scalars to ``RUN/tensorboard``.
      say: told where the metrics are served.

    Raises:
      ValueError: the port or the file cannot be used; the message says what can.
    """
    monitors: list[Monitor] = []
    if file is not None and file.suffix != ".prom":
        raise ValueError(f"--metrics-file is {file}; its name must end in .prom, or the node exporter does not read it")
    if file is not None and not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise ValueError(f"--metrics-file is {file}; {file.parent} must be a directory that can be written to")
    if port is not None or file is not None:
        from .prometheus import Prometheus, Server, TextFile

        metrics = Prometheus(config, run.resolve().name)
        monitors.append(metrics)
        if file is not None:
            monitors.append(TextFile(metrics.registry, file))
        if port is not None:
            try:
                server = Server(metrics.registry, port, address)
            except (OSError, OverflowError) as problem:
                why = getattr(problem, "strerror", None) or problem
                raise ValueError(
                    f"metrics cannot be served on {address}:{port}: {why}; choose another --metrics-port, "
                    "0 for any that is free"
                ) from None
            monitors.append(server)
            say(f"metrics    {server.url}")
    if tensorboard:
        from .tensorboard import TensorBoard

        monitors.append(TensorBoard(run / "tensorboard"))
    return monitors
