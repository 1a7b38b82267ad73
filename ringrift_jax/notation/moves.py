"""States and moves as text: the strings of the recorded games, spoken at decisions.

A state is nine fields separated by ``|``: player to move (0 when over), phase, hands, eliminated rings, territory,
stacks, markers, collapsed cells, flags. A move is a short text such as ``P 3,4 2``, ``C 1,1*1,3>1,6`` or ``SKIP_TERR``.
The forced moves (``NO_PLACE``, ``NO_MOVE``, ``NO_LINE``, ``NO_TERR``) are no decisions: the step before makes them.

A recovery is one move but two actions, its slide and then its payment or window. Between the two the state string has
the flag ``sl=a>b``, and the moves are the whole recoveries that begin with that slide.

All functions take one unbatched state and run on the host, around the jitted rules.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from ..boards import Board
from ..env import Env
from ..reference.moves import is_slide
from ..rules import territory
from ..rules.actions import Layout
from ..rules.state import Phase, State
from .states import (
    PHASE_NAMES,
    cell_names,
    neighbours,
    on_host,
    parse_cell,
    pending_slide,
    stack_rings,
)

_region_of = jax.jit(territory.region_of, static_argnums=0)

_SKIPS = {
    Phase.PLACE: "SKIP_PLACE",
    Phase.MOVE: "SKIP_RECOVERY",
    Phase.CAPTURE: "SKIP_CAPTURE",
    Phase.TERRITORY: "SKIP_TERR",
}
_PAYMENTS = {Phase.LINE: "EL", Phase.TERRITORY: "ET", Phase.FORCED_ELIMINATION: "FE"}
_PHASES_OF = {
    "P": (Phase.PLACE,),
    "SWAP": (Phase.PLACE,),
    "M": (Phase.MOVE,),
    "C": (Phase.MOVE, Phase.CAPTURE),
    "K": (Phase.CHAIN,),
    "R": (Phase.MOVE,),
    "L": (Phase.LINE,),
    "T": (Phase.TERRITORY,),
    **{word: (phase,) for phase, word in _SKIPS.items()},
    "ER": (Phase.TERRITORY,),
    **{word: (phase,) for phase, word in _PAYMENTS.items()},
}
_FORCED = ("NO_PLACE", "NO_MOVE", "NO_LINE", "NO_TERR")

_CELL = "(-?[0-9]+,-?[0-9]+)"
_PLACE = re.compile(f"P {_CELL} ([123])")
_RAY = re.compile(rf"(?:M {_CELL}|[CK] {_CELL}\*{_CELL})>{_CELL}")
_RECOVERY = re.compile(f"R {_CELL}>{_CELL} (?:[FS1] @{_CELL}|2 {_CELL}~{_CELL})")
_LINE = re.compile(f"L {_CELL}~{_CELL}(?:/{_CELL}~{_CELL})?")
_REGION = re.compile(f"T {_CELL} [0-9]+ b([0-4]+)")
_PAY = re.compile(f"(?:EL|ET|ER|FE) {_CELL}")


def legal_moves(env: Env, state: State) -> list[str]:
    """Every legal decision, sorted bytewise; empty when the game is over.

    A recovery is listed once for each way to complete it. While a slide is pending, only its completions are listed.
    """
    actions = np.flatnonzero(env.legal_action_mask(state)).tolist()
    moves = []
    for action, move in zip(actions, moves_of(env, state, actions), strict=True):
        moves += legal_moves(env, _after_slide(env, state, action)) if is_slide(move) else [move]
    return sorted(moves)


def actions_of(env: Env, state: State, move: str) -> list[int]:
    """The action that makes ``move``, or the two of a recovery; the second alone while its slide is pending.

    ValueError, with the reason, when the text is not a move or the move is not legal.
    """
    position = _Position.of(env, state)
    actions = encode(env, state, move)
    phases = _PHASES_OF[move.split(" ")[0]]
    if position.phase == Phase.OVER:
        raise ValueError(f"{move} is not legal: the game is over")
    if position.phase not in phases:
        needed = " or ".join(PHASE_NAMES[phase] for phase in phases)
        raise ValueError(f"{move} belongs to phase {needed}; the phase is {PHASE_NAMES[position.phase]}")
    if position.slide >= 0:
        actions = actions[-1:]
    *before, last = actions
    for slide in before:
        _check_legal(env, state, slide, " ".join(move.split(" ")[:2]))
        state = _after_slide(env, state, slide)
    _check_legal(env, state, last, move)
    return actions


def encode(env: Env, state: State, move: str) -> list[int]:
    """The action, or the two of a recovery, that a move names, legal or not. ValueError when it is malformed."""
    board, layout = env.board, env.layout

    def cell(text: str) -> int:
        return parse_cell(board, text)

    if move == "SWAP":
        return [layout.swap]
    if move in _SKIPS.values():
        return [layout.skip]
    if match := _PLACE.fullmatch(move):
        return [layout.place(cell(match[1]), int(match[2]))]
    if match := _RAY.fullmatch(move):
        origin = cell(match[1] or match[2])
        return [layout.ray(origin, *_along(board, origin, cell(match[4])))]
    if match := _RECOVERY.fullmatch(move):
        origin, landing = cell(match[1]), cell(match[2])
        slide = layout.ray(origin, *_along(board, origin, landing))
        return [slide, layout.pay(cell(match[3])) if match[3] else _window(layout, cell(match[4]), cell(match[5]))]
    if match := _LINE.fullmatch(move):
        if match[3]:
            return [_window(layout, cell(match[3]), cell(match[4]))]
        first = cell(match[1])
        direction, distance = _along(board, first, cell(match[2]))
        return [layout.line(_axis(board, direction), first, distance + 1)]
    if match := _REGION.fullmatch(move):
        return [layout.region(int(match[2][0]) - 1, int(state.current_seat), cell(match[1]))]
    if match := _PAY.fullmatch(move):
        return [layout.pay(cell(match[1]))]
    if move in _FORCED:
        raise ValueError(f"{move} is forced, not a decision: the step before makes it")
    raise ValueError(f"{move!r} is not a move; moves begin with {', '.join(_PHASES_OF)} and name cells as x,y")


def move_of(env: Env, state: State, action: int) -> str:
    """The move that a legal action makes: the inverse of :func:`actions_of`.

    A recovery's slide gives ``R a>b``, its second action the whole recovery. ValueError when the action is not legal.
    """
    if not (0 <= action < env.num_actions and env.legal_action_mask(state)[action]):
        raise ValueError(f"action {action} is not legal in this position")
    return moves_of(env, state, [action])[0]


def moves_of(env: Env, state: State, actions: Iterable[int]) -> list[str]:
    """:func:`move_of` for many actions of one state, which the caller knows to be legal."""
    position = _Position.of(env, state)
    return [position.name(int(action)) for action in actions]


def play(env: Env, state: State, move: str) -> State:
    """The state after a move. ValueError, with the reason, when it is not legal."""
    for action in actions_of(env, state, move):
        state = env.step(state, jnp.int32(action))
    return state


def _check_legal(env: Env, state: State, action: int, move: str) -> None:
    """ValueError unless ``action`` is legal and makes ``move``, which may differ in what the action does not say."""
    if not env.legal_action_mask(state)[action]:
        raise ValueError(f"{move} is not legal in this position")
    (named,) = moves_of(env, state, [action])
    if named != move:
        raise ValueError(f"{move} is not legal in this position; the legal move like it is {named}")


def _after_slide(env: Env, state: State, action: int) -> State:
    plane, origin = divmod(action, env.layout.cells)
    return pending_slide(state, origin, (plane - env.layout.rays) // env.board.max_distance)


def _along(board: Board, origin: int, landing: int) -> tuple[int, int]:
    """Direction and distance between two cells on a straight ray."""
    dx, dy = np.subtract(divmod(landing, board.size), divmod(origin, board.size)).tolist()
    distance = max(abs(dx), abs(dy))
    for direction, (ux, uy) in enumerate(board.directions):
        if distance and (dx, dy) == (distance * ux, distance * uy):
            return direction, distance
    raise ValueError(f"{board.cell_name(origin)} and {board.cell_name(landing)} are not two cells of a straight ray")


def _axis(board: Board, direction: int) -> int:
    if direction >= len(board.axes):
        raise ValueError("the cells of a line are named in cell order, lower x first, then lower y")
    return direction


def _window(layout: Layout, first: int, last: int) -> int:
    direction, distance = _along(layout.board, first, last)
    if distance + 1 != layout.board.line_length:
        raise ValueError(f"a part of a line to collapse has {layout.board.line_length} cells, not {distance + 1}")
    return layout.window(_axis(layout.board, direction), first)


@dataclass(frozen=True)
class _Position:
    """One state as host values, for naming its actions."""

    env: Env
    state: State
    phase: Phase
    seat: int
    slide: int
    focus: int
    recovered: bool
    ground: list[int]
    stacks: dict[int, list[int]]

    @classmethod
    def of(cls, env: Env, state: State) -> "_Position":
        host = on_host(state)
        return cls(
            env=env,
            state=state,
            phase=Phase(int(host.phase)),
            seat=int(host.current_seat),
            slide=int(host.slide),
            focus=int(host.focus),
            recovered=bool(host.recovered),
            ground=host.ground.reshape(-1).tolist(),
            stacks=stack_rings(host.stacks),
        )

    def name(self, action: int) -> str:
        """The move of a legal action."""
        layout = self.env.layout
        if action == layout.skip:
            return _SKIPS[self.phase]
        if action == layout.swap:
            return "SWAP"
        plane, cell = divmod(action, layout.cells)
        names = cell_names(layout.board)
        if plane < layout.rays:
            return f"P {names[cell]} {plane + 1}"
        if plane < layout.lines:
            direction, steps = divmod(plane - layout.rays, layout.board.max_distance)
            return self._ray(cell, direction, steps + 1)
        if plane < layout.regions:
            axis, kind = divmod(plane - layout.lines, 3)
            return self._line(cell, axis, window=kind == 2)
        if plane < layout.payment:
            return self._region(cell, plane - layout.regions)
        return self._payment(cell)

    def _ray(self, origin: int, direction: int, distance: int) -> str:
        names = cell_names(self.env.board)
        path = [origin]
        for _ in range(distance):
            path.append(neighbours(self.env.board)[direction][path[-1]])
        start, end = names[origin], names[path[-1]]
        if origin not in self.stacks:
            return f"R {start}>{end}"
        for cell in path[1:]:
            if cell in self.stacks:
                return f"{'K' if self.phase == Phase.CHAIN else 'C'} {start}*{names[cell]}>{end}"
        return f"M {start}>{end}"

    def _line(self, key: int, axis: int, window: bool) -> str:
        """``key``: the first cell of a window, the middle of a whole line."""
        board = self.env.board
        names = cell_names(board)
        run = self._run(self.ground, key, axis)
        line = f"L {names[run[0]]}~{names[run[-1]]}"
        if not window:
            return line
        end = key
        for _ in range(board.line_length - 1):
            end = neighbours(board)[axis][end]
        part = f"{names[key]}~{names[end]}"
        if self.slide >= 0:
            return f"{self._slide_text} 2 {part}"
        return f"{line}/{part}"

    def _run(self, ground: list[int], cell: int, axis: int) -> list[int]:
        """A cell and the mover's markers that continue it along an axis without a gap, in cell order."""
        forward, backward = axis, axis + len(self.env.board.axes)
        run = [cell]
        for direction in (backward, forward):
            run.reverse()
            table = neighbours(self.env.board)[direction]
            while table[run[-1]] >= 0 and ground[table[run[-1]]] == self.seat + 1:
                run.append(table[run[-1]])
        return run

    def _region(self, cell: int, plane: int) -> str:
        n = self.env.num_players
        colour = -1 if plane == n else (plane + self.seat) % n
        cells, digits = _region_of(self.env.board, self.state, colour, cell)
        found = "".join(str(digit) for digit in np.flatnonzero(digits))
        return f"T {cell_names(self.env.board)[cell]} {int(np.sum(cells))} b{found}"

    def _payment(self, cell: int) -> str:
        name = cell_names(self.env.board)[cell]
        if self.slide >= 0:
            return f"{self._slide_text} {self._slide_kind} @{name}"
        word = "ER" if self.phase == Phase.TERRITORY and self.recovered else _PAYMENTS[self.phase]
        return f"{word} {name}"

    @property
    def _destination(self) -> int:
        return neighbours(self.env.board)[self.slide][self.focus]

    @property
    def _slide_text(self) -> str:
        names = cell_names(self.env.board)
        return f"R {names[self.focus]}>{names[self._destination]}"

    @cached_property
    def _slide_kind(self) -> str:
        """``S`` strike, ``1`` line or ``F`` fallback: what a payment for the slide does (rulebook section 6)."""
        if self._destination in self.stacks:
            return "S"
        ground = self.ground.copy()
        ground[self.focus] = 0
        board = self.env.board
        longest = max(len(self._run(ground, self._destination, axis)) for axis in range(len(board.axes)))
        return "1" if longest >= board.line_length else "F"
