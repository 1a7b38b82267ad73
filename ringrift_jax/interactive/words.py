"""What one may do and why, in sentences: for each phase, and for a cell that cannot be chosen."""

from ..boards import MAX_PLACEMENT
from ..reference.explain import explain
from ..reference.movement import any_can_act
from ..reference.position import (
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
    with_buried,
)
from ..reference.recovery import eligible
from ..reference.turn import legal_moves


def task(pos: Position) -> tuple[str, str]:
    """What the seat to move may do in this phase, and why, or what comes of it, with the section of the rulebook."""
    return _TASKS[pos.phase](pos)


def _can(pos: Position, *kinds: str) -> bool:
    return any(move.split(" ")[0] in kinds for move in legal_moves(pos))


def _places(pos: Position) -> tuple[str, str]:
    options = []
    if _can(pos, "P"):
        most = min(MAX_PLACEMENT, pos.hand[pos.seat])
        count = {1: "your last ring", 2: "1 or 2 rings"}.get(most, "1, 2 or 3 rings")
        options.append(f"place {count} on an empty cell" + (", or 1 ring on a stack" if pos.stacks else ""))
    if _can(pos, "SKIP_PLACE"):
        options.append("skip placing and keep your rings")
    if _can(pos, "SWAP"):
        options.append("swap: take over the other player's colour, and it yours")
    why = (
        "The stack that you place on is the one that moves next, at least as far as it is then high. "
        "More rings of yours on top capture higher stacks."
    )
    return _sentence(options), f"{why} (rulebook section 3)"


def _moves(pos: Position) -> tuple[str, str]:
    name = pos.geometry.names
    if eligible(pos, pos.seat):
        if pos.slide is not None:
            return "Choose what pays for the slide.", "A slide costs one of your buried rings. (rulebook section 6)"
        slides = ["slide one of your markers to a cell beside it"] if _can(pos, "R") else []
        why = "You control no stack, so this is your way back: a slide is paid with a ring of yours inside a stack."
        return _sentence([*slides, "do nothing"]), f"{why} (rulebook section 6)"
    what = f"the stack on {name[pos.focus]}" if pos.focus is not None else "one of your stacks"
    options = [f"move {what} in a straight line"] if _can(pos, "M") else []
    if _can(pos, "C"):
        options.append("jump over a stack with it and capture" if options else f"capture with {what}")
    height = f" of {len(pos.stacks[pos.focus])}" if pos.focus is not None else ""
    why = (
        f"A stack{height} goes at least as many cells as it is high. It leaves a marker behind; your markers on its "
        "way become territory, and others become yours. Landing on a marker costs its top ring."
    )
    return _sentence(options), f"{why} (rulebook sections 4 and 5)"


def _captures(pos: Position) -> tuple[str, str]:
    why = "You jump over the first stack in line if its cap is not higher than yours, and take its top ring below you."
    return "Capture with the stack that has just moved, or leave it.", f"{why} (rulebook section 5)"


def _chain(pos: Position) -> tuple[str, str]:
    why = "Who has begun to capture goes on as long as the same stack can, in any direction."
    return "Go on capturing with the same stack.", f"{why} (rulebook section 5)"


def _lines(pos: Position) -> tuple[str, str]:
    if pos.owed:
        return "Pay for the line: choose a stack that loses its top ring.", "It counts for you. (rulebook section 7)"
    length = pos.board.line_length
    why = f"{length} of your markers in a row become territory, for one ring that you then pay."
    if any("/" in move for move in legal_moves(pos)):
        why = f"Of a longer line you take all for one ring, or {length} cells of it for nothing."
    return "Choose the line that becomes territory.", f"{why} (rulebook section 7)"


def _regions(pos: Position) -> tuple[str, str]:
    if pos.owed:
        price = "one of your rings inside it" if pos.recovered else "its whole cap"
        return (
            f"Pay for the region: choose a stack that loses {price}.",
            "What it loses counts as eliminated by you. (rulebook section 8)",
        )
    why = (
        "In a region some colour of the board controls no stack. All its rings are eliminated and count for you, its "
        "cells and the markers around it become yours, and then a stack outside pays with its cap."
    )
    return "Claim a region, or leave it.", f"{why} (rulebook section 8)"


def _forced(pos: Position) -> tuple[str, str]:
    why = "You can neither place nor move anything. What it loses counts as eliminated by you."
    return "Choose a stack that loses its cap.", f"{why} (rulebook section 9)"


def _over(pos: Position) -> tuple[str, str]:
    board = pos.board
    if not pos.winner:
        return "The game is over.", ""
    reasons = {
        "ring_elimination": f"It has eliminated {board.ring_threshold} rings or more. (rulebook section 11.1)",
        "territory_control": f"It has {board.territory_minimum} cells or more, and more than all others together. "
        "(rulebook section 11.2)",
        "last_player_standing": "No other player has a ring left. (rulebook section 11.3)",
        "lps_rounds": "For three rounds no other player could do anything. (rulebook section 12)",
    }
    stalemate = "Nobody can do anything any more, so the counts are compared. (rulebook section 11.4)"
    return f"Seat {pos.winner} has won.", reasons.get(pos.reason, stalemate)


_TASKS = {
    PLACE: _places,
    MOVE: _moves,
    CAPTURE: _captures,
    CHAIN: _chain,
    LINE: _lines,
    TERRITORY: _regions,
    FORCED: _forced,
    OVER: _over,
}


