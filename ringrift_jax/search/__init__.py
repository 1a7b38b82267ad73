"""Search for a decision (:mod:`.ply`), with the settings of :mod:`.config`: over decisions, by Gumbel MuZero's tree
(:mod:`.tree`) over legal actions in slots (:mod:`.slots`), or over turns (:mod:`.whole_turns`). Wins of a turn are
found exactly (:mod:`.winning_turn`), everything else is judged by a network (:mod:`.evaluation`, :mod:`.network`,
:mod:`.convolution`)."""

from .config import SearchConfig, SearchOutput, num_slots
from .evaluation import Evaluate, Evaluation, evaluate_observations
from .network import NetworkConfig, make_network
from .ply import search
from .slots import Slots, legal_slots
from .tree import Node, SearchResult, search_tree, summarise

__all__ = [
    "Evaluate",
    "Evaluation",
    "NetworkConfig",
    "Node",
    "SearchConfig",
    "SearchOutput",
    "SearchResult",
    "Slots",
    "evaluate_observations",
    "legal_slots",
    "make_network",
    "num_slots",
    "search",
    "search_tree",
    "summarise",
]
