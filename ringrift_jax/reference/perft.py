"""Perft: exact counts of decision sequences, to compare engines."""

from .game import act, settle
from .position import Position
from .turn import actions


def perft(pos: Position, depth: int) -> list[int]:
    """How many sequences of 1, 2, ... ``depth`` actions there are. A finished game has no successors."""
    counts = [0] * depth
    _count(settle(pos), 0, counts)
    return counts


def _count(pos: Position, ply: int, counts: list[int]) -> None:
    legal = actions(pos)
    counts[ply] += len(legal)
    if ply + 1 < len(counts):
        for action in legal:
            _count(act(pos, action), ply + 1, counts)
