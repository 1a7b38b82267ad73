"""Placement and skipping it (rulebook section 3)."""

from ..boards import MAX_PLACEMENT
from .movement import any_can_act, can_act
from .position import Position, controls_stack
from .recovery import eligible


def placement_counts(pos: Position, seat: int, cell: int) -> list[int]:
    """How many rings the seat may place on a cell; empty when it may not place there.

    Each number is checked for no-dead-placement on its own (H1): 2 or 3 rings may be legal where 1 is not, because the
    higher cap may capture. Own rings in hand and on the board never exceed the supply, so the hand is the only limit.
    """
    if cell in pos.collapsed or cell in pos.markers:
        return []
    below = pos.stacks.get(cell, ())
    most = min(1 if below else MAX_PLACEMENT, pos.hand[seat])
    return [n for n in range(1, most + 1) if can_act(pos, cell, below + (seat,) * n)]


def can_place_one(pos: Position, seat: int) -> bool:
    """Whether the seat has a legal placement of a single ring, which alone counts in rulebook sections 11 and 12."""
    return pos.hand[seat] > 0 and any(1 in placement_counts(pos, seat, c) for c in pos.geometry.cells)


def has_real_action(pos: Position, seat: int) -> bool:
    """A one-ring placement, a move or a capture (rulebook section 12.3)."""
    return any_can_act(pos, seat) or can_place_one(pos, seat)


def may_skip_placement(pos: Position) -> bool:
    seat = pos.seat
    if pos.hand[seat] == 0:
        return False
    return any_can_act(pos, seat) if controls_stack(pos, seat) else eligible(pos, seat)


def placement_texts(pos: Position) -> list[str]:
    """Every legal move of phase ``place``."""
    seat, names = pos.seat, pos.geometry.names
    cells = pos.geometry.cells if pos.hand[seat] else ()
    texts = [f"P {names[c]} {n}" for c in cells for n in placement_counts(pos, seat, c)]
    if may_skip_placement(pos):
        texts.append("SKIP_PLACE")
    if not texts:
        texts.append("NO_PLACE")
    if pos.swap_available():
        texts.append("SWAP")
    return texts


def play_placement(pos: Position, cell: int, count: int) -> None:
    pos.stacks[cell] = pos.stacks.get(cell, ()) + (pos.seat,) * count
    pos.hand[pos.seat] -= count
