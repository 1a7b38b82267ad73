"""What a move would do, before it is made: in a sentence, and on the board."""

from typing import Any

from ..reference.explain import explain
from ..reference.game import settle
from ..reference.moves import Move, ends, parse_move
from ..reference.position import OVER, Position, cap_height, territory
from ..reference.territory import border, region_from
from ..reference.turn import actions, apply, legal_moves


def contents(pos: Position) -> dict[int, str]:
    """What is on each cell that has something: ``c1`` collapsed by seat 1, ``m1`` its marker, ``s12`` a stack from the
    bottom."""
    return {
        **{cell: f"c{owner}" for cell, owner in pos.collapsed.items()},
        **{cell: f"m{owner}" for cell, owner in pos.markers.items()},
        **{cell: f"s{''.join(map(str, rings))}" for cell, rings in pos.stacks.items()},
    }


def clicks(pos: Position, move: Move) -> list[list[int]]:
    """The cells to choose for a move, one after the other; any of those listed together counts."""
    cells, kind = move.cells, move.kind
    moved = ends(move)
    if moved:
        steps = [[cell] for cell in moved]
        if kind in ("F", "S", "1"):
            steps.append([cells[2]])
        elif kind == "2":
            steps.append(_run(pos, cells[2], cells[3]))
        return steps
    if kind == "L":
        return [_run(pos, cells[-2], cells[-1])]
    if kind == "T":
        return [sorted(region_from(pos, cells[0], move.colours[0]))]
    return [[cell] for cell in cells]


def _run(pos: Position, first: int, last: int) -> list[int]:
    return [first, *pos.geometry.between(first, last), last] if first != last else [first]


def check_legal(pos: Position, text: str) -> None:
    """ValueError, with the reason, when what a person asks for is no legal move, nor the slide of one."""
    if text not in legal_moves(pos) and text not in actions(pos):
        raise ValueError(explain(pos, text))


def checked_effect(pos: Position, text: str) -> dict[str, Any]:
    """:func:`effect` of what a person asks for, with the error of :func:`check_legal`."""
    check_legal(pos, text)
    return effect(pos, text)


_YOU = {"you": "you", "your": "your", "of_yours": "of yours", "yours": "yours", "Your": "Your", "Take": "You take"}


def effect(pos: Position, text: str, to_mover: bool = True) -> dict[str, Any]:
    """What a legal move would do.

    Args:
      pos: a settled position.
      text: the move, or the slide of a recovery alone.
      to_mover: the sentence speaks to who moves, and else about that seat.

    Returns:
      ``says``: a sentence; ``after``: the contents of the cells that change, empty texts for bare ones; ``marks``: the
      cells that are ``captured``, ``landing``, ``flipped``, ``collapsed``, or of a ``region`` or its ``border``.
    """
    move = parse_move(pos.board, text)
    after = pos if move.kind == "R" else apply(pos, text)
    before, then = contents(pos), contents(after)
    changed = {cell for cell in before.keys() | then.keys() if before.get(cell) != then.get(cell)}
    flipped = sorted(c for c in changed if c in pos.markers and after.markers.get(c, pos.markers[c]) != pos.markers[c])
    marks = {
        "collapsed": sorted(changed & after.collapsed.keys()),
        "flipped": flipped,
        "captured": [move.cells[1]] if move.kind in ("C", "K") else [],
        "landing": [ends(move)[1]] if ends(move) else [],  # pyright: ignore[reportOptionalSubscript]
        "region": [],
        "border": [],
    }
    if move.kind == "T":
        region = region_from(pos, move.cells[0], move.colours[0])
        marks |= {"region": sorted(region), "border": sorted(border(pos, region)), "collapsed": []}
    seat = f"seat {pos.seat}"
    about = {
        "you": seat,
        "your": "its",
        "of_yours": "of its own",
        "yours": "its own",
        "Your": "Its",
        "Take": "It takes",
    }
    says = " ".join([*_says(pos, move, after, marks), *_comes(pos, after)]).format_map(_YOU if to_mover else about)
    return {"says": says, "after": {cell: then.get(cell, "") for cell in sorted(changed)}, "marks": marks}


