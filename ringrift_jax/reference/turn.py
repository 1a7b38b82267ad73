"""The turn: legal moves of each phase, and what phase follows a move (rulebook section 2)."""

from . import lines, movement, placement, recovery, rounds, territory
from .moves import Move, parse_move
from .position import (
    CAPTURE,
    CHAIN,
    FORCED,
    LINE,
    MOVE,
    OVER,
    PLACE,
    TERRITORY,
    Position,
    cap_height,
    controlled,
    controls_stack,
    eliminate_top,
    has_ring,
)
from .victory import verdict


def legal_moves(pos: Position) -> tuple[str, ...]:
    """Every legal canonical move, sorted bytewise; forced bookkeeping included, empty when the game is over."""
    if pos.legal is None:
        pos.legal = tuple(sorted(_TEXTS[pos.phase](pos)))
    return pos.legal


def actions(pos: Position) -> tuple[str, ...]:
    """The legal actions of a settled position: its decisions, the recoveries of one slide as one action ``R a>b``."""
    legal = legal_moves(pos)
    if pos.slide is not None:
        return legal
    return tuple(sorted({_slide_of(move) if move.startswith("R ") else move for move in legal}))


def _slide_of(recovery: str) -> str:
    return " ".join(recovery.split()[:2])


def _movement_texts(pos: Position) -> list[str]:
    stacks = controlled(pos, pos.seat) if pos.focus is None else (pos.focus,)
    texts = []
    for a in stacks:
        texts += movement.move_texts(pos, a) + movement.capture_texts(pos, a, "C")
    if texts:
        return texts
    if not recovery.eligible(pos, pos.seat):
        return ["NO_MOVE"]
    texts = recovery.recovery_texts(pos)
    if pos.slide is None:
        return [*texts, "SKIP_RECOVERY"]
    a, b = (pos.geometry.names[c] for c in pos.slide)
    return [text for text in texts if text.startswith(f"R {a}>{b} ")]


def _capture_texts(pos: Position) -> list[str]:
    assert pos.focus is not None
    return [*movement.capture_texts(pos, pos.focus, "C"), "SKIP_CAPTURE"]


def _chain_texts(pos: Position) -> list[str]:
    assert pos.focus is not None
    return movement.capture_texts(pos, pos.focus, "K")


def _forced_texts(pos: Position) -> list[str]:
    return [f"FE {pos.geometry.names[c]}" for c in controlled(pos, pos.seat)]


_TEXTS = {
    PLACE: placement.placement_texts,
    MOVE: _movement_texts,
    CAPTURE: _capture_texts,
    CHAIN: _chain_texts,
    LINE: lines.line_texts,
    TERRITORY: territory.territory_texts,
    FORCED: _forced_texts,
    OVER: lambda pos: [],
}


def apply(pos: Position, text: str) -> Position:
    """The position after a move that is known to be legal. The position given stays as it is."""
    pos = pos.copy()
    move = parse_move(pos.board, text)
    pos.acted |= not move.kind.startswith(("NO_", "SKIP_"))
    _EFFECTS[pos.phase](pos, move)
    return pos


def _place(pos: Position, move: Move) -> None:
    if move.kind == "SWAP":
        pos.swapped = True
        return
    pos.phase = MOVE
    if move.kind == "P":
        placement.play_placement(pos, move.cells[0], move.number)
        pos.focus = move.cells[0]


def _move(pos: Position, move: Move) -> None:
    pos.focus = pos.slide = None
    pos.phase = LINE
    match move.kind:
        case "M":
            movement.play_move(pos, *move.cells)
            _offer_captures(pos, move.cells[-1], CAPTURE)
        case "C":
            _capture(pos, move)
        case "F":
            recovery.play_slide(pos, *move.cells)
        case "S":
            recovery.play_strike(pos, *move.cells)
        case "1":
            recovery.play_line_slide(pos, *move.cells)
        case "2":
            a, b, first, last = move.cells
            recovery.play_window_slide(pos, a, b, (first, *pos.geometry.between(first, last), last))
    pos.recovered |= move.kind in ("F", "S", "1", "2")


def _capture(pos: Position, move: Move) -> None:
    pos.focus = None
    pos.phase = LINE
    if move.kind != "SKIP_CAPTURE":
        movement.play_capture(pos, *move.cells)
        _offer_captures(pos, move.cells[-1], CHAIN)


def _offer_captures(pos: Position, landing: int, phase: str) -> None:
    """The stack that has just landed may capture, if something is left of it and it is still the player's."""
    stack = pos.stacks.get(landing, ())
    if stack and stack[-1] == pos.seat and movement.can_capture(pos, landing):
        pos.phase, pos.focus = phase, landing


def _line(pos: Position, move: Move) -> None:
    """After a line that owes nothing the phase ends with the last line, after a payment only by ``NO_LINE``."""
    match move.kind:
        case "EL":
            lines.play_line_payment(pos, move.cells[0])
        case "L":
            first, last = move.cells[-2:]
            run = (first, *pos.geometry.between(first, last), last)
            lines.play_line(pos, run, whole=len(move.cells) == 2)
            if not pos.owed and not lines.lines(pos, pos.seat):
                _leave_line(pos)
        case _:
            _leave_line(pos)


def _leave_line(pos: Position) -> None:
    """A blocked player without a region goes straight to forced elimination (R073, R075)."""
    pos.phase = FORCED if _is_blocked(pos) and not territory.processable(pos) else TERRITORY


def _is_blocked(pos: Position) -> bool:
    return not pos.acted and controls_stack(pos, pos.seat)


def _territory(pos: Position, move: Move) -> None:
    match move.kind:
        case "T":
            territory.play_region(pos, move.cells[0], move.colours[0])
        case "ET" | "ER":
            territory.play_region_payment(pos, move.cells[0])
            if not territory.processable(pos):
                _end_turn(pos)
        case _:
            if _is_blocked(pos):
                pos.phase = FORCED
            else:
                _end_turn(pos)


def _forced(pos: Position, move: Move) -> None:
    cell = move.cells[0]
    eliminate_top(pos, cell, cap_height(pos.stacks[cell]))
    _end_turn(pos)


_EFFECTS = {
    PLACE: _place,
    MOVE: _move,
    CAPTURE: _capture,
    CHAIN: _capture,
    LINE: _line,
    TERRITORY: _territory,
    FORCED: _forced,
}


def _end_turn(pos: Position) -> None:
    """Victory, else the next seat that has a ring anywhere begins a turn (rulebook section 2.4)."""
    for seat in pos.seats:
        if seat not in pos.lost and not has_ring(pos, seat):
            pos.lost[seat] = pos.turn
    ended = verdict(pos)
    if ended:
        pos.winner, pos.reason = ended
        pos.seat, pos.phase = 0, OVER
        return
    n = pos.board.num_players
    following = ((pos.seat + step - 1) % n + 1 for step in range(1, n + 1))
    seat = next(s for s in following if has_ring(pos, s))
    if seat != pos.seat:
        pos.acted = pos.recovered = False
    pos.seat, pos.phase = seat, PLACE
    pos.turn += 1
    rounds.start_turn(pos)
