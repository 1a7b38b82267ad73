"""The rules of RingRift in plain Python, one canonical move at a time: the readable oracle.

Nothing here uses JAX. The modules follow docs/rulebook.md, and each names the sections that it implements.
"""

from .explain import explain
from .game import act, decisions, play, settle
from .notation import from_state_string, state_string
from .perft import perft
from .position import Position, new_game
from .turn import actions, legal_moves
from .victory import Result, result
from .winning_line import shortest_wins, winning_line

__all__ = [
    "Position",
    "Result",
    "act",
    "actions",
    "decisions",
    "explain",
    "from_state_string",
    "legal_moves",
    "new_game",
    "perft",
    "play",
    "result",
    "settle",
    "state_string",
    "shortest_wins",
    "winning_line",
]
