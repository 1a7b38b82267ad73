"""The board game RingRift in JAX: exact rules, a fast environment, search and training.

Importing this package touches no JAX backend and allocates no array.
"""

from .boards import BOARD_NAMES, Board
from .rules.state import Phase, Reason, State

__all__ = [
    "BOARD_NAMES",
    "Board",
    "Phase",
    "Reason",
    "State",
]
