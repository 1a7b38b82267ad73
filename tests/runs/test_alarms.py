"""Alerts of a training run: numbers that are not finite, loss spikes, exploding gradients, and nothing else."""

import pytest

from ringrift_jax.runs.alarms import FEWEST, alarms


def line(iteration: int, loss: float | None = 2.0, gradient: float | None = 0.5, skipped: int = 0):
    return {"iteration": iteration, "loss": loss, "gradient": gradient, "skipped_steps": skipped}


STEADY = [line(i, 2 + 0.1 * (i % 3), 0.5 + 0.1 * (i % 2)) for i in range(12)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (line(12, 2.4, 0.9), []),
        (line(12, None, None), []),
        (line(12, 3.5, 0.9), ["loss_spike"]),
        (line(12, 2.0, 8.0), ["gradient_explosion"]),
        (line(12, 9.0, 80.0, 3), ["not_finite", "loss_spike", "gradient_explosion"]),
    ],
)
def test_alerts(now, expected):
    found = list(alarms(now, STEADY))
    assert [alert.what for alert in found] == expected
    assert all(alert.iteration == 12 for alert in found)


def test_the_beginning_of_learning_raises_no_alert():
    before = [line(i, None, None) for i in range(8)] + [line(8 + i, 1.0, 0.1) for i in range(FEWEST - 1)]
    assert list(alarms(line(12, 5.0, 5.0), before)) == []
    assert len(list(alarms(line(13, 5.0, 5.0), [*before, line(12, 1.0, 0.1)]))) == 2


def test_steps_are_counted_once():
    before = [*STEADY, line(12, skipped=3)]
    assert list(alarms(line(13, skipped=3), before)) == []
    (alert,) = alarms(line(13, skipped=5), before)
    assert alert.message.startswith("2 optimiser steps")
    (alert,) = alarms(line(1, skipped=4), [])
    assert alert.message.startswith("4 optimiser steps")
