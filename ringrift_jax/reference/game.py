"""Playing: one canonical move, or one decision, at a time.

A decision is a move that is not forced bookkeeping. :func:`actions` and :func:`act` speak the actions of the JAX
environment: there a recovery is two decisions, its slide ``R a>b`` and then its payment or window.
"""

from .explain import explain
from .moves import is_slide, parse_move
from .placement import can_place_one
from .position import PLACE, Position
from .turn import apply, legal_moves


def play(pos: Position, move: str) -> Position:
    """The position after one canonical move. ValueError, with the rule that forbids it, when it is not legal."""
    if move not in legal_moves(pos):
        raise ValueError(explain(pos, move))
    return apply(pos, move)


def settle(pos: Position) -> Position:
    """Play forced bookkeeping (``NO_*``) until there is a decision to make or the game is over."""
    while not _may_place(pos) and len(legal := legal_moves(pos)) == 1 and legal[0].startswith("NO_"):
        pos = apply(pos, legal[0])
    return pos


def _may_place(pos: Position) -> bool:
    """Whether there is a placement to decide on, without listing them all, which takes most of a search's time."""
    return pos.phase == PLACE and can_place_one(pos, pos.seat)


def decisions(pos: Position) -> tuple[str, ...]:
    """The legal moves once forced bookkeeping is played; empty when the game is over."""
    return legal_moves(settle(pos))


def act(pos: Position, action: str) -> Position:
    """The settled position after a legal action of a settled position."""
    if is_slide(action):
        pos = pos.copy()
        a, b = parse_move(pos.board, action).cells
        pos.slide = a, b
        return pos
    return settle(apply(pos, action))
