"""Gumbel MuZero search: the legal actions of a node in slots (:mod:`.slots`), the tree over them (:mod:`.tree`), and
the network that judges positions (:mod:`.evaluation`, :mod:`.network`, :mod:`.convolution`)."""

from .evaluation import Evaluate, evaluate_observations
from .network import NetworkConfig, make_network
from .slots import Slots, legal_slots
from .tree import Node, SearchConfig, SearchOutput, SearchResult, num_slots, search, search_tree, summarise

__all__ = [
    "Evaluate",
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
