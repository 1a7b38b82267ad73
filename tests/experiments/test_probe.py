"""Before a run: what it would need, and what to change when memory runs out."""

import re

import pytest
import toy_runs
from jax.errors import JaxRuntimeError

from experiments import train
from experiments.measure import probe
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.runs.memory import KNOBS, memory, out_of_memory
from ringrift_jax.runs.run import Run


def test_a_dry_run_says_what_a_run_needs_and_writes_nothing(tmp_path, monkeypatch, capsys):
    toy_runs.use_toy_game(monkeypatch)
    monkeypatch.chdir(tmp_path)
    train.main([*toy_runs.PROMOTING, "--dry-run"])
    said = capsys.readouterr().out
    for pattern in (
        r"memory +\d[\d.]* [kM]?B on each of 2 devices: replay .*, games .*, computing .*, network ",
        r"network +[\d,]+ parameters",
        r"compiling +[\d.]+ s",
        r"peak +[\d.]+ [kM]B a device",
        r"iteration +[\d.]+ s for 128 decisions, with \d+ steps of learning; the last of \d",
        r"speed +[\d,]+ decisions/s, [\d.]+ games/s of \d+ decisions, as the first \d+ games had; every 1 iterations",
    ):
        assert re.search(pattern, said), pattern
    assert list(tmp_path.iterdir()) == []


def test_a_probe_ends_though_nothing_is_learned(monkeypatch, capsys):
    toy_runs.use_toy_game(monkeypatch)
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
    train.main([*toy_runs.PROMOTING, "--dry-run", "--gates.min-entropy", "100"])
    assert "without learning, for which there were too few games; the last of 1\n" in capsys.readouterr().out


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_too_much_is_refused_with_the_setting_to_change(dry, tmp_path, monkeypatch, capsys):
    """A hundred million blocks of 16 rows are more than most machines have."""
    toy_runs.use_toy_game(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        train.main([*toy_runs.PROMOTING, *dry, "--learner.replay-blocks", "100_000_000", "--run-dir", str(tmp_path)])
    error = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2 and ", and there are " in error and "learner.replay_blocks makes it smaller" in error


def test_too_many_positions_are_refused(capsys):
    with pytest.raises(SystemExit):
        train.main([*toy_runs.PROMOTING, "--learner.replay-blocks", "1_000_000_000"])
    assert "16000000000 positions; it must be less than 2147483648" in capsys.readouterr().err


def test_every_part_of_the_memory_has_its_setting():
    config = RunConfig("square8", loop=preset("tiny", "square8"))
    run = Run(config)
    sizes = memory(run.env, run.abstract, config.loop)
    assert sizes.keys() == KNOBS.keys()
    message = out_of_memory(JaxRuntimeError("RESOURCE_EXHAUSTED: 8 GB"), config)
    assert message and "out of memory" in message
    assert out_of_memory(JaxRuntimeError("INTERNAL: something else"), config) is None
