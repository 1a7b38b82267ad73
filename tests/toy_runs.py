"""Training runs of a small game in place of the board, in this process and in others."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro
from toy_game import ToyGame

from experiments import train
from ringrift_jax.devices import everywhere
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.learning.games import PlayedGame
from ringrift_jax.learning.gates import GatesConfig
from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig, LoopState, new_loop
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.players.arena import ArenaConfig
from ringrift_jax.players.sequential import SequentialConfig
from ringrift_jax.runs import events, exports, ingest, registry, workers
from ringrift_jax.runs.checkpoints import save_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.metrics import TIMINGS
from ringrift_jax.runs.parity import Parity
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig

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
FEW = ("--self-play.lanes", "4", "--arena.every", "2", "--gates.parity-games", "1")
"""Besides these: few games, an arena now and then, and the parity gate. A run with other settings is another program,
which takes long to compile; so most tests train with one of these two."""


GAME = ToyGame(heap=13)
ONE_DEVICE = LoopConfig(
    network=NetworkConfig(channels=8, blocks=1),
    search=SearchConfig(simulations=4, considered=3),
    self_play=SelfPlayConfig(lanes=16, chunk=16, opening=2),
    learner=LearnerConfig(replay_blocks=64, batch_size=32, min_rows=32, warmup=5, learning_rate=5e-3),
    # Decided by the first few pairs, one way or the other.
    arena=ArenaConfig(every=2, groups=16, held_out=8, opening=1, test=SequentialConfig(40, 40, error_rate=0.4)),
    gates=GatesConfig(min_unique=0.0, max_seat_share=1.0),
)
"""For tests of the loop without a run. With key 8 it learns, promotes and rolls back within 16 iterations."""


def begin(seed: int) -> LoopState:
    """The state before the first iteration, on its device like every later one: else the loop is compiled twice."""
    return jax.device_put(new_loop(GAME, ONE_DEVICE, jax.random.key(seed)), everywhere(None))


def use_toy_game(monkeypatch) -> None:
    monkeypatch.setattr(RunConfig, "make_env", lambda self: GAME)
    monkeypatch.setattr(exports, "make", lambda board, **options: GAME)
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
    process = start_elsewhere(path, *more, before=before)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def start_elsewhere(path: Path, *more: str, before: str = "", **variables: str) -> subprocess.Popen[str]:
    """Begins it, in an environment with these variables."""
    code = (
        "from pytest import MonkeyPatch\nfrom toy_runs import use_toy_game\nfrom experiments import train\n"
        f"use_toy_game(MonkeyPatch())\n{before}\n"
        f"train.main({[*PROMOTING, '--run-dir', str(path), *more]})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])} | variables
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, env=environment)


def host(state: Any) -> Any:
    """A copy, with the key as numbers."""
    return jax.tree.map(np.array, replace(state, key=jax.random.key_data(state.key)))


def assert_equal(a: Any, b: Any) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_array_equal(x, y)


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def without_timings(path: Path) -> list[dict]:
    return [{name: value for name, value in record.items() if name not in TIMINGS} for record in records(path)]


def stories(path: Path) -> list[events.Event]:
    """What happened to the models, without when processes began and ended and how long things took."""
    happened = [event for event in events.read(path) if not isinstance(event, events.RunStarted | events.RunStopped)]
    return [replace(e, seconds=0) if isinstance(e, events.IterationFinished) else e for e in happened]


def settings(*more: str) -> LoopConfig:
    """Those of :func:`run`."""
    _, others = tyro.cli(train.Args, args=[*PROMOTING, *more], return_unknown_args=True)
    return tyro.cli(LoopConfig, args=others, default=preset("tiny", "square8"))


def make_run(path: Path, *more: str) -> RunConfig:
    """A directory as of a run that has not begun, with its settings and the untrained network."""
    config = RunConfig("square8", seed=5, loop=settings(*more))
    RunDirectory(path).open(config).lock.release()
    promote(path, config, 0)
    return config


def promote(path: Path, config: RunConfig, version: int) -> None:
    """Makes a network of random parameters the next champion, as training does."""
    known = registry.champions(path)
    params = new_loop(config.make_env(), config.loop, jax.random.key(version)).champion
    save_champion(path / "champions", version, config, params)
    parent = known[-1] if known else None
    events.EventLog(path).append(registry.promotion(config, parent, version, 10 * version, 0.5, 0.1, groups=20))


def toy_game(seed: int, slots: int = 6, model: str = "champion 1") -> PlayedGame:
    """A random game of the small game, with policies that are as good as any."""
    rng, env = np.random.default_rng(seed), GAME
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
