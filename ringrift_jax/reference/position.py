"""A position and the plain questions asked about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ..boards import Board
from .geometry import Geometry, geometry

Stack = tuple[int, ...]
"""Owners of the rings, bottom to top. The owner of the top ring controls the stack."""

PLACE, MOVE, CAPTURE, CHAIN = "place", "move", "capture", "chain"
LINE, TERRITORY, FORCED, OVER = "line", "terr", "fe", "over"
PHASES = (PLACE, MOVE, CAPTURE, CHAIN, LINE, TERRITORY, FORCED, OVER)


@dataclass
class Position:
    """Everything a game needs to go on. Seats count from 1; cells are those of :mod:`.geometry`.

    Playing a move copies the position and changes the copy, so a position handed out never changes.

    Attributes:
      seat, phase: who moves, and one of :data:`PHASES`; the seat is 0 when the game is over.
      hand, eliminated: rings in hand and eliminated rings credited, by seat.
      stacks: the stack on each cell that has one.
      markers, collapsed: the owner of each marker and of each collapsed cell.
      focus: in ``move`` the stack placed this turn, in ``capture`` and ``chain`` the capturing stack.
      slide: origin and destination of a recovery of which only the slide is chosen yet.
      owed: an elimination is owed, for a line in ``line`` or for a region in ``terr``.
      acted, recovered: the player has changed the board, or made a recovery slide, this turn.
      swapped: the pie rule has been used.
      first, marks, streak_seat, streak: round tracking (rulebook section 12: first, mask, X and K).
      turn: turns begun; lost: the turn in which a seat lost its last ring anywhere.
      winner, reason: 0 and "" while the game runs.
      legal: the legal moves, remembered once asked for.
    """

    board: Board
    swap_rule: bool
    seat: int
    phase: str
    hand: dict[int, int]
    eliminated: dict[int, int]
    stacks: dict[int, Stack] = field(default_factory=dict)
    markers: dict[int, int] = field(default_factory=dict)
    collapsed: dict[int, int] = field(default_factory=dict)
    focus: int | None = None
    slide: tuple[int, int] | None = None
    owed: bool = False
    acted: bool = False
    recovered: bool = False
    swapped: bool = False
    first: int = 0
    marks: dict[int, bool] = field(default_factory=dict)
    streak_seat: int = 0
    streak: int = 0
    turn: int = 1
    lost: dict[int, int] = field(default_factory=dict)
    winner: int = 0
    reason: str = ""
    legal: tuple[str, ...] | None = field(default=None, repr=False, compare=False)

    def copy(self) -> "Position":
        new = object.__new__(Position)
        new.__dict__.update({k: v.copy() if type(v) is dict else v for k, v in self.__dict__.items()})
        new.legal = None
        return new

    @cached_property
    def geometry(self) -> Geometry:
        return geometry(self.board)

    @property
    def seats(self) -> range:
        return range(1, self.board.num_players + 1)

    def swap_available(self) -> bool:
        """Player 2 may still take over the first player's seat (rulebook section 3.5)."""
        fresh = self.seat == 2 and self.phase == PLACE and self.hand[2] == self.board.rings_per_player
        return self.swap_rule and fresh and not self.swapped


def new_game(board: Board, swap_rule: bool = False) -> Position:
    """The start: all rings in hand, seat 1 to place. ValueError for a pie rule with more than two players."""
    if swap_rule and board.num_players != 2:
        raise ValueError(f"the pie rule is for 2 players, not {board.num_players}")
    seats = range(1, board.num_players + 1)
    hand = dict.fromkeys(seats, board.rings_per_player)
    return Position(board, swap_rule, seat=1, phase=PLACE, hand=hand, eliminated=dict.fromkeys(seats, 0))


def cap_height(stack: Stack) -> int:
    """Rings of the top ring's colour from the top down to the first other colour."""
    top = stack[-1]
    height = 1
    while height < len(stack) and stack[-height - 1] == top:
        height += 1
    return height


def controlled(pos: Position, seat: int) -> Iterator[int]:
    """Cells of the stacks whose top ring is the seat's."""
    return (c for c, stack in pos.stacks.items() if stack[-1] == seat)


def controls_stack(pos: Position, seat: int) -> bool:
    return any(stack[-1] == seat for stack in pos.stacks.values())


def with_buried(pos: Position, seat: int) -> Iterator[int]:
    """Cells of the stacks with a ring of the seat below the top."""
    return (c for c, stack in pos.stacks.items() if seat in stack[:-1])


def has_ring(pos: Position, seat: int) -> bool:
    """Whether the seat has a ring in hand or anywhere in a stack."""
    return pos.hand[seat] > 0 or any(seat in stack for stack in pos.stacks.values())


def territory(pos: Position) -> dict[int, int]:
    """Collapsed cells by seat."""
    return _count(pos, pos.collapsed)


def marker_count(pos: Position) -> dict[int, int]:
    """Markers on the board by seat."""
    return _count(pos, pos.markers)


def _count(pos: Position, owners: dict[int, int]) -> dict[int, int]:
    held = list(owners.values())
    return {seat: held.count(seat) for seat in pos.seats}


def set_stack(pos: Position, cell: int, stack: Stack) -> None:
    """What is left of a stack; an empty one vanishes."""
    if stack:
        pos.stacks[cell] = stack
    else:
        pos.stacks.pop(cell, None)


def eliminate_top(pos: Position, cell: int, rings: int) -> None:
    """Rings leave the game from the top of a stack, credited to the player to move (rulebook section 10)."""
    stack = pos.stacks[cell]
    set_stack(pos, cell, stack[: len(stack) - rings])
    pos.eliminated[pos.seat] += rings


def eliminate_buried(pos: Position, cell: int) -> None:
    """The bottommost ring of the player to move leaves a stack and is credited to him (rulebook section 6)."""
    stack = pos.stacks[cell]
    lowest = stack.index(pos.seat)
    set_stack(pos, cell, stack[:lowest] + stack[lowest + 1 :])
    pos.eliminated[pos.seat] += 1


def collapse(pos: Position, cells: tuple[int, ...]) -> None:
    """Cells become territory of the player to move; a marker there is spent."""
    for c in cells:
        pos.markers.pop(c, None)
        pos.collapsed[c] = pos.seat
