"""The public names of the package, which ``ringrift_jax`` itself fetches from here when the first of them is used."""

from . import notation, render, symmetry, wrappers
from .boards import BOARD_NAMES, Board
from .checks import check_env
from .env import Env, make, random_action
from .game import Game, GameState
from .interactive.widget import widget
from .notation.explain import explain
from .players import heuristic
from .rules.state import Phase, Reason, State
from .runs.champion import champion
from .search.explain_win import explain_win
from .search.winning_turn import WinningTurn, winning_turn

__all__ = [
    "BOARD_NAMES",
    "Board",
    "Env",
    "Game",
    "GameState",
    "Phase",
    "Reason",
    "State",
    "WinningTurn",
    "champion",
    "check_env",
    "explain",
    "explain_win",
    "heuristic",
    "make",
    "notation",
    "random_action",
    "render",
    "symmetry",
    "widget",
    "winning_turn",
    "wrappers",
]

# What a notebook shows of a state. The rules cannot name it, because render stands on them.
State._repr_html_ = render.board.state_html  # pyright: ignore[reportAttributeAccessIssue]
