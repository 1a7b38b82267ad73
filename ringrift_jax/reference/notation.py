"""State strings, both ways (records section 4).

A string does not carry the turn number, the turns in which seats lost their last ring, or what ended a finished game.
Reading assumes that seats without any ring lost their last one together, before this turn, and no result. A pie rule
that could be used but is not offered has been used.
The position need not be reachable: rings may be missing.
"""

import re
from collections.abc import Iterable

from ..boards import Board
from . import movement, recovery
from .moves import parse_cell
from .position import (
    CAPTURE,
    CHAIN,
    FORCED,
    LINE,
    MOVE,
    OVER,
    PHASES,
    PLACE,
    TERRITORY,
    Position,
    Stack,
    controlled,
    controls_stack,
    has_ring,
    new_game,
    territory,
)
from .territory import payers
from .turn import legal_moves

FIELDS = (
    "player to move", "phase", "rings in hand", "eliminated rings", "territory",
    "stacks", "markers", "collapsed cells", "flags",
)  # fmt: skip
_FLAGS = ("mm", "at", "sl", "pl", "pt", "rec", "act", "sw", "lps")
_FLAGS_OF_PHASE = {
    PLACE: {"sw", "lps"},
    MOVE: {"mm", "sl", "rec", "act", "lps"},
    CAPTURE: {"at", "rec", "act", "lps"},
    CHAIN: {"at", "rec", "act", "lps"},
    LINE: {"pl", "rec", "act", "lps"},
    TERRITORY: {"pt", "rec", "act", "lps"},
    FORCED: {"lps"},
}


def state_string(pos: Position) -> str:
    """The nine fields, exactly; a pending slide adds the flag ``sl=a>b`` after ``mm`` and ``at``."""
    return "|".join(
        (
            str(pos.seat),
            pos.phase,
            _by_seat(pos.hand[s] for s in pos.seats),
            _by_seat(pos.eliminated[s] for s in pos.seats),
            _by_seat(territory(pos).values()),
            _by_cell(pos, {c: "".join(map(str, stack)) for c, stack in pos.stacks.items()}),
            _by_cell(pos, pos.markers),
            _by_cell(pos, pos.collapsed),
            " ".join(_flags(pos)) if pos.phase != OVER else "",
        )
    )


def _by_seat(values: Iterable[int]) -> str:
    return ",".join(map(str, values))


def _by_cell(pos: Position, contents: dict) -> str:
    names = pos.geometry.names
    return " ".join(f"{names[c]}:{contents[c]}" for c in sorted(contents))


def _flags(pos: Position) -> list[str]:
    names = pos.geometry.names
    flags = []
    if pos.focus is not None:
        flags.append(f"{'mm' if pos.phase == MOVE else 'at'}={names[pos.focus]}")
    if pos.slide is not None:
        flags.append(f"sl={names[pos.slide[0]]}>{names[pos.slide[1]]}")
    if pos.owed:
        flags.append("pl" if pos.phase == LINE else "pt")
    if pos.recovered and pos.phase != PLACE:
        flags.append("rec")
    if pos.acted and pos.phase != PLACE:
        flags.append("act")
    if pos.swap_available():
        flags.append("sw")
    marks = "".join({None: "-", False: "0", True: "1"}[pos.marks.get(s)] for s in pos.seats)
    return [*flags, f"lps={pos.first}/{marks}/{pos.streak_seat}/{pos.streak}"]


def from_state_string(board: Board, text: str, swap_rule: bool = False) -> Position:
    """The position of a state string; ValueError, with the reason, when the text is not a state of the board."""
    pos = new_game(board, swap_rule)
    fields = text.split("|")
    if len(fields) != len(FIELDS):
        raise ValueError(f"a state has {len(FIELDS)} fields separated by |, this text has {len(fields)}")
    seat, phase, hand, eliminated, lands, stacks, markers, collapsed, flags = fields
    _require(phase in PHASES, f"phase is {phase!r}; it must be one of {', '.join(PHASES)}")
    pos.phase = phase
    pos.seat = _number(seat, "player to move", 0 if phase == OVER else 1, 0 if phase == OVER else board.num_players)
    pos.hand = _numbers(pos, hand, "rings in hand")
    pos.eliminated = _numbers(pos, eliminated, "eliminated rings")
    pos.stacks = {c: tuple(map(int, rings)) for c, rings in _cells(pos, stacks, "stack", f"[1-{board.num_players}]+")}
    pos.markers = {c: int(owner) for c, owner in _cells(pos, markers, "marker", f"[1-{board.num_players}]")}
    pos.collapsed = {c: int(owner) for c, owner in _cells(pos, collapsed, "collapsed cell", f"[1-{board.num_players}]")}
    counted = territory(pos)
    _require(
        _numbers(pos, lands, "territory") == counted,
        f"territory is {lands}; the collapsed cells say {_by_seat(counted.values())}",
    )
    _check_rings(pos)
    pos.lost = {seat: pos.turn for seat in pos.seats if not has_ring(pos, seat)}
    pos.turn += bool(pos.lost)
    if phase == OVER:
        _require(not flags, "a finished game has no flags")
    else:
        _read_flags(pos, flags)
        _check_running(pos)
    return pos


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _number(text: str, what: str, low: int, high: int) -> int:
    good = re.fullmatch("0|[1-9][0-9]{0,3}", text, re.ASCII) and low <= int(text) <= high
    _require(bool(good), f"{what} is {text!r}; it must be a number from {low} to {high}")
    return int(text)


def _numbers(pos: Position, text: str, what: str) -> dict[int, int]:
    parts = text.split(",")
    n = pos.board.num_players
    _require(len(parts) == n, f"{what} is {text!r}; it must be {n} numbers separated by commas")
    return {seat: _number(part, what, 0, 9999) for seat, part in zip(pos.seats, parts, strict=True)}


