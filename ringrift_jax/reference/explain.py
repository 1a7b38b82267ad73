"""Why a move is legal or not, in one sentence that names the rule."""

from collections.abc import Iterable

from .moves import Move, parse_move
from .placement import may_skip_placement
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
    controls_stack,
    with_buried,
)
from .recovery import eligible, slide_line, slides
from .territory import payers, processable, region_from, regions
from .turn import actions, legal_moves

_RECOVERIES = ("R", "F", "S", "1", "2")
_PHASES = {
    **dict.fromkeys(("P", "SKIP_PLACE", "NO_PLACE", "SWAP"), (PLACE,)),
    **dict.fromkeys(("M", "SKIP_RECOVERY", "NO_MOVE", *_RECOVERIES), (MOVE,)),
    "C": (MOVE, CAPTURE),
    "SKIP_CAPTURE": (CAPTURE,),
    "K": (CHAIN,),
    **dict.fromkeys(("L", "EL", "NO_LINE"), (LINE,)),
    **dict.fromkeys(("T", "ET", "ER", "SKIP_TERR", "NO_TERR"), (TERRITORY,)),
    "FE": (FORCED,),
}


def explain(pos: Position, text: str) -> str:
    """One sentence: that a move is legal, or the rule that forbids it, with its section of docs/rulebook.md."""
    if text in legal_moves(pos):
        return f"{text} is legal."
    try:
        move = parse_move(pos.board, text)
    except ValueError as error:
        return f"{text} is illegal: {error} (records section 3)."
    if move.kind == "R" and text in actions(pos):
        return f"{text} is legal as the slide of a recovery: its payment or window comes next."
    return f"{text} is illegal: {_not_now(pos, move) or _REASONS[move.kind](pos, move)}."


def _not_now(pos: Position, move: Move) -> str | None:
    """Why no move of this kind may be played now; None when the phase allows it."""
    if pos.phase == OVER:
        return "the game is over (rulebook section 11)"
    if pos.phase == CHAIN and move.kind != "K":
        return f"the chain of the stack on {_at(pos, pos.focus)} must be continued with a K (rulebook section 5)"
    if pos.owed and pos.phase == LINE and move.kind != "EL":
        return "an elimination EL is owed for a line and is the only kind of legal move (rulebook section 7, R123)"
    if pos.owed and pos.phase == TERRITORY and move.kind not in ("ET", "ER"):
        owed = "ER" if pos.recovered else "ET"
        return f"an elimination {owed} is owed for a region and is the only kind of legal move (rulebook section 8)"
    if pos.phase not in (allowed := _PHASES[move.kind]):
        return f"it belongs to phase {' or '.join(allowed)} and the phase is {pos.phase} (rulebook section 2)"
    if pos.slide is not None and (move.cells[:2] != pos.slide or move.kind == "R"):
        a, b = pos.slide
        return f"the slide {_at(pos, a)}>{_at(pos, b)} is made, its payment or window comes next (rulebook section 6)"
    return None


def _at(pos: Position, cell: int | None) -> str:
    return pos.geometry.names[cell] if cell is not None else "no cell"


def _obstacle(pos: Position, cells: Iterable[int]) -> str | None:
    """The first stack or collapsed cell among cells."""
    for c in cells:
        if c in pos.stacks or c in pos.collapsed:
            return f"{_at(pos, c)} holds a {'stack' if c in pos.stacks else 'collapsed cell'}"
    return None


def _placement(pos: Position, move: Move) -> str:
    (cell,), count = move.cells, move.number
    if cell in pos.collapsed:
        return f"{_at(pos, cell)} is collapsed (rulebook section 3)"
    if cell in pos.markers:
        return f"a marker is on {_at(pos, cell)} (rulebook section 3)"
    if count > pos.hand[pos.seat]:
        return f"seat {pos.seat} has {pos.hand[pos.seat]} rings in hand (rulebook section 3)"
    if cell in pos.stacks and count > 1:
        return "on a stack exactly one ring is placed (rulebook section 3)"
    return "no-dead-placement: the stack would have neither a move nor a capture (rulebook section 3, R081)"


