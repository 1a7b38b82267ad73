"""What a training run writes down after each iteration: a line of metrics and the events that go with it."""

from collections.abc import Iterator
from typing import Any

import jax

from experiments.monitoring import Monitors
from experiments.run_directory import RunDirectory
from ringrift_jax.config import RunConfig
from ringrift_jax.events import (
    Alert,
    CandidateEvaluated,
    CandidateRejected,
    Event,
    IterationFinished,
    ModelPromoted,
    RunStarted,
    RunStopped,
    read,
)
from ringrift_jax.registry import champions, promotion


class History:
    """Writes the metrics and the events of one run, which goes on where its checkpoint was."""

    def __init__(self, directory: RunDirectory, config: RunConfig, monitors: Monitors):
        self._directory, self._config, self._monitors = directory, config, monitors
        self._log = directory.events
        self._champion: ModelPromoted | None = None
        self._games = self._skipped = 0

    @property
    def elo(self) -> float:
        """Of the champion; see :class:`~ringrift_jax.events.ModelPromoted`."""
        return self._champion.elo if self._champion else 0.0

    def rewind(self, iteration: int, resumed: bool) -> None:
        """Drops what was written after the iteration that training goes on from, since it happens again."""
        self._directory.keep_metrics(iteration)
        self._log.rewind(iteration if resumed else -1)
        records = self._directory.read_metrics()
        self._games = sum(record["games"] for record in records)
        self._skipped = records[-1]["skipped_steps"] if records else 0
        self._champion = next(reversed(champions(self._directory.path)), None)

    def start(self, iteration: int, resumed: bool, preset: str) -> None:
        """Training begins or goes on."""
        self._monitors.start(self._directory.read_metrics(), read(self._directory.path))
        device = jax.devices()[0].device_kind
        self._happened(RunStarted(iteration, self._config.board, self._config.num_players, preset, device, resumed))
        if self._champion is None:
            self._champion = promotion(self._config, None, iteration, self._games)
            self._happened(self._champion)

    def add(self, record: dict[str, Any]) -> dict[str, Any]:
        """Writes an iteration: its events, and its line, which is returned with the Elo of the champion added."""
        self._games += record["games"]
        for event in self._events(record):
            self._happened(event)
        record = record | {"champion_elo": self.elo}
        self._directory.append_metrics(record)
        self._monitors.iteration(record)
        return record

    def end(self, iteration: int, reason: str) -> None:
        """Training ended in good order."""
        self._happened(RunStopped(iteration, reason))

    def _happened(self, event: Event) -> None:
        self._log.append(event)
        self._monitors.event(event)

    def _events(self, record: dict[str, Any]) -> Iterator[Event]:
        iteration, score, error = record["iteration"], record["arena_score"], record["arena_error"]
        if score is not None and self._champion is not None:
            yield CandidateEvaluated(iteration, self._champion.version, score, error)
            if record["promoted"]:
                self._champion = promotion(self._config, self._champion, iteration, self._games, score, error or 0.0)
                yield self._champion
            else:
                yield CandidateRejected(iteration, self._champion.version)
        if record["skipped_steps"] > self._skipped:
            number = record["skipped_steps"] - self._skipped
            self._skipped = record["skipped_steps"]
            yield Alert(
                iteration, "not_finite", f"{number} optimiser steps gave no finite numbers and were not applied"
            )
        yield IterationFinished(iteration, record["games"], record["decisions"], record["steps"], record["seconds"])
