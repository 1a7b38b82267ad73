"""The own turn searched whole: which decisions win before the turn passes (twin of ``search/winning_turn.py``)."""

from .game import act, settle
from .notation import state_string
from .position import Position
from .turn import actions


def winning_line(pos: Position, limit: int | None = None) -> tuple[str, ...] | None:
    """Actions that win the game for the player to move before its turn passes; None if there are none.

    After a swap somebody else decides, so it ends the turn here. RecursionError when more states than the limit would
    have to be looked at.
    """
    return _search(settle(pos), set(), limit)


def _search(pos: Position, seen: set[str], limit: int | None) -> tuple[str, ...] | None:
    for action in actions(pos):
        after = act(pos, action)
        if after.winner == pos.seat:
            return (action,)
        key = state_string(after)
        if after.winner or after.turn != pos.turn or after.swapped != pos.swapped or key in seen:
            continue
        seen.add(key)
        if limit and len(seen) > limit:
            raise RecursionError(f"the turn has more than {limit} states")
        line = _search(after, seen, limit)
        if line:
            return (action, *line)
    return None