def _cells(pos: Position, text: str, what: str, content: str) -> list[tuple[int, str]]:
    """Pairs of a ``cell:content`` field, which must be in cell order."""
    pairs = []
    for entry in text.split(" ") if text else ():
        name, _, owner = entry.partition(":")
        cell = parse_cell(pos.board, name)
        _require(bool(re.fullmatch(content, owner, re.ASCII)), f"{what} {entry!r} must be cell:{content}")
        _require(not pairs or cell > pairs[-1][0], f"{what} {entry!r} is not in cell order")
        pairs.append((cell, owner))
    return pairs


def _check_rings(pos: Position) -> None:
    board, names = pos.board, pos.geometry.names
    for c, owners in (*pos.stacks.items(), *pos.markers.items()):
        others = (pos.collapsed,) if isinstance(owners, tuple) else (pos.collapsed, pos.stacks)
        _require(not any(c in other for other in others), f"{names[c]} holds more than one thing")
    for c, stack in pos.stacks.items():
        _require(
            len(stack) <= board.max_height,
            f"the stack on {names[c]} has {len(stack)} rings; the highest possible has {board.max_height}",
        )
    rings = [owner for stack in pos.stacks.values() for owner in stack]
    for seat in pos.seats:
        held = pos.hand[seat] + rings.count(seat)
        _require(
            held <= board.rings_per_player,
            f"seat {seat} has {held} rings in hand and on the board; it starts with {board.rings_per_player}",
        )
    total = sum(pos.hand.values()) + sum(pos.eliminated.values()) + len(rings)
    expected = board.num_players * board.rings_per_player
    _require(total <= expected, f"hands, stacks and eliminated rings hold {total} rings; the game has {expected}")


def _read_flags(pos: Position, text: str) -> None:
    flags = {}
    for flag in text.split(" "):
        key, equals, value = flag.partition("=")
        _require(
            key in _FLAGS and bool(equals) == (key in ("mm", "at", "sl", "lps")),
            f"{flag!r} is not a flag; flags are mm=, at=, sl=, pl, pt, rec, act, sw and lps=",
        )
        order = [_FLAGS.index(k) for k in (*flags, key)]
        _require(order == sorted(set(order)), f"flag {flag!r} is repeated or out of order")
        flags[key] = value
    for key in flags:
        _require(key in _FLAGS_OF_PHASE[pos.phase], f"flag {key!r} does not occur in phase {pos.phase}")
    _require("lps" in flags, "the flag lps= is missing")
    if "mm" in flags or "at" in flags:
        pos.focus = parse_cell(pos.board, flags.get("mm", flags.get("at", "")))
    if "sl" in flags:
        a, _, b = flags["sl"].partition(">")
        pos.slide = parse_cell(pos.board, a), parse_cell(pos.board, b)
    pos.owed = "pl" in flags or "pt" in flags
    pos.recovered, pos.acted = "rec" in flags, "act" in flags
    _read_rounds(pos, flags["lps"])
    offered = pos.swap_available()
    _require("sw" not in flags or offered, "the pie rule (flag sw) is not available here")
    pos.swapped = offered and "sw" not in flags


def _read_rounds(pos: Position, text: str) -> None:
    n = pos.board.num_players
    match = re.fullmatch(rf"([0-{n}])/([-01]{{{n}}})/([0-{n}])/(0|[1-9][0-9]{{0,3}})", text, re.ASCII)
    if not match:
        raise ValueError(f"lps={text} must be lps=F/MASK/X/K: seats 0 to {n}, {n} marks 0, 1 or -, seat, number")
    pos.first, pos.streak_seat, pos.streak = int(match[1]), int(match[3]), int(match[4])
    pos.marks = {seat: mark == "1" for seat, mark in zip(pos.seats, match[2], strict=True) if mark != "-"}
    _require((pos.streak_seat == 0) == (pos.streak == 0), f"lps={text} must have a streak and its seat or neither")
    _require(bool(pos.first or not (pos.marks or pos.streak)), f"lps={text} has marks or a streak but no first seat")


def _check_running(pos: Position) -> None:
    """What a running position of each phase has; without it the phase would make no sense."""
    seat, names = pos.seat, pos.geometry.names
    if pos.phase == PLACE:
        _require(has_ring(pos, seat), f"seat {seat} begins a turn but has no ring")
    if pos.phase in (CAPTURE, CHAIN):
        _require(pos.focus is not None, f"phase {pos.phase} needs the flag at=")
    if pos.focus is not None or pos.owed or pos.recovered:
        _require(pos.acted, "the flags mm=, at=, pl, pt and rec need the flag act: the board has changed")
    if pos.focus is not None:
        stack: Stack = pos.stacks.get(pos.focus, ())
        _require(stack[-1:] == (seat,), f"seat {seat} controls no stack on {names[pos.focus]}")
        able = movement.can_act(pos, pos.focus, stack) if pos.phase == MOVE else movement.can_capture(pos, pos.focus)
        _require(able, f"the stack on {names[pos.focus]} can do nothing in phase {pos.phase}")
    if pos.slide is not None:
        legal = recovery.eligible(pos, seat) and legal_moves(pos)
        a, b = (names[c] for c in pos.slide)
        _require(bool(legal), f"the slide {a}>{b} is not a legal recovery")
    if pos.owed:
        paying = controlled(pos, seat) if pos.phase == LINE else payers(pos)
        _require(next(paying, None) is not None, "an elimination is owed but no stack can pay it")
    if pos.phase == FORCED:
        _require(controls_stack(pos, seat), f"phase fe is for a player with a stack, and seat {seat} has none")
