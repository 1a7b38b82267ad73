"""When a training run calls for a person: by comparison with its last iterations."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from .events import Alert

WINDOW = 20
"""Iterations to compare with."""

FEWEST = 5
"""With fewer that learned something nothing is compared, because the beginning of learning is not steady."""

LOSS_SPIKE = 1.5
GRADIENT_EXPLOSION = 10.0
"""How many times the median of the last iterations is too much."""


def alarms(record: dict[str, Any], before: Sequence[dict[str, Any]]) -> Iterator[Alert]:
    """What is wrong with an iteration.

    Args:
      record: its line of ``metrics.jsonl``.
      before: the lines before, the last of them at the end; up to :data:`WINDOW` are used.
    """
    iteration = record["iteration"]
    skipped = record["skipped_steps"] - (before[-1]["skipped_steps"] if before else 0)
    if skipped:
        yield Alert(iteration, "not_finite", f"{skipped} optimiser steps gave no finite numbers and were not applied")
    for name, key, limit in (
        ("loss_spike", "loss", LOSS_SPIKE),
        ("gradient_explosion", "gradient", GRADIENT_EXPLOSION),
    ):
        known = [line[key] for line in before[-WINDOW:] if line[key] is not None]
        if record[key] is None or len(known) < FEWEST:
            continue
        usual = median(known)
        if record[key] > limit * usual:
            yield Alert(
                iteration, name, f"{key} {record[key]:.4g}, {record[key] / usual:.1f} times what is usual ({usual:.4g})"
            )
