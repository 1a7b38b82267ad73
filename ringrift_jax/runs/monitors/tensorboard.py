"""Scalars of a training run for TensorBoard, with the iteration as the step."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event as Entry  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.summary import scalar

from .. import metrics
from ..events import Event


def scalars(record: dict[str, Any]) -> dict[str, float]:
    """What to show of a record, by tag: its numbers, and ``gates/GATE``."""
    numbers = {
        metric.tag: float(record[metric.name])
        for metric in metrics.METRICS
        if metric.tag and isinstance(record.get(metric.name), int | float)
    }
    for gate, result in record["gates"].items():
        numbers[f"gates/{gate}_passed"] = float(result["passed"])
        if result["value"] is not None:
            numbers[f"gates/{gate}"] = float(result["value"])
    return numbers


class TensorBoard:
    """Writes the scalars of each record to a directory.

    It writes at once and in the caller's thread: the thread of tensorboardX's SummaryWriter dies on a full disk, and
    then its queue fills up and blocks. A file that could not be written is followed by another one.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._writer: EventsWriter | None = None

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        known = any(self._directory.glob("events.out.tfevents.*"))
        self._open(purge_step=len(records) + 1 if known else None)
        for record in () if known else records:
            self.iteration(record)

    def phase(self, name: str) -> None:
        pass

    def iteration(self, record: dict[str, Any]) -> None:
        step, now = record["iteration"], time.time()
        writer = self._writer or self._open(purge_step=step)
        try:
            for tag, value in scalars(record).items():
                writer.write_event(Entry(wall_time=now, step=step, summary=scalar(tag, value)))
            writer.flush()
        except OSError:
            self._writer = None  # it may end in half an entry
            raise

    def event(self, event: Event) -> None:
        pass

    def close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None

    def _open(self, purge_step: int | None) -> EventsWriter:
        """Begins a file. What others hold from ``purge_step`` on is no longer shown."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # The name has the second in it, which neither keeps two files apart nor in order.
        writer = EventsWriter(str(self._directory / "events"), f".{time.time_ns()}")
        if purge_step is not None:
            writer.write_event(Entry(step=purge_step, file_version="brain.Event:2"))
            writer.write_event(Entry(step=purge_step, session_log=SessionLog(status=SessionLog.START)))
        writer.flush()
        self._writer = writer
        return writer
