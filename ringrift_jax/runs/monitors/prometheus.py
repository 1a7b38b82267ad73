"""Metrics of a training run for Prometheus, served over HTTP or written to a file for the node exporter.

Every metric has the labels ``run`` (name of the run's directory), ``board`` and ``players``. Totals are those of the
whole run: they are counted again from its files when it goes on.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server, write_to_textfile

from . import PHASES
from ...learning.config import RunConfig
from ..events import Alert, Event, ModelPromoted, RunStarted

LABELS = ("run", "board", "players")

GAUGES = {
    "iteration": ("iteration", "Iterations done."),
    "iteration_seconds": ("seconds", "Wall time of the last iteration."),
    "games_per_second": ("games_per_second", "Finished games of self-play per second in the last iteration."),
    "decisions_per_second": ("decisions_per_second", "Decisions of self-play per second in the last iteration."),
    "game_length": ("game_length", "Mean decisions of the games that ended in the last iteration."),
    "search_depth": ("mean_depth", "Mean depth of the search in the last iteration."),
    "loss": ("loss", "Loss, mean over the steps of the last iteration; NaN when nothing was learned."),
    "policy_loss": ("policy_loss", "Its part for the policy."),
    "value_loss": ("value_loss", "Its part for the values, unweighted."),
    "target_entropy": ("target_entropy", "Entropy of the policy targets, below which the policy loss cannot fall."),
    "gradient_norm": ("gradient", "Norm of the gradient before it is limited."),
    "champion_version": ("champion", "Version of the champion; 0 is the untrained network."),
    "champion_elo": ("champion_elo", "Elo of the champion, summed over its promotions."),
    "replay_trainable_rows": (
        "trainable_rows",
        "Rows of finished games in the replay ring, which can be learned from.",
    ),
}
"""Metrics that are the value of a key of the last record: the key, and what it says."""

KEPT = {
    "arena_score": ("arena_score", "Mean score of the network against the champion in the last arena, in [-1, 1]."),
    "arena_error": ("arena_error", "Standard error of that score."),
}
"""The same, but a record without the value leaves them as they are."""

COUNTERS = {
    "games": ("games", "Finished games of self-play."),
    "positions_generated": ("decisions", "Decisions of self-play."),
    "optimizer_steps": ("steps", "Optimiser steps, those skipped included."),
    "arena_games": ("arena_games", "Games of arenas."),
    "overflows": ("overflow", "Nodes of search trees with more legal actions than slots."),
}
"""Totals of a key of the records."""

SEEN = {
    "skipped_steps": ("skipped_steps", "Optimiser steps not applied because they were not finite."),
    "lost_rows": ("lost_rows", "Rows of the replay ring overwritten before their game ended."),
}
"""Totals that a record has already."""

EVENTS = {
    "promotions": ("model_promoted", "Networks that became champion, the untrained one not counted."),
    "rejections": ("candidate_rejected", "Networks that did not beat the champion."),
    "rollbacks": ("rolled_back", "Times the network being trained was set back to the champion."),
    "data_rejections": ("data_rejected", "Times a gate rejected the games of an iteration."),
}
"""Totals of a kind of events."""


class Prometheus:
    """Keeps the metrics of a run in a registry of its own.

    Attributes:
      registry: all the metrics.
    """

    def __init__(self, config: RunConfig, run: str):
        self._learner = config.loop.learner
        self._rows = config.loop.self_play.lanes * self._learner.replay_blocks
        self._labels = {"run": run, "board": config.board, "players": str(config.num_players)}
        self.registry = CollectorRegistry()
        self._gauges = {name: self._gauge(name, text) for name, (_, text) in (GAUGES | KEPT).items()}
        self._counters = {name: self._counter(name, text) for name, (_, text) in (COUNTERS | SEEN | EVENTS).items()}
        self._counters["positions_consumed"] = self._counter(
            "positions_consumed", "Positions learned from, with repetitions."
        )
        self._totals: dict[str, float] = dict.fromkeys(self._counters, 0)
        for name in self._counters:
            self._count(name, 0)  # without a first value the first increase would not be seen
        self._ratio = self._gauge("consumed_per_generated", "Positions consumed to positions generated, of all.")
        self._wanted = self._gauge("consumed_per_generated_target", "What learner.samples_per_row makes that ratio.")
        self._fill = self._gauge("replay_fill", "Share of the replay ring that can be learned from, in [0, 1].")
        self._promotion = {
            which: self._gauge(f"promotion_elo{suffix}", text)
            for which, suffix, text in (
                ("elo", "", "Elo of the champion over the one before, by the score of its arena."),
                ("low", "_low", "Lower end of its 95 % interval."),
                ("high", "_high", "Upper end of its 95 % interval."),
            )
        }
        self._passed = self._gauge("gate_passed", "1 if the gate passed in the last iteration, else 0.", "gate")
        self._value = self._gauge("gate_value", "What the gate measured in the last iteration.", "gate")
        self._alerts = self._counter("alerts", "Alert events, by what they are about.", "what")
        self._memory = self._gauge("device_memory_bytes", "Memory of a device: in_use, peak, limit.", "device", "kind")
        self._resident = self._gauge("process_resident_bytes", "Main memory of the training process.")
        self._timestamp = self._gauge(
            "last_iteration_timestamp_seconds", "When the last iteration ended or the process started, since 1970."
        )
        self._info = self._gauge("run_info", "1, with the device and the preset.", "device", "preset")
        self._phase = Enum(
            "ringrift_phase", "1 for what the process does now.", LABELS, registry=self.registry, states=list(PHASES)
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"ringrift_{name}", text, (*LABELS, *labels), registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ringrift_{name}", text, (*LABELS, *labels), registry=self.registry)

    def _count(self, name: str, amount: float) -> None:
        self._totals[name] += amount
        self._counters[name].labels(**self._labels).inc(amount)

    def _set(self, gauge: Gauge, value: Any, **labels: str) -> None:
        gauge.labels(**self._labels, **labels).set(math.nan if value is None else value)

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        self._set(self._wanted, self._learner.samples_per_row)
        for event in happened:
            self.event(event)
        for record in records:
            self._add(record)
        self._now()

    def phase(self, name: str) -> None:
        self._phase.labels(**self._labels).state(name)

    def iteration(self, record: dict[str, Any]) -> None:
        self._add(record)
        self._now()

    def event(self, event: Event) -> None:
        untrained = isinstance(event, ModelPromoted) and event.version == 0
        for name, (counted, _) in EVENTS.items():
            if event.kind() == counted and not untrained:
                self._count(name, 1)
        if isinstance(event, Alert):
            self._alerts.labels(**self._labels, what=event.what).inc()
        elif isinstance(event, RunStarted):
            self._info.clear()
            self._set(self._info, 1, device=event.device, preset=event.preset)
        elif isinstance(event, ModelPromoted):
            self._set(self._gauges["champion_version"], event.version)
            self._set(self._gauges["champion_elo"], event.elo)
            low, high = event.interval or (None, None)
            for which, value in (("elo", event.elo_improvement), ("low", low), ("high", high)):
                self._set(self._promotion[which], value)

    def close(self) -> None:
        pass

    def _add(self, record: dict[str, Any]) -> None:
        for name, (key, _) in GAUGES.items():
            self._set(self._gauges[name], record.get(key))
        for name, (key, _) in KEPT.items():
            if record.get(key) is not None:
                self._set(self._gauges[name], record[key])
        for name, (key, _) in COUNTERS.items():
            self._count(name, record.get(key) or 0)
        for name, (key, _) in SEEN.items():
            self._count(name, max(0, (record.get(key) or 0) - self._totals[name]))
        self._count("positions_consumed", record["samples"])
        generated = self._totals["positions_generated"]
        self._set(self._ratio, self._totals["positions_consumed"] / generated if generated else None)
        self._set(self._fill, record["trainable_rows"] / self._rows)
        for gate, result in record["gates"].items():
            self._set(self._passed, result["passed"], gate=gate)
            self._set(self._value, result["value"], gate=gate)

    def _now(self) -> None:
        self._set(self._timestamp, time.time())
        for device in jax.local_devices():
            stats = device.memory_stats() or {}
            for kind, key in (("in_use", "bytes_in_use"), ("peak", "peak_bytes_in_use"), ("limit", "bytes_limit")):
                if key in stats:
                    self._set(self._memory, stats[key], device=str(device.id), kind=kind)
        self._set(self._resident, _resident())


def _resident() -> float | None:
    """Bytes of main memory that this process has; None where the system has no /proc."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next((1024.0 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), None)


class Server:
    """Serves the metrics of a registry at ``url``. OSError if the port cannot be used."""

    def __init__(self, registry: CollectorRegistry, port: int, address: str):
        self._server, self._thread = start_http_server(port, address, registry)
        self.url = f"http://{address}:{self._server.server_port}/metrics"

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None: ...
    def phase(self, name: str) -> None: ...
    def iteration(self, record: dict[str, Any]) -> None: ...
    def event(self, event: Event) -> None: ...

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TextFile:
    """Keeps the metrics of a registry in a file, which is replaced as a whole."""

    def __init__(self, registry: CollectorRegistry, path: Path):
        self._registry, self._path = registry, path

    def _write(self) -> None:
        write_to_textfile(str(self._path), self._registry)

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        self._write()

    def phase(self, name: str) -> None:
        self._write()

    def iteration(self, record: dict[str, Any]) -> None:
        self._write()

    def event(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass
