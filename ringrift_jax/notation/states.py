"""The state strings of the notation, both ways. Users find them in ``notation``."""

import re
from functools import cache

import jax
import numpy as np

from ..boards import Board
from ..env import Env
from ..rules.actions import Layout
from ..rules.placement import swap_is_open
from ..rules.state import Mark, Phase, Reason, State

PHASE_NAMES = {
    Phase.PLACE: "place",
    Phase.MOVE: "move",
    Phase.CAPTURE: "capture",
    Phase.CHAIN: "chain",
    Phase.LINE: "line",
    Phase.TERRITORY: "terr",
    Phase.FORCED_ELIMINATION: "fe",
    Phase.OVER: "over",
}
REASON_NAMES = {
    Reason.RING_ELIMINATION: "ring_elimination",
    Reason.TERRITORY_CONTROL: "territory_control",
    Reason.LAST_PLAYER_STANDING: "last_player_standing",
    Reason.LPS_ROUNDS: "lps_rounds",
    Reason.STALEMATE_TERRITORY: "stalemate:territory_control",
    Reason.STALEMATE_ELIMINATION: "stalemate:ring_elimination",
    Reason.STALEMATE_LAST_PLAYER: "stalemate:last_player_standing",
    Reason.STALEMATE_SEAT_ORDER: "stalemate:tiebreaker_by_player_number",
    Reason.TRUNCATED: "truncated",
}
"""How the recorded games spell why a game ended; a running game has no reason."""
_MARK_NAMES = {Mark.UNRECORDED: "-", Mark.BLOCKED: "0", Mark.ACTIVE: "1"}
_FLAGS_OF_PHASE = {
    Phase.PLACE: {"sw", "lps"},
    Phase.MOVE: {"mm", "sl", "act", "lps"},
    Phase.CAPTURE: {"at", "act", "lps"},
    Phase.CHAIN: {"at", "act", "lps"},
    Phase.LINE: {"pl", "rec", "act", "lps"},
    Phase.TERRITORY: {"pt", "rec", "act", "lps"},
    Phase.FORCED_ELIMINATION: {"lps"},
    Phase.OVER: set(),
}
# Each of these tells of a change of the board in this turn, and so comes with "act".
_CHANGES = ("mm", "at", "pl", "pt", "rec")


@cache
def cell_names(board: Board) -> tuple[str, ...]:
    """``"x,y"`` of every cell index."""
    return tuple(board.cell_name(i) for i in range(board.size**2))


@cache
def neighbours(board: Board) -> list[list[int]]:
    """By direction and cell: the next cell, -1 beyond the edge of the array."""
    x, y = np.divmod(np.arange(board.size**2), board.size)
    table = []
    for dx, dy in board.directions:
        inside = (x + dx >= 0) & (x + dx < board.size) & (y + dy >= 0) & (y + dy < board.size)
        table.append(np.where(inside, (x + dx) * board.size + y + dy, -1).tolist())
    return table


def parse_cell(board: Board, text: str) -> int:
    """The index of the cell ``"x,y"``. ValueError when it is malformed or off the board."""
    match = re.fullmatch(r"(-?[0-9]{1,2}),(-?[0-9]{1,2})", text)
    if not match:
        raise ValueError(f"{text!r} is not a cell; cells are written x,y")
    return board.cell_index(int(match[1]), int(match[2]))


def on_host(state: State) -> State:
    """The state as NumPy arrays; one of NumPy arrays as it is, because ``device_get`` takes longer than the rest."""
    return state if isinstance(state.ground, np.ndarray) else jax.device_get(state)


def stack_rings(stacks: jax.Array | np.ndarray) -> dict[int, list[int]]:
    """The rings of every stack of ``State.stacks`` as seats from bottom to top, by cell."""
    words = np.asarray(stacks, np.uint64).reshape(stacks.shape[0], -1)
    values = words[0] if len(words) == 1 else words[0] | words[1] << np.uint64(32)
    found = {}
    for cell in np.flatnonzero(values > 1).tolist():
        value = int(values[cell])
        height = (value.bit_length() - 1) // 2
        found[cell] = [value >> 2 * i & 3 for i in reversed(range(height))]
    return found


def state_string(env: Env, state: State) -> str:
    """The nine fields of ``state``, exactly as in the recorded games."""
    host = on_host(state)
    names = cell_names(env.board)
    over = host.phase == Phase.OVER
    ground = host.ground.reshape(-1)
    collapsed = [int((ground == -(seat + 1)).sum()) for seat in range(env.num_players)]
    fields = (
        "0" if over else str(host.current_seat + 1),
        PHASE_NAMES[Phase(int(host.phase))],
        _join(host.hand),
        _join(host.eliminated),
        _join(collapsed),
        " ".join(f"{names[i]}:{''.join(str(r + 1) for r in rings)}" for i, rings in stack_rings(host.stacks).items()),
        " ".join(f"{names[i]}:{ground[i]}" for i in np.flatnonzero(ground > 0)),
        " ".join(f"{names[i]}:{-ground[i]}" for i in np.flatnonzero(ground < 0)),
        "" if over else " ".join(_flags(env, host)),
    )
    return "|".join(fields)


def from_state_string(env: Env, text: str) -> State:
    """The state that ``text`` describes. ValueError, with the reason, when it does not describe a decision.

    What a string cannot carry is taken as follows. Whether the players exchanged seats is known only at seat 2's first
    placement; elsewhere they did not. Seats without any ring lost their last one together, before this turn. ``steps``
    counts from 0. Of a finished game neither winner nor reason is known: they are -1 and ``Reason.NONE``.

    The position need not be reachable: rings may be missing, and round tracking is taken on trust. A position at which
    only a forced move is possible is refused, because it is not a decision.
    """
    fields = text.split("|")
    if len(fields) != 9:
        raise ValueError(f"a state has 9 fields separated by '|', this text has {len(fields)}")
    board, n = env.board, env.num_players
    phases = {name: phase for phase, name in PHASE_NAMES.items()}
    phase = phases.get(fields[1])
    if phase is None:
        raise ValueError(f"unknown phase {fields[1]!r}; it must be one of {', '.join(phases)}")
    over = phase == Phase.OVER
    seat = _number(fields[0], "player to move", n)
    if over != (seat == 0):
        raise ValueError(f"player to move is {seat}; it must be 1 to {n}, or 0 when (and only when) the game is over")

    hand = _numbers(fields[2], "rings in hand", n, board.rings_per_player)
    eliminated = _numbers(fields[3], "eliminated rings", n, n * board.rings_per_player)
    territory = _numbers(fields[4], "territory", n, board.num_cells)
    stacks = _cells(board, fields[5], rf"[1-{n}]{{1,{board.max_height}}}", f"1 to {board.max_height} digits 1 to {n}")
    markers = _cells(board, fields[6], f"[1-{n}]", f"one digit 1 to {n}")
    collapsed = _cells(board, fields[7], f"[1-{n}]", f"one digit 1 to {n}")
    _check_counts(board, hand, eliminated, territory, (stacks, markers, collapsed))
    flags = _parse_flags(fields[8], phase)

    ground = np.zeros(board.size**2, np.int8)
    ground[list(markers)] = [int(owner) for owner in markers.values()]
    ground[list(collapsed)] = [-int(owner) for owner in collapsed.values()]
    rings = "".join(stacks.values())
    lost = np.array([hand[s] + rings.count(str(s + 1)) == 0 for s in range(n)], np.int32)
    focus_flag = flags.get("mm", flags.get("at"))
    focus = -1 if focus_flag is None else parse_cell(board, focus_flag)
    if focus >= 0 and stacks.get(focus, "")[-1:] != str(seat):
        raise ValueError(
            f"{focus_flag} holds no stack of player {seat}, so it cannot be the one that may move or capture"
        )
    template = _start(env)
    changes = {
        "stacks": _pack(template.stacks.shape, stacks),
        "ground": ground.reshape(board.size, board.size),
        "hand": hand,
        "eliminated": eliminated,
        "lost_turn": lost,
        "turn": 1 + lost.max(),
        "current_seat": max(seat - 1, 0),
        "phase": phase,
        "focus": focus,
        "owed": "pl" in flags or "pt" in flags,
        "acted": "act" in flags,
        "recovered": "rec" in flags,
        **({} if over else _parse_rounds(flags["lps"], n)),
    }
    state = template.replace(**{name: np.asarray(v, getattr(template, name).dtype) for name, v in changes.items()})
    if not over:
        state = _settle_swap(env, state, "sw" in flags)
        state = _settle_slide(env, state, flags.get("sl"))
        _check_decision(env, state)
    canonical = state_string(env, state)
    if canonical != text:
        raise ValueError(f"cells or flags are out of order or a number is not plain; the same state is {canonical!r}")
    return jax.device_put(state)


@cache
def _start(env: Env) -> State:
    """The start of a game as host arrays."""
    return jax.device_get(env.init())


def pending_slide(state: State, origin: int, direction: int) -> State:
    """A state in ``MOVE`` with a recovery slide made and not yet paid: nothing on the board has changed."""
    return state.replace(focus=np.int32(origin), slide=np.int32(direction))


def _join(numbers) -> str:
    return ",".join(str(number) for number in numbers)


def _pack(shape: tuple[int, ...], stacks: dict[int, str]) -> np.ndarray:
    values = np.ones(shape[1] * shape[2], np.uint64)
    for cell, rings in stacks.items():
        packed = 1
        for digit in rings:
            packed = packed << 2 | int(digit) - 1
        values[cell] = packed
    words = [values >> np.uint64(32 * w) & np.uint64(0xFFFFFFFF) for w in range(shape[0])]
    return np.stack(words).astype(np.uint32).reshape(shape)


def _swap_offered(env: Env, host: State) -> bool:
    return env.swap_rule and bool(swap_is_open(env.board, host))


def _flags(env: Env, host: State) -> list[str]:
    names = cell_names(env.board)
    flags = []
    if host.slide >= 0:
        landing = neighbours(env.board)[host.slide][host.focus]
        flags.append(f"sl={names[host.focus]}>{names[landing]}")
    elif host.focus >= 0:
        flags.append(f"{'mm' if host.phase == Phase.MOVE else 'at'}={names[host.focus]}")
    if host.owed:
        flags.append("pl" if host.phase == Phase.LINE else "pt")
    if host.phase != Phase.PLACE:
        flags += ["rec"] * bool(host.recovered) + ["act"] * bool(host.acted)
    if _swap_offered(env, host):
        flags.append("sw")
    marks = "".join(_MARK_NAMES[Mark(int(mark))] for mark in host.marks)
    flags.append(f"lps={host.round_first + 1}/{marks}/{host.streak_seat + 1}/{host.streak_length}")
    return flags


