"""Everything that is measured of a training run: the one place where a metric is declared.

A line of ``metrics.jsonl``, the scalars of TensorBoard, what Prometheus is served, the panels of the dashboard and the
tables of docs/monitoring.md are loops over the tables here.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import jax

from ..learning.loop import LoopConfig, Metrics
from ..notation import PHASE_NAMES

Kind = Literal["gauge", "last", "counter", "total", "enum", "text"]

HIDDEN = ""
"""In place of a name for Prometheus: it is not told."""


@dataclass(frozen=True)
class Metric:
    """One thing that is measured.

    Attributes:
      name: its key in a line of ``metrics.jsonl``; of :data:`OTHERS` its name for Prometheus.
      section: of TensorBoard and of the dashboard.
      kind: ``gauge``, the value of the iteration; ``last``, a gauge that stays as it is in iterations without a value;
        ``counter``, the amount of the iteration, which Prometheus sums up; ``total``, a counter that is summed up
        already; ``enum``, one of several states; ``text``, which no monitor shows.
      help: a sentence for people.
      unit: as Grafana calls it: ``s``, ``bytes``, ``percentunit``, ``short`` for counts that become large.
      read: what it is, from the metrics of an iteration on the host, the settings, and the seconds it took; None when
        that is not known there: :class:`~ringrift_jax.runs.history.History` adds it, or a monitor.
      timing: whether it differs when a run is repeated.
      exported: its name for Prometheus without ``ringrift_`` and ``_total``; None for ``name``, or :data:`HIDDEN`.
      labels: of Prometheus beyond those that every metric has.
      event: kind of the events that a counter counts.
    """

    name: str
    section: str
    kind: Kind
    help: str
    unit: str = "none"
    read: Callable[[Metrics, LoopConfig, float], Any] | None = None
    timing: bool = False
    exported: str | None = None
    labels: tuple[str, ...] = ()
    event: str | None = None

    @property
    def tag(self) -> str | None:
        """Of TensorBoard, whose steps are the iterations."""
        return None if self.kind == "text" or self.name == "iteration" else f"{self.section}/{self.name}"

    @property
    def prometheus(self) -> str | None:
        """Its name for Prometheus, as a person looks for it."""
        if self.exported == HIDDEN or self.kind == "text":
            return None
        return f"ringrift_{self.exported or self.name}" + ("_total" if self.kind in ("counter", "total") else "")

    @property
    def type(self) -> str:
        """What Prometheus calls its kind."""
        return {"last": "gauge", "total": "counter"}.get(self.kind, self.kind)


def _decisions(config: LoopConfig) -> int:
    return config.self_play.lanes * config.self_play.chunk


def _verdict(got: Metrics) -> str | None:
    if not got.arena.read.groups:
        return None
    return "promoted" if got.promoted else "rolled_back" if got.rolled_back else "rejected"


def _entropies(got: Metrics) -> dict[str, float | None]:
    phases = zip(PHASE_NAMES.values(), got.gates.entropy, got.gates.choices, strict=False)
    return {name: plain(entropy) if choices else None for name, entropy, choices in phases}


def _gates(got: Metrics) -> dict[str, dict[str, Any]]:
    return {
        name: gate(result.value if result.judged else None, result.passed) for name, result in got.gates.results.items()
    }


METRICS = (
    Metric("iteration", "run", "gauge", "Iterations done.", read=lambda got, *_: got.iteration),
    Metric(
        "games", "throughput", "counter", "Finished games of self-play.", "short", lambda got, *_: got.self_play.games
    ),
    Metric(
        "decisions",
        "throughput",
        "counter",
        "Decisions of self-play.",
        "short",
        read=lambda got, config, _: _decisions(config),
        exported="positions_generated",
    ),
    Metric(
        "game_length",
        "throughput",
        "gauge",
        "Mean decisions of the games that ended in the last iteration.",
        read=lambda got, *_: got.self_play.decisions / got.self_play.games if got.self_play.games else None,
    ),
    Metric(
        "shortest_game",
        "other",
        "gauge",
        "Decisions of the shortest of them.",
        read=lambda got, *_: got.self_play.shortest if got.self_play.games else None,
        exported=HIDDEN,
    ),
    Metric(
        "longest_game",
        "other",
        "gauge",
        "Decisions of the longest of them.",
        read=lambda got, *_: got.self_play.longest if got.self_play.games else None,
        exported=HIDDEN,
    ),
    Metric(
        "mean_depth",
        "search",
        "gauge",
        "Mean depth of the search in the last iteration.",
        read=lambda got, *_: got.self_play.mean_depth,
        exported="search_depth",
    ),
    Metric(
        "max_depth",
        "search",
        "gauge",
        "Depth of its deepest simulation.",
        read=lambda got, *_: got.self_play.max_depth,
        exported=HIDDEN,
    ),
    Metric(
        "overflow",
        "search",
        "counter",
        "Nodes of search trees with more legal actions than slots.",
        "short",
        read=lambda got, *_: got.self_play.overflow,
        exported="overflows",
    ),
    Metric(
        "entropy_by_phase",
        "search",
        "text",
        "Mean entropy of the search's policies by phase, in nats.",
        read=lambda got, *_: _entropies(got),
    ),
    Metric(
        "gates",
        "gates",
        "text",
        "What each quality gate measured, and whether it passed.",
        read=lambda got, *_: _gates(got),
    ),
    Metric(
        "data_rejected",
        "data",
        "gauge",
        "Whether a gate rejected the games of the iteration.",
        read=lambda got, *_: not got.gates.passed,
        exported=HIDDEN,
    ),
    Metric(
        "trainable_rows",
        "data",
        "gauge",
        "Rows of finished games in the replay ring, which can be learned from.",
        unit="short",
        read=lambda got, *_: got.trainable_rows,
        exported="replay_trainable_rows",
    ),
    Metric(
        "lost_rows",
        "data",
        "total",
        "Rows of the replay ring overwritten before their game ended.",
        "short",
        read=lambda got, *_: got.lost_rows,
    ),
    Metric(
        "steps",
        "learning",
        "counter",
        "Optimiser steps, those skipped included.",
        "short",
        read=lambda got, *_: got.steps,
        exported="optimizer_steps",
    ),
    Metric(
        "samples",
        "learning",
        "counter",
        "Positions learned from, with repetitions.",
        "short",
        read=lambda got, config, _: got.steps * config.learner.batch_size,
        exported="positions_consumed",
    ),
    Metric(
        "skipped_steps",
        "learning",
        "total",
        "Optimiser steps not applied because they were not finite.",
        "short",
        read=lambda got, *_: got.skipped,
    ),
    Metric(
        "loss",
        "learning",
        "gauge",
        "Loss, mean over the steps of the last iteration; NaN when nothing was learned.",
        read=lambda got, *_: got.losses.loss if got.steps else None,
    ),
    Metric(
        "policy_loss",
        "learning",
        "gauge",
        "Its part for the policy.",
        read=lambda got, *_: got.losses.policy_loss if got.steps else None,
    ),
    Metric(
        "target_entropy",
        "learning",
        "gauge",
        help="Entropy of the policy targets, below which the policy loss cannot fall.",
        read=lambda got, *_: got.losses.target_entropy if got.steps else None,
    ),
    Metric(
        "value_loss",
        "learning",
        "gauge",
        "Its part for the values, unweighted.",
        read=lambda got, *_: got.losses.value_loss if got.steps else None,
    ),
    Metric(
        "barren_value_loss",
        "learning",
        "gauge",
        "That of the values where the mover did not win in the same turn, by which whole turns are judged.",
        read=lambda got, *_: got.losses.barren_value_loss / got.losses.barren if got.steps else None,
    ),
    Metric(
        "gradient",
        "learning",
        "gauge",
        "Norm of the gradient before it is limited.",
        read=lambda got, *_: got.losses.gradient if got.steps else None,
        exported="gradient_norm",
    ),
    Metric(
        "arena_score",
        "strength",
        "last",
        help="Mean score of the network against the champion in the games that decided the last arena, in [-1, 1].",
        read=lambda got, *_: got.arena.read.mean if got.arena.read.groups else None,
    ),
    Metric(
        "arena_error",
        "strength",
        "last",
        "Standard error of that score.",
        read=lambda got, *_: got.arena.read.error if got.arena.read.groups > 1 else None,
    ),
    Metric(
        "arena_games",
        "strength",
        "counter",
        "Games that decided arenas.",
        "short",
        lambda got, *_: got.arena.read.groups * len(got.self_play.wins),
    ),
    Metric(
        "gain_score",
        "strength",
        "last",
        help="Mean score of the last network that was promoted, in the games of its arena that had no part in that.",
        read=lambda got, *_: got.arena.gain.mean if got.promoted else None,
    ),
    Metric(
        "gain_error",
        "strength",
        "last",
        "Standard error of that score.",
        read=lambda got, *_: got.arena.gain.error if got.promoted else None,
    ),
    Metric(
        "gain_games",
        "strength",
        "counter",
        "Games of arenas from which that comes.",
        "short",
        lambda got, *_: got.arena.gain.groups * len(got.self_play.wins),
    ),
    Metric(
        "arena_decisions",
        "strength",
        "gauge",
        "Decisions of the games of the arena.",
        read=lambda got, *_: got.arena.decisions,
        exported=HIDDEN,
    ),
    Metric(
        "verdict",
        "strength",
        "text",
        "Of the arena: `promoted`, `rejected` or `rolled_back`.",
        read=lambda got, *_: _verdict(got),
    ),
    Metric(
        "promoted",
        "strength",
        "gauge",
        "Whether the network became champion.",
        read=lambda got, *_: got.promoted,
        exported=HIDDEN,
    ),
    Metric(
        "champion",
        "strength",
        "gauge",
        "Version of the champion; 0 is the network that training began with.",
        read=lambda got, *_: got.version,
        exported="champion_version",
    ),
    Metric(
        "seconds",
        "throughput",
        "gauge",
        "Wall time of the last iteration.",
        "s",
        read=lambda got, config, seconds: round(seconds, 3),
        timing=True,
        exported="iteration_seconds",
    ),
    Metric(
        "games_per_second",
        "throughput",
        "gauge",
        help="Finished games of self-play per second in the last iteration.",
        read=lambda got, config, seconds: round(got.self_play.games / seconds, 3),
        timing=True,
    ),
    Metric(
        "decisions_per_second",
        "throughput",
        "gauge",
        help="Decisions of self-play per second in the last iteration.",
        read=lambda got, config, seconds: round(_decisions(config) / seconds, 1),
        timing=True,
    ),
    Metric("ingested_games", "other", "gauge", "Games of workers taken in before the iteration.", exported=HIDDEN),
    Metric("ingested_rows", "other", "gauge", "Their positions.", exported=HIDDEN),
    Metric("champion_elo", "strength", "gauge", "Elo of the champion, summed over its promotions."),
)
"""The keys of a line of ``metrics.jsonl``, in their order."""

OTHERS = (
    Metric("phase", "run", "enum", "1 for what the process does now.", labels=("ringrift_phase",)),
    Metric(
        "last_iteration_timestamp_seconds",
        "run",
        "gauge",
        help="When the last iteration ended or the process started, since 1970.",
        unit="s",
    ),
    Metric("run_info", "run", "gauge", "1, with the device and the preset.", labels=("device", "preset")),
    Metric("consumed_per_generated", "throughput", "gauge", "Positions consumed to positions generated, of all."),
    Metric(
        "consumed_per_generated_target",
        "throughput",
        "gauge",
        help="What learner.samples_per_row makes that ratio.",
    ),
    Metric(
        "promotions",
        "strength",
        "counter",
        "Networks that became champion, the first one not counted.",
        "short",
        event="model_promoted",
    ),
    Metric(
        "rejections",
        "strength",
        "counter",
        "Networks that did not beat the champion.",
        "short",
        event="candidate_rejected",
    ),
    Metric(
        "rollbacks",
        "strength",
        "counter",
        "Times the network being trained was set back to the champion.",
        "short",
        event="rolled_back",
    ),
    Metric(
        "promotion_elo",
        "strength",
        "gauge",
        help="Elo of the champion over the one before, by games that had no part in its promotion.",
    ),
    Metric("promotion_elo_low", "strength", "gauge", "Lower end of its 95 % interval."),
    Metric("promotion_elo_high", "strength", "gauge", "Upper end of its 95 % interval."),
    Metric("gate_passed", "gates", "gauge", "1 if the gate passed in the last iteration, else 0.", labels=("gate",)),
    Metric("gate_value", "gates", "gauge", "What the gate measured in the last iteration.", labels=("gate",)),
    Metric(
        "data_rejections",
        "gates",
        "counter",
        "Times a gate rejected the games of an iteration.",
        "short",
        event="data_rejected",
    ),
    Metric("alerts", "gates", "counter", "Alert events, by what they are about.", "short", labels=("what",)),
    Metric(
        "replay_fill",
        "data",
        "gauge",
        help="Share of the replay ring that can be learned from, in [0, 1].",
        unit="percentunit",
    ),
    Metric(
        "device_memory_bytes",
        "machine",
        "gauge",
        "Memory of a device: in_use, peak, limit.",
        "bytes",
        labels=("device", "kind"),
    ),
)
"""What Prometheus is told beyond them: sums of several, events, and how the process does."""

PROCESS = (
    Metric("process_resident_memory_bytes", "machine", "gauge", "Resident memory size in bytes.", "bytes"),
    Metric("process_virtual_memory_bytes", "machine", "gauge", "Virtual memory size in bytes.", "bytes"),
    Metric("process_cpu_seconds", "machine", "counter", "Total user and system CPU time spent in seconds.", "s"),
    Metric(
        "process_start_time_seconds",
        "machine",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
        "s",
    ),
    Metric("process_open_fds", "machine", "gauge", "Number of open file descriptors."),
    Metric("process_max_fds", "machine", "gauge", "Maximum number of open file descriptors."),
)
"""What prometheus_client knows of the process, on Linux only."""

TIMINGS = tuple(metric.name for metric in METRICS if metric.timing)
"""Keys of a line of ``metrics.jsonl`` that differ when a run is repeated."""


def exported() -> Iterator[Metric]:
    """What Prometheus is told."""
    return (metric for metric in (*METRICS, *OTHERS, *PROCESS) if metric.prometheus)


def to_record(metrics: Metrics, config: LoopConfig, seconds: float) -> dict[str, Any]:
    """The line of an iteration; None where there is nothing (nothing was learned, no arena) or no finite number.

    Args:
      metrics: of the iteration.
      config: of the loop.
      seconds: wall time it took.
    """
    got = jax.device_get(metrics)
    return {metric.name: plain(metric.read(got, config, seconds)) for metric in METRICS if metric.read}


def gate(value: Any, passed: Any) -> dict[str, Any]:
    """What a line says about a quality gate; the value is None where there was too little to judge."""
    return {"value": plain(value), "passed": plain(passed)}


def plain(value: Any) -> Any:
    """A Python number for a scalar of any kind, floats to six digits; None unless it is finite."""
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
