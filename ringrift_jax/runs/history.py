"""What a training run writes down after each iteration: metrics, events, champions, records of games."""

from collections.abc import Callable, Iterator
from typing import Any

import jax

from ..devices import deterministic_kernels
from ..learning.config import RunConfig
from ..learning.loop import LoopState
from . import record_files
from .alarms import WINDOW, alarms
from .champion_files import complete_champions, remove_champions_after
from .checkpoints import save_champion
from .directory import RunDirectory
from .events import (
    CandidateEvaluated,
    CandidateRejected,
    DataRejected,
    Event,
    IterationFinished,
    ModelPromoted,
    RolledBack,
    RunStarted,
    RunStopped,
    read,
)
from .ingest import Ingested
from .metrics import gate
from .monitors import Monitors
from .parity import Parity
from .registry import champions, promotion


class History:
    """Writes down what happens in one run, which goes on where its checkpoint was.

    It alone makes champions: their parameters in ``champions/``, then the event, whose parent is the champion before.
    """

    def __init__(self, directory: RunDirectory, config: RunConfig, monitors: Monitors):
        self._directory, self._config, self._monitors = directory, config, monitors
        self._log = directory.events
        self._champion: ModelPromoted | None = None
        self._games = 0
        self._recent: list[dict[str, Any]] = []

    @property
    def elo(self) -> float:
        """Of the champion; see :class:`~ringrift_jax.runs.events.ModelPromoted`."""
        return self._champion.elo if self._champion else 0.0

    def rewind(self, state: LoopState, resumed: bool, say: Callable[[str], None]) -> None:
        """Drops what was written after the iteration that training goes on from, since it happens again, and writes
        the champion's parameters if they are not there.

        Args:
          state: that training goes on from.
          resumed: whether it is that of a checkpoint.
          say: told which champions are missing.
        """
        iteration, champions_path = int(state.iteration), self._directory.champions
        remove_champions_after(champions_path, int(state.version) if resumed else -1)
        if not resumed:
            save_champion(champions_path, 0, self._config, state.champion)
        complete_champions(champions_path, self._config, state, say)
        self._directory.keep_metrics(iteration)
        self._log.rewind(iteration if resumed else -1)
        records = self._directory.read_metrics()
        self._games = sum(record["games"] for record in records)
        self._recent = records[-WINDOW:]
        if self._directory.games.exists():
            # The games of an iteration are written down after the next one.
            record_files.rewind(self._directory.games, lambda record: record["last_iteration"] < iteration)
        self._champion = next(reversed(champions(self._directory.path)), None)

    def start(self, state: LoopState, resumed: bool, preset: str) -> None:
        """Training begins or goes on."""
        iteration = int(state.iteration)
        self._monitors.start(self._directory.read_metrics(), read(self._directory.path))
        device = jax.devices()[0].device_kind
        game = self._config.board, self._config.num_players
        self._happened(RunStarted(iteration, *game, preset, device, resumed, deterministic_kernels()))
        if self._champion is None:
            self._champion = promotion(self._config, None, iteration, self._games)
            self._happened(self._champion)

    def add(self, record: dict[str, Any], parity: Parity, ingested: Ingested, champion: Any) -> dict[str, Any]:
        """Writes an iteration: its champion, its events, the games replayed and taken in before it, and its line, which
        is returned with what is known here only.

        Args:
          record: the line as far as it is known.
          parity: what the replay of the games of the iteration before gave.
          ingested: taken in before it.
          champion: parameters of the champion after it.
        """
        self._games += record["games"]
        if record["promoted"]:
            save_champion(self._directory.champions, record["champion"], self._config, champion)
        if parity.games:
            record = record | {
                "gates": record["gates"] | {"parity": gate(parity.games, parity.accepted)},
                "data_rejected": record["data_rejected"] or not parity.accepted,
            }
        for event in ingested.events:
            self._happened(event)
            if event.rejected:
                self._happened(DataRejected(event.iteration, "ingest", f"{event.path}: {event.rejected}"))
        for event in self._events(record, parity.problem):
            self._happened(event)
        if parity.records:
            record_files.append(self._directory.games, parity.records)
        record = record | {
            "ingested_games": len(ingested.games),
            "ingested_rows": sum(event.rows for event in ingested.events),
            "champion_elo": self.elo,
        }
        self._directory.append_metrics(record)
        self._recent = [*self._recent, record][-WINDOW:]
        self._monitors.iteration(record)
        return record

    def end(self, iteration: int, reason: str) -> None:
        """Training ended in good order."""
        self._happened(RunStopped(iteration, reason))

    def _happened(self, event: Event) -> None:
        self._log.append(event)
        self._monitors.event(event)

    def _events(self, record: dict[str, Any], problem: str | None) -> Iterator[Event]:
        iteration, score, error = record["iteration"], record["arena_score"], record["arena_error"]
        for name, result in record["gates"].items():
            if not result["passed"]:
                yield DataRejected(
                    iteration, name, problem if name == "parity" and problem else f"measured {result['value']}"
                )
        if record["verdict"] and self._champion is not None:
            champion = self._champion.version
            yield CandidateEvaluated(iteration, champion, score, error, record["arena_games"])
            if record["verdict"] == "promoted":
                gates = {name: result["passed"] for name, result in record["gates"].items()}
                gain, groups = record["gain_score"], record["gain_games"] // self._config.num_players
                self._champion = promotion(
                    self._config, self._champion, iteration, self._games, gain, record["gain_error"], groups, gates
                )
                yield self._champion
            elif record["verdict"] == "rolled_back":
                yield RolledBack(iteration, champion, score, error)
            else:
                yield CandidateRejected(iteration, champion)
        yield from alarms(record, self._recent)
        yield IterationFinished(iteration, record["games"], record["decisions"], record["steps"], record["seconds"])
