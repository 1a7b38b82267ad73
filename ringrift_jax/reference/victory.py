"""How a game ends, and the ranks (rulebook sections 11 and 13)."""

from typing import NamedTuple

from .movement import landings
from .position import Position, controls_stack, has_ring, marker_count, territory


class Result(NamedTuple):
    """``winner``: seat, ``reason``: as in the records, ``ranks``: by seat order, equal seats share a rank."""

    winner: int
    reason: str
    ranks: list[int]


def verdict(pos: Position) -> tuple[int, str] | None:
    """Winner and reason at the end of a turn, None when the game goes on. The seat to move has just ended its turn."""
    lands = territory(pos)
    for seat in pos.seats:
        if pos.eliminated[seat] >= pos.board.ring_threshold:
            return seat, "ring_elimination"
    for seat in pos.seats:
        if lands[seat] >= pos.board.territory_minimum and 2 * lands[seat] > sum(lands.values()):
            return seat, "territory_control"
    with_stack = [s for s in pos.seats if controls_stack(pos, s)]
    if len(with_stack) == 1 and not any(has_ring(pos, s) for s in pos.seats if s != with_stack[0]):
        return with_stack[0], "last_player_standing"
    if pos.stacks or any(pos.hand.values()) and _room_on_bare_board(pos):
        return None
    return _stalemate(pos)


def _room_on_bare_board(pos: Position) -> bool:
    """Whether a single ring could be placed on the board without stacks."""
    free = (c for c in pos.geometry.cells if c not in pos.collapsed and c not in pos.markers)
    return any(next(landings(pos, c, (0,)), None) is not None for c in free)


def _stalemate(pos: Position) -> tuple[int, str]:
    """The ladder of R173, rung by rung: each keeps the seats that are best (P3)."""
    tied = list(pos.seats)
    eliminated = {s: pos.eliminated[s] + pos.hand[s] for s in pos.seats}
    ladder = [
        (territory(pos), "territory_control"),
        (eliminated, "ring_elimination"),
        (marker_count(pos), "last_player_standing"),
    ]
    for score, rung in ladder:
        best = max(score[s] for s in tied)
        tied = [s for s in tied if score[s] == best]
        if len(tied) == 1:
            return tied[0], f"stalemate:{rung}"
    if pos.seat in tied:
        return pos.seat, "stalemate:last_player_standing"
    return tied[0], "stalemate:tiebreaker_by_player_number"


def result(pos: Position) -> Result | None:
    """The result of a finished game. None while it runs, and when it was read from a string, which has no result."""
    if not pos.winner:
        return None
    hand_counts = pos.reason.startswith("stalemate")
    lands, markers = territory(pos), marker_count(pos)

    def standing(seat: int) -> tuple:
        eliminated = pos.eliminated[seat] + (pos.hand[seat] if hand_counts else 0)
        return seat == pos.winner, lands[seat], eliminated, markers[seat], pos.lost.get(seat, float("inf"))

    order = [standing(s) for s in pos.seats]
    return Result(pos.winner, pos.reason, [1 + sum(other > mine for other in order) for mine in order])
