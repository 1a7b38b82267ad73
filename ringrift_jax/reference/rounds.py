"""Last player standing by rounds: three in which only one player had a real action (rulebook section 12, R172)."""

from .placement import has_real_action
from .position import OVER, Position, has_ring

REQUIRED_ROUNDS = 3


def start_turn(pos: Position) -> None:
    """Track the round at the start of a turn; ends the game when the player to move has won by it."""
    seat = pos.seat
    members = [s for s in pos.seats if has_ring(pos, s)]
    if pos.first not in members:
        pos.first, pos.marks = seat, {}
        if pos.streak_seat not in members:
            pos.streak_seat, pos.streak = 0, 0
    elif seat == pos.first and pos.marks:
        _complete_round(pos, members)
        pos.marks = {}
    pos.marks[seat] = has_real_action(pos, seat)
    if pos.streak >= REQUIRED_ROUNDS and pos.streak_seat == seat and _acts_alone(pos, members):
        pos.seat, pos.phase, pos.winner, pos.reason = 0, OVER, seat, "lps_rounds"


def _acts_alone(pos: Position, members: list[int]) -> bool:
    return pos.marks[pos.seat] and not any(has_real_action(pos, s) for s in members if s != pos.seat)


def _complete_round(pos: Position, members: list[int]) -> None:
    active = [s for s in members if pos.marks.get(s)]
    if len(active) != 1:
        pos.streak_seat, pos.streak = 0, 0
    elif active[0] == pos.streak_seat:
        pos.streak += 1
    else:
        pos.streak_seat, pos.streak = active[0], 1
