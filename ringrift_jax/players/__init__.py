"""Who plays whom, and how strong: players (:mod:`.agents`, :mod:`.heuristic`), fair matches (:mod:`.arena`), when one
is decided (:mod:`.sequential`), and Elo (:mod:`.ratings`)."""

from . import heuristic
from .agents import Agent, heuristic_agent, make_evaluate, network_agent, random_agent, search_agent
from .arena import ArenaConfig, Match, play_match, versus
from .ratings import Ratings, fit
from .sequential import SequentialConfig

__all__ = [
    "Agent",
    "ArenaConfig",
    "Match",
    "Ratings",
    "SequentialConfig",
    "fit",
    "heuristic",
    "heuristic_agent",
    "make_evaluate",
    "network_agent",
    "play_match",
    "random_agent",
    "search_agent",
    "versus",
]
