"""Metrics of a training run for Prometheus, served over HTTP or written to a file for the node exporter.

Every metric has the labels ``run`` (name of the run's directory), ``board`` and ``players``. Totals are those of the
whole run: they are counted again from its files when it goes on.
"""

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server, write_to_textfile
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ...learning.config import RunConfig
from .. import metrics as measured
from ..events import Alert, Event, ModelPromoted, RunStarted
from ..metrics import Metric
from . import PHASES

LABELS = ("run", "board", "players")


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
        own = [metric for metric in (*measured.METRICS, *measured.OTHERS) if metric.prometheus]
        self._metrics = {metric.name: self._make(metric) for metric in own}
        self._totals = {metric.name: 0.0 for metric in own if metric.type == "counter"}
        for metric in own:
            if metric.type == "counter" and not metric.labels:
                self._count(metric.name, 0)  # without a first value the first increase would not be seen
        self.registry.register(_Process(self._labels))

    def _make(self, metric: Metric) -> Any:
        name = f"ringrift_{metric.exported or metric.name}"
        if metric.type == "enum":
            return Enum(name, metric.help, LABELS, registry=self.registry, states=list(PHASES))
        cls = Counter if metric.type == "counter" else Gauge
        return cls(name, metric.help, (*LABELS, *metric.labels), registry=self.registry)

    def _count(self, name: str, amount: float, **labels: str) -> None:
        self._totals[name] += amount
        self._metrics[name].labels(**self._labels, **labels).inc(amount)

    def _set(self, name: str, value: Any, **labels: str) -> None:
        self._metrics[name].labels(**self._labels, **labels).set(math.nan if value is None else value)

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        self._set("consumed_per_generated_target", self._learner.samples_per_row)
        for event in happened:
            self.event(event)
        for record in records:
            self._add(record)
        self._now()

    def phase(self, name: str) -> None:
        self._metrics["phase"].labels(**self._labels).state(name)

    def iteration(self, record: dict[str, Any]) -> None:
        self._add(record)
        self._now()

    def event(self, event: Event) -> None:
        first = isinstance(event, ModelPromoted) and event.version == 0
        for metric in measured.OTHERS:
            if metric.event == event.kind() and not first:
                self._count(metric.name, 1)
        if isinstance(event, Alert):
            self._count("alerts", 1, what=event.what)
        elif isinstance(event, RunStarted):
            self._metrics["run_info"].clear()
            self._set("run_info", 1, device=event.device, preset=event.preset)
        elif isinstance(event, ModelPromoted):
            self._set("champion", event.version)
            self._set("champion_elo", event.elo)
            low, high = event.interval or (None, None)
            for suffix, value in (("", event.elo_improvement), ("_low", low), ("_high", high)):
                self._set(f"promotion_elo{suffix}", value)

    def close(self) -> None:
        pass

    def _add(self, record: dict[str, Any]) -> None:
        for metric in measured.METRICS:
            value = record.get(metric.name)
            if not metric.prometheus or (metric.kind == "last" and value is None):
                continue
            if metric.kind == "counter":
                self._count(metric.name, value or 0)
            elif metric.kind == "total":
                self._count(metric.name, max(0, (value or 0) - self._totals[metric.name]))
            else:
                self._set(metric.name, value)
        generated = self._totals["decisions"]
        self._set("consumed_per_generated", self._totals["samples"] / generated if generated else None)
        self._set("replay_fill", record["trainable_rows"] / self._rows)
        for gate, result in record["gates"].items():
            self._set("gate_passed", result["passed"], gate=gate)
            self._set("gate_value", result["value"], gate=gate)

    def _now(self) -> None:
        self._set("last_iteration_timestamp_seconds", time.time())
        for device in jax.local_devices():
            stats = device.memory_stats() or {}
            for kind, key in (("in_use", "bytes_in_use"), ("peak", "peak_bytes_in_use"), ("limit", "bytes_limit")):
                if key in stats:
                    self._set("device_memory_bytes", stats[key], device=str(device.id), kind=kind)


class _Process(Collector):
    """What prometheus_client knows of the process, with the labels of the run."""

    def __init__(self, labels: dict[str, str]):
        self._labels, self._collector = labels, ProcessCollector(namespace="ringrift", registry=None)

    def collect(self) -> Iterable[Family]:
        for family in self._collector.collect():
            family.samples = [sample._replace(labels=sample.labels | self._labels) for sample in family.samples]
            yield family


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
