"""Static geometry and constants of a board for a number of players (rulebook section 1).

A :class:`Board` is hashable and is passed to every rule as a static argument. Boards are rectangles with a mask: a hex
board of radius r is a (2r+1) x (2r+1) array in axial coordinates shifted by r, of which the corners are off the board.
Cell (x, y) of the array has index ``x * size + y``; this is the cell order of the notation.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from .settings import check, checked

Shape = Literal["square", "hex"]
Offset = tuple[int, int]

# Axes in the order that breaks ties between longest recovery lines (rulebook section 0, P2), each pointing towards
# higher cell indices. A direction is an axis or its opposite; direction d and d + len(axes) are opposite.
SQUARE_AXES: tuple[Offset, ...] = ((1, 0), (0, 1), (1, 1), (1, -1))
HEX_AXES: tuple[Offset, ...] = ((1, 0), (1, -1), (0, 1))

MIN_PLAYERS, MAX_PLAYERS = 2, 4
Players = Annotated[int, Meta(ge=MIN_PLAYERS, le=MAX_PLAYERS)]
MAX_PLACEMENT = 3


@dataclass(frozen=True)
class Board:
    """A board x player count. All fields are plain Python values, so that equal boards hash equal.

    Attributes:
      name: the public name, such as ``"square8"``.
      num_players: number of seats n, 2 to 4.
      shape: ``"square"`` or ``"hex"``.
      size: rows and columns of the arrays.
      rings_per_player: rings each seat starts with in hand.
      line_length: markers in a row that make a line, L.
      border_closure: whether the border of a processed region spreads over the 8 square offsets (rulebook section 8.3).
    """

    name: str
    num_players: Players
    shape: Shape
    size: Annotated[int, Meta(ge=2, le=25)]
    rings_per_player: Annotated[int, Meta(ge=1, le=999)]
    line_length: Annotated[int, Meta(ge=2)]
    border_closure: bool

    def __post_init__(self) -> None:
        check(self)

    @property
    def radius(self) -> int:
        """What is added to axial coordinates to make them array indices; 0 on square boards."""
        return self.size // 2 if self.shape == "hex" else 0

    @property
    def axes(self) -> tuple[Offset, ...]:
        return SQUARE_AXES if self.shape == "square" else HEX_AXES

    @property
    def directions(self) -> tuple[Offset, ...]:
        """Axes, then their opposites: 8 on squares, 6 on hex boards."""
        return self.axes + tuple((-dx, -dy) for dx, dy in self.axes)

    @property
    def territory_offsets(self) -> tuple[Offset, ...]:
        """Neighbours that connect a territory: orthogonal on squares, all six on hex boards."""
        axes = self.axes[:2] if self.shape == "square" else self.axes
        return axes + tuple((-dx, -dy) for dx, dy in axes)

    @property
    def max_distance(self) -> int:
        """Steps of the longest ray."""
        return self.size - 1

    @property
    def max_height(self) -> int:
        """No stack is ever higher (rulebook section 16.1)."""
        return self.max_distance + 1

    @cached_property
    def mask(self) -> np.ndarray:
        """bool[size, size]: which cells are on the board."""
        if self.shape == "square":
            return np.ones((self.size, self.size), bool)
        x, y = np.indices((self.size, self.size)) - self.radius
        return np.abs(x + y) <= self.radius

    @cached_property
    def num_cells(self) -> int:
        return int(self.mask.sum())

    @property
    def ring_threshold(self) -> int:
        """Eliminated rings that win (rulebook section 11.1): round(rings * (2/3 + (n-1)/3)), a half rounded up."""
        return (2 * self.rings_per_player * (self.num_players + 1) + 3) // 6

    @property
    def territory_minimum(self) -> int:
        """Territory needed to win, if it is also more than all others hold together (rulebook section 11.2)."""
        return self.num_cells // self.num_players + 1

    def cell_name(self, index: int) -> str:
        """``"x,y"`` of a cell index, axial on hex boards."""
        x, y = divmod(index, self.size)
        return f"{x - self.radius},{y - self.radius}"

    def cell_index(self, x: int, y: int) -> int:
        """Index of the cell with public coordinates (x, y). ValueError when it is off the board."""
        i, j = x + self.radius, y + self.radius
        if not (0 <= i < self.size and 0 <= j < self.size and self.mask[i, j]):
            raise ValueError(f"{x},{y} is not a cell of {self.name}")
        return i * self.size + j


# name: (shape, size, rings per player, line length by number of players, border closure)
_STANDARD: dict[str, tuple[Shape, int, int, dict[int, int], bool]] = {
    "square8": ("square", 8, 18, {2: 4, 3: 3, 4: 3}, True),
    "square19": ("square", 19, 72, {2: 4, 3: 4, 4: 4}, True),
    "hex8": ("hex", 9, 18, {2: 4, 3: 3, 4: 3}, True),
    "hexagonal": ("hex", 25, 96, {2: 4, 3: 4, 4: 4}, False),
}

BOARD_NAMES: tuple[str, ...] = tuple(_STANDARD)


def standard(name: str, num_players: int = 2) -> Board:
    """One of the four published boards. ValueError when the name or the number of players is not one of them."""
    if not isinstance(name, str) or name not in _STANDARD:
        raise ValueError(f"unknown board {name!r}; choose one of {', '.join(BOARD_NAMES)}")
    num_players = checked("num_players", num_players, Players)
    shape, size, rings, line_length, closure = _STANDARD[name]
    return Board(name, num_players, shape, size, rings, line_length[num_players], closure)


def custom(shape: Shape, size: int, rings_per_player: int, num_players: int = 2, line_length: int = 3) -> Board:
    """A small board for tests and experiments; on hex boards ``size`` is 2 * radius + 1. Its name tells its numbers.
    ValueError when there is no such board."""
    name = f"{shape}-{size}x{size}-r{rings_per_player}-l{line_length}"
    board = Board(name, num_players, shape, size, rings_per_player, line_length, True)
    if shape == "hex" and size % 2 == 0:
        raise ValueError(f"size is {size}; it must be odd for hex boards")
    if line_length > size:
        raise ValueError(f"line_length is {line_length}; it must be 2 to size = {size}")
    return board
