"""The board game RingRift in JAX: exact rules, a fast environment, search and training.

Importing this package touches no JAX backend and allocates no array.
"""

from . import heuristic, notation, render, symmetry, wrappers
from .boards import BOARD_NAMES, Board
from .checks import check_env
from .env import Env, make, random_action
from .explanation import explain
from .render.board import state_html
from .rules.state import Phase, Reason, State

__all__ = [
    "BOARD_NAMES",
    "Board",
    "Env",
    "Phase",
    "Reason",
    "State",
    "check_env",
    "explain",
    "heuristic",
    "make",
    "notation",
    "random_action",
    "render",
    "symmetry",
    "wrappers",
]

State._repr_html_ = state_html
