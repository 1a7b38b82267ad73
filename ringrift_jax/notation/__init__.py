"""Positions and moves as text: the strings of the recorded games (:mod:`.states`, :mod:`.moves`), and why a move is
legal or not (:mod:`.explain`)."""

from .explain import explain
from .moves import actions_of, encode, legal_moves, move_of, moves_of, play
from .states import PHASE_NAMES, REASON_NAMES, from_state_string, state_string

__all__ = [
    "PHASE_NAMES",
    "REASON_NAMES",
    "actions_of",
    "encode",
    "explain",
    "from_state_string",
    "legal_moves",
    "move_of",
    "moves_of",
    "play",
    "state_string",
]