def _skip_placement(pos: Position, move: Move) -> str:
    if pos.hand[pos.seat] == 0:
        return f"seat {pos.seat} has no ring in hand, so there is no placement to skip (rulebook section 3)"
    if controls_stack(pos, pos.seat):
        return "no stack of the player has a move or capture to skip to (rulebook section 3)"
    return f"the player controls no stack and may not recover: {_not_eligible(pos)} (rulebook section 3)"


def _no_placement(pos: Position, move: Move) -> str:
    if may_skip_placement(pos):
        return "it is forced bookkeeping, and SKIP_PLACE is available (rulebook section 3)"
    return "it is forced bookkeeping, and a placement is available (rulebook section 3)"


def _swap(pos: Position, move: Move) -> str:
    if not pos.swap_rule:
        return "the game is played without the pie rule (rulebook section 3, R180)"
    return "only player 2 may swap, once, instead of or before its first move (rulebook section 3, R180)"


def _mover(pos: Position, a: int) -> str | None:
    """Why the stack on a may not move or capture at all."""
    if pos.focus is not None and a != pos.focus:
        why = {MOVE: "was placed on this turn", CAPTURE: "has just moved", CHAIN: "must continue its chain"}[pos.phase]
        return f"only the stack on {_at(pos, pos.focus)} may act, it {why} (rulebook sections 3 and 5)"
    if a not in pos.stacks:
        return f"there is no stack on {_at(pos, a)} (rulebook section 4)"
    if pos.stacks[a][-1] != pos.seat:
        return f"the stack on {_at(pos, a)} is controlled by seat {pos.stacks[a][-1]} (rulebook section 4)"
    return None


def _ray_to(pos: Position, a: int, b: int) -> tuple[int, ...] | None:
    """Cells from a to b on a straight line, b included; None when there is no line."""
    for ray in pos.geometry.rays[a]:
        if b in ray:
            return ray[: ray.index(b) + 1]
    return None


def _no_ray(pos: Position, a: int, b: int, section: int) -> str:
    return f"{_at(pos, b)} is not on a straight line from {_at(pos, a)} (rulebook section {section})"


def _too_near(pos: Position, a: int, distance: int, section: int) -> str:
    height = len(pos.stacks[a])
    return f"the distance {distance} is smaller than the stack's height {height} (rulebook section {section})"


def _movement(pos: Position, move: Move) -> str:
    a, b = move.cells
    if why := _mover(pos, a):
        return why
    path = _ray_to(pos, a, b)
    if path is None:
        return _no_ray(pos, a, b, 4)
    if obstacle := _obstacle(pos, path):
        return f"the path is blocked: {obstacle} (rulebook section 4)"
    return _too_near(pos, a, len(path), 4)


def _capture(pos: Position, move: Move) -> str:
    a, target, b = move.cells
    if why := _mover(pos, a):
        return why
    path = _ray_to(pos, a, b)
    if path is None:
        return _no_ray(pos, a, b, 5)
    if target not in path[:-1]:
        return f"{_at(pos, target)} is not between {_at(pos, a)} and {_at(pos, b)} (rulebook section 5)"
    if target not in pos.stacks:
        return f"there is no stack to capture on {_at(pos, target)} (rulebook section 5)"
    at = path.index(target)
    if obstacle := _obstacle(pos, path[:at]):
        return f"the path to the target is blocked: {obstacle} (rulebook section 5)"
    own, other = cap_height(pos.stacks[a]), cap_height(pos.stacks[target])
    if other > own:
        return f"the target's cap {other} is higher than the attacker's cap {own} (rulebook section 5)"
    if obstacle := _obstacle(pos, path[at + 1 :]):
        return f"the path beyond the target is blocked: {obstacle} (rulebook section 5)"
    return _too_near(pos, a, len(path), 5)