def _says(pos: Position, move: Move, after: Position, marks: dict[str, list[int]]) -> list[str]:
    names = [pos.geometry.names[cell] for cell in move.cells]
    gone = after.eliminated[pos.seat] - pos.eliminated[pos.seat]
    match move.kind:
        case "P":
            stack = after.stacks[move.cells[0]]
            return [f"{_count(move.number, 'ring')} on {names[0]}: {_stack(stack)}, which moves next."]
        case "M":
            return [f"The stack of {len(pos.stacks[move.cells[0]])} goes from {names[0]} to {names[1]}.", *_way(marks)]
        case "C" | "K":
            taken = pos.stacks[move.cells[1]][-1]
            whose = "{your} own" if taken == pos.seat else f"seat {taken}'s"
            return [f"Jumps over {names[1]}, takes {whose} ring from its top, lands on {names[2]}.", *_way(marks)]
        case "R":
            return [f"The marker slides to {names[1]}; what pays for it is chosen next."]
        case "F":
            return [f"The marker slides to {names[1]}; {{your}} lowest ring on {names[2]} pays."]
        case "S":
            return [f"The marker removes the top ring of {names[1]}; {{your}} lowest ring on {names[2]} pays."]
        case "1":
            return [f"{_become(len(marks['collapsed']), 'cell')} territory; {{your}} ring on {names[2]} pays."]
        case "2":
            return [f"{_become(len(marks['collapsed']), 'cell')} territory, for nothing."]
        case "L":
            price = "A ring is to be paid for it." if after.owed else "It costs nothing."
            return [f"{_become(len(marks['collapsed']), 'cell')} territory. {price}"]
        case "T":
            inside, around = len(marks["region"]), len(marks["border"])
            price = "A ring {of_yours} inside a stack" if pos.recovered else "A cap"
            rings = f"{_count(gone, 'ring')} in it {'is' if gone == 1 else 'are'} eliminated for {{you}}."
            return [
                f"Claims {_count(inside, 'cell')} and {_count(around, 'marker')} around: {inside + around} territory.",
                *([rings] if gone else []),
                f"{price} is to be paid for it.",
            ]
        case "EL" | "ET" | "ER" | "FE":
            return [f"The stack on {names[0]} loses {_count(gone, 'ring')}, eliminated for {{you}}."]
        case "SWAP":
            return ["{Take} over the colour of the other player, who gets {your} colour."]
        case _:
            return [_SKIPS[move.kind]]


_SKIPS = {
    "SKIP_PLACE": "Nothing is placed, and any of {your} stacks may move.",
    "SKIP_RECOVERY": "Nothing is done.",
    "SKIP_CAPTURE": "The stack stays where it is.",
    "SKIP_TERR": "The region stays as it is, and may be claimed later, by others too.",
}


def _way(marks: dict[str, list[int]]) -> list[str]:
    """What happens to the markers on the way."""
    said = []
    if marks["collapsed"]:
        said.append(
            f"{_become(len(marks['collapsed']), 'marker {of_yours}', 'markers {of_yours}')} territory on the way."
        )
    if marks["flipped"]:
        said.append(f"{_become(len(marks['flipped']), 'other marker')} {{yours}}.")
    return said


def _comes(pos: Position, after: Position) -> list[str]:
    """The ring that landing on a marker costs, and what comes next."""
    said = []
    landed = after.eliminated[pos.seat] > pos.eliminated[pos.seat] and pos.phase in ("move", "capture", "chain")
    if landed and not after.recovered:
        said.append("It lands on a marker, so its top ring is eliminated, for {you}.")
    end = settle(after)
    if end.phase == OVER:
        said.append(f"Seat {end.winner} wins.")
    elif end.turn != pos.turn:
        said.append("{Your} turn ends.")
    elif end.phase == "chain":
        said.append("It must then capture again.")
    elif end.phase == "capture":
        said.append("It may then capture.")
    elif end.phase == "terr" and not end.owed and pos.phase != "terr":
        said.append("Then there is a region to claim.")
    elif end.phase == "line" and not end.owed and pos.phase != "line":
        said.append("Then there is a line.")
    return said


def _stack(rings: tuple[int, ...]) -> str:
    cap = cap_height(rings)
    return f"a stack of {len(rings)}" + (f" with a cap of {cap}" if cap != len(rings) else "")


def _become(number: int, noun: str, nouns: str = "") -> str:
    return f"1 {noun} becomes" if number == 1 else f"{number} {nouns or noun + 's'} become"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def choices(pos: Position) -> list[dict[str, Any]]:
    """The legal moves of a settled position, with the cells to choose for each."""
    return [{"move": text, "steps": clicks(pos, parse_move(pos.board, text))} for text in legal_moves(pos)]


def counts(pos: Position) -> list[dict[str, int]]:
    """Of each seat: rings in hand, eliminated rings and territory."""
    lands = territory(pos)
    return [{"hand": pos.hand[s], "eliminated": pos.eliminated[s], "territory": lands[s]} for s in pos.seats]
