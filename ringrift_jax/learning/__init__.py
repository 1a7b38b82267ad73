"""One compiled iteration: games (:mod:`.selfplay`) into a ring of positions (:mod:`.ring`), judged (:mod:`.gates`) and
learned from (:mod:`.learner`), as one function of everything that changes (:mod:`.loop`). :mod:`.config` has the
settings and presets, :mod:`.games` the finished games on the host, :mod:`.worker` self-play apart from training."""

from .config import PRESETS, RunConfig, preset
from .games import PlayedGame
from .gates import GatesConfig
from .learner import LearnerConfig
from .loop import LoopConfig, LoopState, Metrics, make_iterate, new_loop
from .selfplay import SelfPlayConfig
from .worker import Worker

__all__ = [
    "PRESETS",
    "GatesConfig",
    "LearnerConfig",
    "LoopConfig",
    "LoopState",
    "Metrics",
    "PlayedGame",
    "RunConfig",
    "SelfPlayConfig",
    "Worker",
    "make_iterate",
    "new_loop",
    "preset",
]
