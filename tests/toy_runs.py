"""Training runs of a small game in place of the board, in this process and in others."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from toy_game import ToyGame

from experiments import ingest, selfplay, train
from experiments.run_directory import TIMINGS
from ringrift_jax import events, exports
from ringrift_jax.config import RunConfig
from ringrift_jax.exports import PlayedGame
from ringrift_jax.parity import Parity

TESTS = Path(__file__).parent
PROMOTING = [
    *("square8", "--preset", "tiny", "--network.channels", "4", "--search.simulations", "2"),
    *("--search.considered", "2", "--self-play.lanes", "4", "--self-play.chunk", "8", "--learner.min-rows", "8"),
    *("--arena.opening", "1", "--arena.every", "1", "--arena.test.error-rate", "0.45", "--seed", "5"),
    *("--gates.min-unique", "0", "--gates.max-seat-share", "1"),
]
"""With this seed the network is promoted after iterations 3 and 4."""


def use_toy_game(monkeypatch) -> None:
    monkeypatch.setattr(RunConfig, "make_env", lambda self: ToyGame(heap=13))
    monkeypatch.setattr(exports, "make", lambda board, **options: ToyGame(heap=13))
    for module in ingest, selfplay:
        monkeypatch.setattr(module, "check", check)


def check(env: ToyGame, games: Sequence[PlayedGame], **provenance: object) -> Parity:
    """Plays games of the small game again, as the reference does with those of the boards; there are no records."""
    for game in games:
        state = env.init()
        for ply, action in enumerate(game.actions):
            if int(state.heap) != game.states.heap[ply] or not env.legal_action_mask(state)[action]:
                return Parity(len(games), [], f"decision {ply}, heap {game.states.heap[ply]}")
            state = env.step(state, action)
        if not state.is_over or state.rewards.tolist() != game.rewards.tolist():
            return Parity(len(games), [], f"the rewards are {game.rewards.tolist()}")
    return Parity(len(games), [], None)


def run(path: Path, *more: str) -> None:
    train.main([*PROMOTING, "--run-dir", str(path), *more])


def run_elsewhere(path: Path, *more: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The same in another process, which first does what ``before`` says."""
    code = (
        "from pytest import MonkeyPatch\nfrom toy_runs import use_toy_game\nfrom experiments import train\n"
        f"use_toy_game(MonkeyPatch())\n{before}\n"
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