def _not_eligible(pos: Position) -> str | None:
    """Why the player may not recover; None when he may."""
    if controls_stack(pos, pos.seat):
        return "the player controls a stack"
    if pos.seat not in pos.markers.values():
        return "the player owns no marker"
    if next(with_buried(pos, pos.seat), None) is None:
        return "the player has no buried ring"
    return None


def _recovery(pos: Position, move: Move) -> str:
    a, b, *rest = move.cells
    return f"{_slide(pos, a, b) or _option(pos, move) or _payment_of_slide(pos, move, rest)} (rulebook section 6, R112)"


def _slide(pos: Position, a: int, b: int) -> str | None:
    """Why a marker may not slide from a to b at all."""
    if why := _not_eligible(pos):
        return f"recovery is not available: {why}"
    if pos.markers.get(a) != pos.seat:
        return f"there is no own marker on {_at(pos, a)}"
    if b not in pos.geometry.neighbours[a]:
        return f"{_at(pos, b)} is not next to {_at(pos, a)}"
    if b in pos.collapsed or b in pos.markers:
        return f"{_at(pos, b)} holds a {'marker' if b in pos.markers else 'collapsed cell'}"
    if not slide_line(pos, a, b) and any(slide_line(pos, *other) for other in slides(pos)):
        return "a slide that completes a line exists, so only such slides are legal"
    return None


def _option(pos: Position, move: Move) -> str | None:
    """Why the slide is not of the kind that is written."""
    a, b = move.cells[:2]
    length, needed = len(slide_line(pos, a, b)), pos.board.line_length
    if b in pos.stacks:
        return None if move.kind == "S" else f"a slide onto the stack on {_at(pos, b)} is a strike S"
    if move.kind == "S":
        return f"there is no stack to strike on {_at(pos, b)}"
    if not length:
        return None if move.kind == "F" else f"the slide completes no line of {needed} markers"
    if move.kind == "F":
        return "the slide completes a line, so it is no fallback"
    if move.kind == "2" and length == needed:
        return f"the line is not longer than {needed}, so it has no window to choose"
    return None


def _payment_of_slide(pos: Position, move: Move, rest: list[int]) -> str:
    if move.kind == "2":
        needed = pos.board.line_length
        return f"the window must be {needed} cells of the line, in cell order, with the destination among them"
    return f"the stack on {_at(pos, rest[0])} has no buried ring of seat {pos.seat} to pay with"


def _no_movement(pos: Position, move: Move) -> str:
    if eligible(pos, pos.seat):
        return "it is forced bookkeeping, and the player may recover or skip it (rulebook section 6)"
    return "it is forced bookkeeping, and a move or capture is available (rulebook section 4)"


def _skip_recovery(pos: Position, move: Move) -> str:
    return f"recovery is not available: {_not_eligible(pos)} (rulebook section 6)"


def _line(pos: Position, move: Move) -> str:
    return f"{_not_a_line(pos, *move.cells[:2]) or _not_a_window(pos, *move.cells)} (rulebook section 7)"


def _not_a_line(pos: Position, first: int, last: int) -> str | None:
    needed = pos.board.line_length
    path = _ray_to(pos, first, last)
    if path is None:
        return f"{_at(pos, last)} is not on a straight line from {_at(pos, first)}"
    run = (first, *path)
    for c in run:
        if pos.markers.get(c) != pos.seat:
            return f"there is no own marker on {_at(pos, c)}"
    if len(run) < needed:
        return f"{len(run)} markers are fewer than the {needed} of a line"
    if last < first:
        return "the ends of a line are written in cell order"
    beyond = [ray[0] for c, ray in ((first, _onward(pos, last, first)), (last, _onward(pos, first, last))) if ray]
    for c in beyond:
        if pos.markers.get(c) == pos.seat:
            return f"the line goes on to {_at(pos, c)}; a line is named by its own ends"
    return None


