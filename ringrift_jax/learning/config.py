"""The settings of a run: which game, and how it is learned. Presets, and conversion to and from JSON."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import boards
from ..env import Env, make
from ..players.arena import ArenaConfig
from ..players.sequential import SequentialConfig
from ..search.config import SearchConfig
from ..search.network import NetworkConfig
from ..settings import Seed, check, convert
from .gates import GatesConfig
from .learner import LearnerConfig
from .loop import LoopConfig
from .selfplay import SelfPlayConfig

PRESETS = ("tiny", "cpu", "gpu")


@dataclass(frozen=True)
class RunConfig:
    """All that decides what a run computes. Two runs with equal settings on one machine give equal results.

    Attributes:
      board: one of ``boards.BOARD_NAMES``.
      num_players: 2 to 4.
      swap_rule: the pie rule, 2 players only.
      seed: of all random numbers.
      loop: how the game is learned.
      origin: the champion that training begins with, as ``--from`` names it; None for an untrained network.
    """

    board: str
    num_players: int = 2
    swap_rule: bool = False
    seed: Seed = 0
    loop: LoopConfig = LoopConfig()
    origin: str | None = None

    def __post_init__(self) -> None:
        check(self)
        make(self.board, self.num_players, swap_rule=self.swap_rule)

    def make_env(self) -> Env:
        """The environment."""
        return make(self.board, self.num_players, swap_rule=self.swap_rule)


def preset(name: str, board: str, num_players: int = 2) -> LoopConfig:
    """Settings for a kind of machine, made smaller on the large boards so that an iteration stays below a minute.

    An arena comes so rarely that it costs about a fifth of the time at most; on hexagonal that is an estimate.

    ``"tiny"`` is for tests, ``"cpu"`` for a laptop, ``"gpu"`` for one GPU. ValueError when there is no such preset,
    board or number of players.
    """
    large = boards.standard(board, num_players).size > 9
    opponents = "maxn" if num_players > 2 else "paranoid"
    # On the large boards an evaluation would take 1.3 to 1.4 times as long; what it gains there is not known.
    landing_features = 0 if large else 16
    if name == "tiny":
        lanes, chunk = (4, 32) if large else (16, 64)
        return LoopConfig(
            network=NetworkConfig(channels=8, blocks=1, landing_features=4),
            search=SearchConfig(simulations=4, considered=4, opponents=opponents),
            self_play=SelfPlayConfig(lanes=lanes, chunk=chunk),
            learner=LearnerConfig(replay_blocks=256, batch_size=32, min_rows=32, warmup=10),
            arena=ArenaConfig(
                every=2, groups=2 if large else 8, held_out=2 if large else 8, test=SequentialConfig(error_rate=0.25)
            ),
            gates=GatesConfig(parity_games=1),
        )
    if name == "cpu":
        lanes, chunk = (16, 32) if large else (128, 32)
        # A game of hexagonal is several times as long as one of square19.
        every, games = {"square19": (64, 128), "hexagonal": (192, 64)}.get(board, (32, 2 * lanes))
        learner = LearnerConfig(batch_size=128, samples_per_row=4.0)
        if board == "hexagonal":
            # Its games last hundreds of decisions. Sampled more often, the few results are learned by heart
            # (docs/strength.md).
            learner = dataclasses.replace(learner, replay_blocks=4096, samples_per_row=1.0, min_rows=8192)
        return LoopConfig(
            network=NetworkConfig(channels=32, blocks=4, landing_features=landing_features),
            search=SearchConfig(
                simulations=16,
                considered=4,
                gumbel_scale=0.3,
                value_scale=1.0,
                rescale_values=False,
                opponents=opponents,
                # On square19 2,048 took 4.5 times as long and gained nothing that was seen (docs/comparisons.md).
                turn_nodes=0 if large else 4096,
            ),
            self_play=SelfPlayConfig(lanes=lanes, chunk=chunk),
            learner=learner,
            arena=ArenaConfig(
                every=every,
                groups=games // num_players,
                held_out=games // 2 // num_players if large else 64,
                turns=0 if large else 16,
            ),
            gates=GatesConfig(parity_games=1),
        )
    if name == "gpu":
        lanes, chunk = (512, 32) if large else (4096, 8)
        return LoopConfig(
            network=NetworkConfig(channels=96, blocks=6, dtype="bfloat16", landing_features=landing_features),
            search=SearchConfig(
                simulations=32,
                considered=8,
                gumbel_scale=1.0 if large else 0.3,
                value_scale=1.0,
                rescale_values=False,
                opponents=opponents,
                turn_nodes=0 if large else 4096,
            ),
            self_play=SelfPlayConfig(lanes=lanes, chunk=chunk),
            learner=LearnerConfig(replay_blocks=512, batch_size=1024, min_rows=65536, warmup=500),
            arena=ArenaConfig(
                every=256 if large else 32,
                groups=(2 * lanes if large else 256) // num_players,
                turns=0 if large else 16,
            ),
            gates=GatesConfig(parity_games=2),
        )
    raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")


def to_dict(config: Any) -> dict[str, Any]:
    """A nested dictionary of plain values, for JSON."""
    return dataclasses.asdict(config)


def from_dict(values: Any) -> RunConfig:
    """The settings that :func:`to_dict` made a dictionary of. ValueError, with the path of the key, when one is
    unknown, missing or not what it must be."""
    return convert(values, RunConfig)


def read_run(path: Path) -> RunConfig:
    """The settings in a run's file. FileNotFoundError when there is none, ValueError, with its name, when they are none
    of this version of the package."""
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as problem:
        raise ValueError(f"{path} is damaged or of another version of ringrift_jax: {problem}") from None


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` becomes ``{"a.b": 1}``."""
    flat = {}
    for name, value in values.items():
        flat.update(flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