def _number(text: str, what: str, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > high:
        raise ValueError(f"{what} is {text!r}; it must be a number from 0 to {high}")
    return int(text)


def _numbers(text: str, what: str, n: int, high: int) -> list[int]:
    parts = text.split(",")
    if len(parts) != n:
        raise ValueError(f"{what} is {text!r}; it must be {n} numbers separated by ','")
    return [_number(part, what, high) for part in parts]


def _cells(board: Board, text: str, pattern: str, meaning: str) -> dict[int, str]:
    """Reads ``cell:value`` pairs separated by spaces."""
    found: dict[int, str] = {}
    for item in text.split(" ") if text else ():
        cell, _, value = item.partition(":")
        index = parse_cell(board, cell)
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{item!r}: after the cell and ':' must come {meaning}")
        if index in found:
            raise ValueError(f"cell {cell} is listed twice")
        found[index] = value
    return found


def _check_counts(
    board: Board, hand: list[int], eliminated: list[int], territory: list[int], ground: tuple[dict[int, str], ...]
) -> None:
    stacks, markers, collapsed = ground
    for cell in (
        (stacks.keys() & markers.keys()) | (stacks.keys() & collapsed.keys()) | (markers.keys() & collapsed.keys())
    ):
        raise ValueError(f"cell {board.cell_name(cell)} holds two things; a cell is a stack, a marker or collapsed")
    rings = "".join(stacks.values())
    for seat in range(1, board.num_players + 1):
        owned = hand[seat - 1] + rings.count(str(seat))
        if owned > board.rings_per_player:
            raise ValueError(f"player {seat} has {owned} rings; there are {board.rings_per_player}")
        if territory[seat - 1] != list(collapsed.values()).count(str(seat)):
            raise ValueError(f"territory of player {seat} is not the number of its collapsed cells")
    total = sum(hand) + len(rings) + sum(eliminated)
    if total > board.num_players * board.rings_per_player:
        raise ValueError(f"hands, stacks and eliminated rings are {total} rings; there are fewer")


def _parse_flags(text: str, phase: Phase) -> dict[str, str]:
    flags: dict[str, str] = {}
    for item in text.split(" ") if text else ():
        name, equals, value = item.partition("=")
        if name not in _FLAGS_OF_PHASE[phase] or bool(equals) != (name in ("mm", "at", "sl", "lps")):
            allowed = ", ".join(sorted(_FLAGS_OF_PHASE[phase])) or "none"
            raise ValueError(f"flag {item!r} does not fit phase {PHASE_NAMES[phase]}; flags there are: {allowed}")
        flags[name] = value
    if phase != Phase.OVER and "lps" not in flags:
        raise ValueError("flag lps=F/MASK/X/K is missing")
    if phase in (Phase.CAPTURE, Phase.CHAIN) and "at" not in flags:
        raise ValueError(f"phase {PHASE_NAMES[phase]} needs the flag at=x,y")
    if "mm" in flags and "sl" in flags:
        raise ValueError("flags mm and sl exclude each other: no recovery follows a placement")
    changes = [name for name in _CHANGES if name in flags]
    if changes and "act" not in flags:
        raise ValueError(f"flag {changes[0]} needs flag act: the board has been changed in this turn")
    if phase == Phase.MOVE and "act" in flags and "mm" not in flags:
        raise ValueError("flag act in phase move needs flag mm: only a placement changes the board before a move")
    return flags


def _parse_rounds(text: str, n: int) -> dict[str, object]:
    match = re.fullmatch(rf"([0-{n}])/([-01]{{{n}}})/([0-{n}])/([0-9]{{1,5}})", text)
    if not match:
        raise ValueError(
            f"lps={text} must be F/MASK/X/K: F and X are 0 to {n}, MASK is {n} times -, 0 or 1, K is a number"
        )
    first, streak, length = int(match[1]), int(match[3]), int(match[4])
    if first == 0 and (match[2].strip("-") or streak):
        raise ValueError(f"lps={text}: with F = 0 nothing has been recorded, so MASK is all - and X is 0")
    if (streak == 0) != (length == 0):
        raise ValueError(f"lps={text}: X and K are both 0 or neither is")
    marks = {name: mark for mark, name in _MARK_NAMES.items()}
    return {
        "round_first": first - 1,
        "marks": [marks[name] for name in match[2]],
        "streak_seat": streak - 1,
        "streak_length": length,
    }


def _settle_swap(env: Env, state: State, offered: bool) -> State:
    possible = _swap_offered(env, state)
    if offered and not possible:
        raise ValueError(
            "flag sw: SWAP is only possible at player 2's first placement, with two players and the swap rule"
        )
    return state.replace(swapped=np.asarray(possible and not offered))


def _settle_slide(env: Env, state: State, text: str | None) -> State:
    """The state with the recovery slide ``"a>b"`` pending."""
    if text is None:
        return state
    board = env.board
    origin, arrow, landing = text.partition(">")
    cells = [parse_cell(board, origin), parse_cell(board, landing)] if arrow else [-1, -1]
    for direction, table in enumerate(neighbours(board)):
        action = Layout(board).ray(cells[0], direction, 1)
        is_slide = arrow and table[cells[0]] == cells[1] and state.ground.reshape(-1)[cells[0]] > 0
        if is_slide and env.legal_action_mask(state)[action]:
            return pending_slide(state, cells[0], direction)
    raise ValueError(f"sl={text} is not a legal recovery slide a>b of player {int(state.current_seat) + 1}")


def _check_decision(env: Env, state: State) -> None:
    mask = np.array(env.legal_action_mask(state))
    if int(state.phase) in (Phase.CAPTURE, Phase.TERRITORY):
        mask[env.layout.skip] = False
    if not mask.any():
        phase = PHASE_NAMES[Phase(int(state.phase))]
        raise ValueError(f"not a decision: in phase {phase} of this position there is nothing to choose")
