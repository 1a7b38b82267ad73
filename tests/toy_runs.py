"""Training runs of a small game in place of the board, in this process and in others."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
from toy_game import ToyGame

from experiments import train
from experiments.run_directory import TIMINGS
from ringrift_jax import events
from ringrift_jax.config import RunConfig

TESTS = Path(__file__).parent
CACHE = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
PROMOTING = [
    *("square8", "--preset", "tiny", "--network.channels", "4", "--search.simulations", "2"),
    *("--search.considered", "2", "--self-play.lanes", "4", "--self-play.chunk", "8", "--learner.min-rows", "8"),
    *("--arena.opening", "1", "--arena.every", "1", "--arena.confidence", "0", "--seed", "5"),
]
"""With this seed the network is promoted after iterations 3 and 4."""


def use_toy_game(monkeypatch) -> None:
    """Also keeps what is compiled where the other tests keep theirs."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", CACHE)
    jax.config.update("jax_compilation_cache_dir", CACHE)
    monkeypatch.setattr(RunConfig, "make_env", lambda self: ToyGame(heap=13))


def run(path: Path, *more: str) -> None:
    train.main([*PROMOTING, "--run-dir", str(path), *more])


def run_elsewhere(path: Path, *more: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The same in another process, which first does what ``before`` says."""
    code = (
        "from toy_game import ToyGame\nfrom experiments import train\nfrom ringrift_jax.config import RunConfig\n"
        f"RunConfig.make_env = lambda self: ToyGame(heap=13)\n{before}\n"
        f"train.main({[*PROMOTING, '--run-dir', str(path), *more]})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def without_timings(path: Path) -> list[dict]:
    return [{name: value for name, value in record.items() if name not in TIMINGS} for record in records(path)]


def stories(path: Path) -> list[events.Event]:
    """What happened to the models, without when processes began and ended and how long things took."""
    happened = [event for event in events.read(path) if not isinstance(event, events.RunStarted | events.RunStopped)]
    return [replace(e, seconds=0) if isinstance(e, events.IterationFinished) else e for e in happened]
