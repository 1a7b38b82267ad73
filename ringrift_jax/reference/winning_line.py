"""The own turn searched whole: which decisions win before the turn passes (twin of ``search/winning_turn.py``).

After a swap somebody else decides, so it ends the turn here.
"""

from .game import act, settle
from .notation import state_string
from .position import Position
from .turn import actions


def winning_line(pos: Position, limit: int | None = None) -> tuple[str, ...] | None:
    """Actions that win the game for the player to move before its turn passes; None if there are none.
    RecursionError when more states than the limit would have to be looked at."""
    return _search(settle(pos), set(), limit)


def shortest_wins(pos: Position, limit: int | None = None) -> dict[str, tuple[str, ...] | None]:
    """For each action of a position the shortest line that begins with it and wins before the turn passes; None where
    there is none. RecursionError as in :func:`winning_line`."""
    return _shortest(settle(pos), {}, limit)


def _search(pos: Position, seen: set[str], limit: int | None) -> tuple[str, ...] | None:
    for action in actions(pos):
        after = act(pos, action)
        if after.winner == pos.seat:
            return (action,)
        if not _goes_on(pos, after) or (key := state_string(after)) in seen:
            continue
        seen.add(key)
        if limit and len(seen) > limit:
            raise RecursionError(f"the turn has more than {limit} states")
        line = _search(after, seen, limit)
        if line:
            return (action, *line)
    return None


def _shortest(
    pos: Position, known: dict[str, tuple[str, ...] | None], limit: int | None
) -> dict[str, tuple[str, ...] | None]:
    """``known``: the shortest wins from states of the turn."""
    wins: dict[str, tuple[str, ...] | None] = {}
    for action in actions(pos):
        after = act(pos, action)
        wins[action] = (action,) if after.winner == pos.seat else None
        if not _goes_on(pos, after):
            continue
        key = state_string(after)
        if key not in known:
            if limit and len(known) >= limit:
                raise RecursionError(f"the turn has more than {limit} states")
            known[key] = None  # it counts as soon as it is looked at; no state of a turn comes twice on one line
            known[key] = min((line for line in _shortest(after, known, limit).values() if line), key=len, default=None)
        rest = known[key]
        wins[action] = (action, *rest) if rest else None
    return wins


def _goes_on(before: Position, after: Position) -> bool:
    return not after.winner and after.turn == before.turn and after.swapped == before.swapped
