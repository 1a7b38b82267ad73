"""Training runs of a small game in place of the board, in this process and in others."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from toy_game import ToyGame

from experiments import train
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.learning.games import PlayedGame
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.runs import events, exports, ingest, registry, workers
from ringrift_jax.runs.checkpoints import save_champion
from ringrift_jax.runs.directory import TIMINGS, RunDirectory
from ringrift_jax.runs.parity import Parity
from ringrift_jax.search.network import make_network

TESTS = Path(__file__).parent
CACHE = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
PROMOTING = [
    *("square8", "--preset", "tiny", "--network.channels", "4", "--search.simulations", "2"),
    *("--search.considered", "2", "--self-play.lanes", "16", "--self-play.chunk", "8", "--learner.min-rows", "8"),
    *("--learner.learning-rate", "0.01", "--arena.opening", "1", "--arena.every", "1"),
    *("--arena.test.error-rate", "0.5", "--gates.min-unique", "0", "--gates.max-seat-share", "1"),
    *("--gates.parity-games", "0", "--seed", "23"),
]
"""With this seed the network is promoted in iterations 3 and 4, and twice training rolls back."""


def use_toy_game(monkeypatch) -> None:
    """Also keeps what is compiled where the other tests keep theirs."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", CACHE)
    jax.config.update("jax_compilation_cache_dir", CACHE)
    monkeypatch.setattr(RunConfig, "make_env", lambda self: ToyGame(heap=13))
    monkeypatch.setattr(exports, "make", lambda board, **options: ToyGame(heap=13))
    for module in ingest, workers:
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


def make_run(path: Path, *more: str) -> RunConfig:
    """A directory as of a run that has not begun, with its settings and the untrained network."""
    _, others = tyro.cli(train.Args, args=[*PROMOTING, *more], return_unknown_args=True)
    loop = tyro.cli(LoopConfig, args=others, default=preset("tiny", "square8"))
    config = RunConfig("square8", seed=5, loop=loop)
    RunDirectory(path).open(config).lock.release()
    promote(path, config, 0)
    return config


def promote(path: Path, config: RunConfig, version: int) -> None:
    """Makes a network of random parameters the next champion, as training does."""
    env, known = config.make_env(), registry.champions(path)
    params = make_network(env, config.loop.network).init(
        jax.random.key(version), jnp.zeros((1, *env.observation_shape))
    )
    save_champion(path / "champions", version, config, params)
    parent = known[-1] if known else None
    events.EventLog(path).append(registry.promotion(config, parent, version, 10 * version, 0.5, 0.1, groups=20))


def toy_game(seed: int, slots: int = 6, model: str = "champion 1") -> PlayedGame:
    """A random game of the small game, with policies that are as good as any."""
    rng, env = np.random.default_rng(seed), ToyGame(heap=13)
    states, actions, state = [], [], env.init()
    while not state.is_over:
        states.append(jax.device_get(state))
        actions.append(int(rng.choice(np.flatnonzero(env.legal_action_mask(state)))))
        state = env.step(state, actions[-1])
    slot_actions = np.full((len(actions), slots), -1, np.int16)
    slot_actions[:, 0] = actions
    return PlayedGame(
        states=jax.tree.map(lambda *leaves: np.stack(leaves), *states),
        actions=np.array(actions, np.int32),
        slot_actions=slot_actions,
        slot_weights=np.eye(slots, dtype=np.float16)[np.zeros(len(actions), int)],
        surprise=rng.random(len(actions)).astype(np.float16),
        rewards=np.asarray(state.rewards),
        lane=seed,
        number=0,
        first_iteration=1,
        last_iteration=len(actions),
        models=(model, model),
    )
