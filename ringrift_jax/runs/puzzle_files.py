"""Puzzles, as chess has its tactics suites: positions in which the player to move can win before its turn passes, and
positions in which it cannot and has to leave the next player no win.

A file has one JSON object a line. Those of the box come with the package, made from recorded games by
``python -m experiments.puzzles``. What is here needs no JAX.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .. import reference
from ..boards import BOARD_NAMES, standard
from ..reference.moves import is_slide
from ..reference.position import Position
from .files import write_lines

BOX = Path(__file__).parents[1] / "data" / "puzzles"
"""Where those of the package are: a file ``BOARD-Np.jsonl`` for each game."""

LEVELS = ("easy", "medium", "hard")
Level = Literal["easy", "medium", "hard"]
WIN_LEVELS, DEFENCE_LEVELS = (1 / 20, 1 / 80), (1 / 4, 1 / 16)
"""Shares of the first decisions that win, and of turns at random that leave the next player no win: from the first one
on a puzzle is easy, below the second one it is hard."""


class Puzzle(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a file.

    Attributes:
      board, players, state: the position, as the state string of the records.
      win: moves that win, or None where it is proved that none do.
      defence: moves of a turn after which it is proved that the next player has no win in its own, where it was looked
        for one.
      nodes: states that were searched to find the win, or to prove that there is none.
      keep: how many of the first decisions can still win, or of turns at random leave the next player no win; 0 where
        that is not known.
      of: how many first decisions there are, or turns were played at random.
      source: the game that it is from.
    """

    board: str
    players: Annotated[int, Meta(ge=2, le=4)]
    state: str
    win: tuple[str, ...] | None
    defence: tuple[str, ...] | None = None
    nodes: int = 0
    keep: int = 0
    of: int = 0
    source: str = ""

    @property
    def level(self) -> Level | None:
        """How hard it is: how rare are what wins or defends; None where that is not known."""
        if not self.keep or not self.of:
            return None
        share = self.keep / self.of
        easy, hard = WIN_LEVELS if self.win else DEFENCE_LEVELS
        return "easy" if share >= easy else "medium" if share >= hard else "hard"

    def position(self) -> Position:
        """The position by the readable rules."""
        return reference.settle(reference.from_state_string(standard(self.board, self.players), self.state))


def read_puzzles(path: Path) -> list[Puzzle]:
    """The puzzles of a file. FileNotFoundError, or ValueError that names the line that is none."""
    puzzles = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            puzzle = msgspec.json.decode(line, type=Puzzle)
            if puzzle.board not in BOARD_NAMES:
                raise ValueError(f"board is {puzzle.board!r}; boards are {', '.join(BOARD_NAMES)}")
            puzzle.position()
        except ValueError as problem:
            raise ValueError(f"{path}, line {number}, is no puzzle: {problem}") from None
        puzzles.append(puzzle)
    return puzzles


def write_puzzles(path: Path, puzzles: Iterable[Puzzle]) -> None:
    """Writes a whole file, which replaces one of that name in one step."""
    write_lines(path, (msgspec.json.encode(puzzle).decode() for puzzle in puzzles))


def boxed_puzzles() -> list[Path]:
    """The files in the box, wins and defences of a game after each other."""
    return sorted(BOX.glob("*.jsonl"))


def won_turns(records: Iterable[dict], limit: int) -> Iterator[Puzzle]:
    """The turns with which games were won by whoever moved, with the shortest win and how many first decisions keep it.
    Left out are those that a single decision wins, or more than half of the first ones, and those that have more states
    than the limit.

    Args:
      records: games, verified.
      limit: states of a turn that are searched.
    """
    for record in records:
        moves = record["steps"]
        first = next((i for i in range(len(moves) - 1, 0, -1) if moves[i - 1]["p"] != moves[i]["p"]), 0)
        if record["result"]["winner"] != moves[first]["p"] or not first:
            continue
        state = moves[first - 1]["s"]
        board = standard(record["board"], record["players"])
        try:
            wins = reference.shortest_wins(reference.from_state_string(board, state), limit)
        except RecursionError:
            continue
        best = min((line for line in wins.values() if line), key=len, default=None)
        keep = sum(line is not None for line in wins.values())
        if best and len(best) > 1 and keep <= len(wins) / 2:
            yield Puzzle(
                board.name, board.num_players, state, moves_of(best), keep=keep, of=len(wins), source=source_of(record)
            )


def source_of(record: dict) -> str:
    """The game that a puzzle is from, for people."""
    return f"{record['id']}: {', '.join(record.get('models', ()))}"


def moves_of(line: Iterable[str]) -> tuple[str, ...]:
    """The moves of a line of actions: the slide of a recovery is half a move, and the next action names it too."""
    return tuple(action for action in line if not is_slide(action))