def _sentence(options: list[str]) -> str:
    text = f"{', '.join(options[:-1])}, or {options[-1]}" if len(options) > 1 else options[0]
    return f"{text[0].upper()}{text[1:]}."


def why_not(pos: Position, cell: int, origin: int | None = None) -> str:
    """Why a cell cannot be chosen now, in a sentence that names the rule.

    Args:
      pos: a settled position.
      cell: the cell.
      origin: the stack or marker that was chosen to move, if one was.

    Raises:
      ValueError: one of them is no cell.
    """
    for given in (cell, origin):
        if given is not None and given not in pos.geometry.names:
            raise ValueError(f"{given} is not a cell")
    return _NOT[pos.phase](pos, cell, pos.focus if origin is None else origin)


def _told(pos: Position, move: str) -> str:
    """What the rules say against a move, without its name."""
    said = explain(pos, move).partition(" is illegal: ")[2]
    return f"{said[0].upper()}{said[1:]}" if said else ""


def _not_to_place(pos: Position, cell: int, origin: int | None) -> str:
    if pos.hand[pos.seat] == 0:
        return f"Seat {pos.seat} has no ring in hand (rulebook section 3)."
    return _told(pos, f"P {pos.geometry.names[cell]} 1")


def _not_to_move(pos: Position, cell: int, origin: int | None) -> str:
    names = pos.geometry.names
    if eligible(pos, pos.seat):
        return _not_to_slide(pos, cell, origin)
    if origin is None or origin == cell:
        stack = pos.stacks.get(cell)
        if stack and stack[-1] == pos.seat and pos.focus in (None, cell):
            return (
                f"The stack on {names[cell]} has nowhere to go: no line is free for its {len(stack)} cells, and there "
                f"is nothing that its cap of {cap_height(stack)} could capture (rulebook sections 4 and 5)."
            )
        other = next(c for c in pos.geometry.cells if c != cell)
        return _told(pos, f"M {names[cell]}>{names[other]}")
    return _not_to_land(pos, cell, origin, "C")


def _not_to_land(pos: Position, cell: int, origin: int | None, kind: str) -> str:
    """Why the chosen stack may not go to a cell, or capture what is there."""
    assert origin is not None
    names = pos.geometry.names
    if cell == origin:
        return f"The stack on {names[cell]} is the one that captures; choose where it lands (rulebook section 5)."
    ray = next((ray for ray in pos.geometry.rays[origin] if cell in ray), ())
    met = [c for c in ray[: ray.index(cell) + 1] if c in pos.stacks] if ray else []
    if cell in pos.stacks and met:
        beyond = ray[ray.index(cell) + 1 :]
        height = len(pos.stacks[origin])
        far = [c for c in beyond if ray.index(c) + 1 >= height]
        if not beyond:
            return f"There is no cell beyond {names[cell]} to land on (rulebook section 5)."
        free = f"{names[cell]} can be captured: choose a cell beyond it to land on (rulebook section 5)."
        return _told(pos, f"{kind} {names[origin]}*{names[cell]}>{names[(far or beyond)[0]]}") or free
    if met:
        return _told(pos, f"{kind} {names[origin]}*{names[met[0]]}>{names[cell]}")
    if kind == "C" and pos.phase == MOVE:
        return _told(pos, f"M {names[origin]}>{names[cell]}")
    return f"There is no stack to jump over on the way to {names[cell]} (rulebook section 5)."


def _not_to_capture(pos: Position, cell: int, origin: int | None) -> str:
    return _not_to_land(pos, cell, pos.focus, "C" if pos.phase == CAPTURE else "K")


def _not_to_slide(pos: Position, cell: int, origin: int | None) -> str:
    names = pos.geometry.names
    if pos.markers.get(cell) == pos.seat:
        return f"The marker on {names[cell]} has no cell beside it to slide to now (rulebook section 6)."
    if origin is None:
        return f"Choose one of your markers; on {names[cell]} there is none (rulebook section 6)."
    payer = next(with_buried(pos, pos.seat))
    return _told(pos, f"R {names[origin]}>{names[cell]} {'S' if cell in pos.stacks else 'F'} @{names[payer]}")


def _not_a_line(pos: Position, cell: int, origin: int | None) -> str:
    names = pos.geometry.names
    if pos.owed:
        return _told(pos, f"EL {names[cell]}")
    if pos.markers.get(cell) != pos.seat:
        return f"There is no marker of yours on {names[cell]} (rulebook section 7)."
    return f"The marker on {names[cell]} is in no line of {pos.board.line_length} (rulebook section 7)."


def _not_a_region(pos: Position, cell: int, origin: int | None) -> str:
    name = pos.geometry.names[cell]
    if pos.owed:
        return _told(pos, f"{'ER' if pos.recovered else 'ET'} {name}")
    if cell in pos.collapsed:
        return f"{name} is territory already, for good (rulebook section 8)."
    return f"{name} is in no region that you can claim and pay for from outside (rulebook section 8)."


def _not_to_lose(pos: Position, cell: int, origin: int | None) -> str:
    assert not any_can_act(pos, pos.seat)
    return _told(pos, f"FE {pos.geometry.names[cell]}")


_NOT = {
    PLACE: _not_to_place,
    MOVE: _not_to_move,
    CAPTURE: _not_to_capture,
    CHAIN: _not_to_capture,
    LINE: _not_a_line,
    TERRITORY: _not_a_region,
    FORCED: _not_to_lose,
    OVER: lambda pos, cell, origin: "The game is over.",
}