def _onward(pos: Position, start: int, through: int) -> tuple[int, ...]:
    """The rest of the ray from start after ``through``."""
    ray = next(ray for ray in pos.geometry.rays[start] if through in ray)
    return ray[ray.index(through) + 1 :]


def _not_a_window(pos: Position, first: int, last: int, *window: int) -> str:
    needed = pos.board.line_length
    if len(pos.geometry.between(first, last)) + 2 == needed:
        return f"a line of exactly {needed} is collapsed whole"
    return f"the window must be {needed} consecutive cells of the line, in cell order"


def _no_line(pos: Position, move: Move) -> str:
    return "it is forced bookkeeping, and there is a line, which must be processed (rulebook section 7)"


def _line_payment(pos: Position, move: Move) -> str:
    if not pos.owed:
        return "no elimination is owed for a line (rulebook section 7)"
    return f"the player controls no stack on {_at(pos, move.cells[0])} (rulebook section 7)"


def _region(pos: Position, move: Move) -> str:
    return f"{_not_a_region(pos, move)} (rulebook section 8)"


def _not_a_region(pos: Position, move: Move) -> str:
    cell, colour = move.cells[0], move.colours[0]
    where = _at(pos, cell)
    if cell in pos.collapsed or pos.markers.get(cell) == colour:
        return f"{where} is a wall of the region, not a cell inside"
    if colour and colour not in pos.markers.values():
        return f"there is no marker of colour {colour}"
    cells = region_from(pos, cell, colour)
    if cell != min(cells):
        return f"the first cell of that region is {_at(pos, min(cells))}"
    if move.number != len(cells):
        return f"with border colour {colour} the region of {where} has {len(cells)} cells"
    found = regions(pos)
    if cells not in found:
        inside = len({pos.stacks[c][-1] for c in cells & pos.stacks.keys()})
        if colour == 0 and inside != 1:
            return f"{inside} players control stacks inside; without a border colour it must be exactly one"
        return "every player with a ring in a stack controls a stack inside, so it is no region"
    if set(map(str, move.colours)) != set(found[cells]):
        return f"the border colours of that region are {found[cells]}"
    assert cells not in processable(pos)
    what = "stack with a buried ring of the player" if pos.recovered else "stack controlled by the player"
    return f"no {what} is outside the region to pay for it"


def _region_payment(pos: Position, move: Move) -> str:
    if not pos.owed:
        return "no elimination is owed for a region (rulebook section 8)"
    if (move.kind == "ER") != pos.recovered:
        return f"regions are paid with {'ER' if pos.recovered else 'ET'} in this turn (rulebook section 8)"
    assert move.cells[0] not in payers(pos)
    what = "has no buried ring of the player" if pos.recovered else "is not a stack controlled by the player"
    return f"{_at(pos, move.cells[0])} {what} (rulebook section 8)"


def _skip_territory(pos: Position, move: Move) -> str:
    return "there is no region to skip, so NO_TERR is played (rulebook section 8)"


def _no_territory(pos: Position, move: Move) -> str:
    return "it is forced bookkeeping, and there is a region to process or skip (rulebook section 8)"


def _forced_elimination(pos: Position, move: Move) -> str:
    return f"the player controls no stack on {_at(pos, move.cells[0])} (rulebook section 9)"


_REASONS = {
    "P": _placement,
    "SKIP_PLACE": _skip_placement,
    "NO_PLACE": _no_placement,
    "SWAP": _swap,
    "M": _movement,
    "C": _capture,
    "K": _capture,
    **dict.fromkeys(_RECOVERIES, _recovery),
    "SKIP_RECOVERY": _skip_recovery,
    "NO_MOVE": _no_movement,
    "L": _line,
    "NO_LINE": _no_line,
    "EL": _line_payment,
    "T": _region,
    "SKIP_TERR": _skip_territory,
    "NO_TERR": _no_territory,
    "ET": _region_payment,
    "ER": _region_payment,
    "FE": _forced_elimination,
}
