"""The dashboard for Grafana, ``dashboard.json``, made from the table of metrics."""

import json
from dataclasses import dataclass
from string import Formatter
from typing import Any

from .. import metrics
from ..metrics import Metric

ROWS = {
    "Run": ("run",),
    "Throughput": ("throughput", "other"),
    "Learning": ("learning", "search"),
    "Strength": ("strength",),
    "Gates and data": ("gates", "data"),
    "Machine": ("machine",),
}
"""Rows of the dashboard and the sections of the table that are in them."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Of a row, in Grafana's units."""


@dataclass(frozen=True)
class Panel:
    """Metrics that are shown together, or otherwise than as a curve.

    Attributes:
      title: above it.
      shows: expressions of PromQL by what the legend calls them after the run. ``{name}`` is a metric of the table.
      description: a sentence or part of one.
      type: of Grafana.
    """

    title: str
    shows: dict[str, str]
    description: str
    type: str = "timeseries"

    @property
    def names(self) -> list[str]:
        """Names of the metrics in it, the first one first."""
        return [name for text in self.shows.values() for _, name, _, _ in Formatter().parse(text) if name]


PANELS = (
    Panel("Iterations", {"": "{iteration}"}, "Iterations done", "stat"),
    Panel("Phase", {"": "{phase} == 1"}, "What the process does now", "stat"),
    Panel(
        "Since the last iteration",
        {"": "time() - {last_iteration_timestamp_seconds}"},
        "Time since it ended, or since the process started",
        "stat",
    ),
    Panel("Runs", {"": "{run_info}"}, "Board, players, preset and device", "table"),
    Panel(
        "Games and positions",
        {
            "games": "{games}",
            "positions generated": "{decisions}",
            "positions consumed": "{samples}",
            "games that decided arenas": "{arena_games}",
        },
        "In all",
    ),
    Panel(
        "Positions consumed to generated",
        {"": "{consumed_per_generated}", "wanted": "{consumed_per_generated_target}"},
        "Follows learner.samples_per_row once there is enough to learn from",
    ),
    Panel(
        "Policy loss",
        {"policy": "{policy_loss}", "target entropy": "{target_entropy}"},
        "Cannot fall below the entropy of its targets",
    ),
    Panel(
        "Value loss",
        {"all": "{value_loss}", "no win in the turn": "{barren_value_loss}"},
        "1 is what a constant gets in a game of 2 players",
    ),
    Panel(
        "Optimiser steps", {"steps": "{steps}", "skipped": "{skipped_steps}"}, "In all; skipped ones were not finite"
    ),
    Panel(
        "Search",
        {"depth": "{mean_depth}", "overflows": "{overflow}"},
        "Mean depth; positions with more legal actions than slots",
    ),
    Panel(
        "Last promotion",
        {"": "{promotion_elo}", "low": "{promotion_elo_low}", "high": "{promotion_elo_high}"},
        "Elo over the champion before, 95 % interval, by games that had no part in the promotion",
    ),
    Panel(
        "Arena",
        {"": "{arena_score}", "low": "{arena_score} - {arena_error}", "high": "{arena_score} + {arena_error}"},
        "Score of the network against the champion, plus and minus its standard error",
    ),
    Panel("Champion", {"": "{champion}"}, "Version", "stat"),
    Panel(
        "Elo of the champion",
        {"": "{champion_elo}"},
        "Summed over promotions, each measured against the champion before only",
    ),
    Panel(
        "Verdicts",
        {"promotions": "{promotions}", "rejections": "{rejections}", "rollbacks": "{rollbacks}"},
        "In all",
    ),
    Panel("Rejected data and alerts", {"data rejections": "{data_rejections}", "": "{alerts}"}, "In all"),
    Panel(
        "Replay ring, rows",
        {"complete": "{trainable_rows}", "lost": "{lost_rows}"},
        "Rows of finished games; rows overwritten before their game ended",
    ),
    Panel(
        "Main memory of the process",
        {"resident": "{process_resident_memory_bytes}", "virtual": "{process_virtual_memory_bytes}"},
        "The virtual part need not be there",
    ),
    Panel("Open files", {"open": "{process_open_fds}", "most": "{process_max_fds}"}, "Of the process"),
    Panel("Age of the process", {"": "time() - {process_start_time_seconds}"}, "Since it began", "stat"),
)
"""A metric in none of these has a panel of its own, with its name and help."""


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    panels: list[dict[str, Any]] = []
    by_name = {metric.name: metric for metric in metrics.exported()}
    grouped = {name: panel for panel in PANELS for name in panel.names}
    y = 0
    for title, sections in ROWS.items():
        panels.append(
            {
                "type": "row",
                "id": len(panels) + 1,
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
                "panels": [],
            }
        )
        own = [metric for metric in by_name.values() if metric.section in sections]
        found = [grouped.get(metric.name) or _alone(metric) for metric in own]
        shown = [panel for metric, panel in zip(own, found, strict=True) if panel.names[0] == metric.name]
        x, y, line = 0, y + 1, 0
        for panel in shown:
            width, height = (8, 8) if panel.type == "timeseries" else (6, 5)
            if x + width > WIDTH:
                x, y, line = 0, y + line, 0
            place = {"h": height, "w": width, "x": x, "y": y}
            panels.append({"id": len(panels) + 1, "gridPos": place} | _panel(panel, by_name))
            x, line = x + width, max(line, height)
        y += line
    return {
        "title": "RingRift training",
        "uid": "ringrift-training",
        "tags": ["ringrift"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
                {
                    "name": "run",
                    "type": "query",
                    "label": "Run",
                    "datasource": SOURCE,
                    "query": {"query": f"label_values({by_name['iteration'].prometheus}, run)", "refId": "run"},
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".*",
                    "refresh": 2,
                    "sort": 1,
                    "current": {"text": "All", "value": "$__all"},
                },
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "promotions",
                    "enable": True,
                    "iconColor": "green",
                    "datasource": SOURCE,
                    "expr": f"changes({_of_run(by_name['champion'])}[$__interval]) > 0",
                    "titleFormat": "{{run}} has a new champion",
                }
            ]
        },
        "panels": panels,
    }


def text() -> str:
    """What ``dashboard.json`` has to hold."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _of_run(metric: Metric) -> str:
    return f'{metric.prometheus}{{run=~"$run"}}'


def _alone(metric: Metric) -> Panel:
    title = (metric.exported or metric.name).replace("_", " ").capitalize()
    return Panel(title, {"": f"{{{metric.name}}}"}, metric.help.removesuffix("."))


def _panel(panel: Panel, by_name: dict[str, Metric]) -> dict[str, Any]:
    table = {"format": "table", "instant": True} if panel.type == "table" else {}
    expressions = {name: _of_run(by_name[name]) for name in panel.names}
    targets = []
    for letter, (called, expression) in zip("ABCDEFGH", panel.shows.items(), strict=False):
        labels = [
            f"{{{{{label}}}}}" for name in Formatter().parse(expression) if name[1] for label in by_name[name[1]].labels
        ]
        legend = "" if table else " ".join(["{{run}}", *([called] if called else []), *labels])
        target = {"refId": letter, "datasource": SOURCE, "expr": expression.format_map(expressions)}
        targets.append(target | {"legendFormat": legend} | table)
    options = {"options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name"}}
    return {
        "type": panel.type,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": by_name[panel.names[0]].unit}, "overrides": []},
        "targets": targets,
    } | (options if panel.type == "stat" else {})
