"""The tutorial: the rules as positions to solve, which ``lessons.toml`` has."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from experiments.command_line import BoardName
from ringrift_jax import boards, reference
from ringrift_jax.boards import Players
from ringrift_jax.interactive.effects import contents
from ringrift_jax.reference.position import OVER, Position, territory

from .exercises import Verdict, turn_passed

FILE = Path(__file__).with_name("lessons.toml")
_LIMIT = 20_000  # states that are searched of the answer to a turn


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has to hold; all that is given does.

    Attributes:
      last: the last move, as a pattern with ``*``.
      holds: what cells have, as :func:`ringrift_jax.interactive.effects.contents` writes it.
      captures: captures that were made.
      territory, eliminated: of who began, exactly.
      winner: the seat that has won.
      ended: the turn is over.
      safe: the turn is over, and the next player has no turn that wins, which is searched for exactly.
    """

    last: str | None = None
    holds: dict[str, str] = {}
    captures: int | None = None
    territory: int | None = None
    eliminated: int | None = None
    winner: int | None = None
    ended: bool = False
    safe: bool = False

    def met(self, trail: Sequence[Position], moves: Sequence[str]) -> bool:
        """Whether it is reached by these moves. ``trail``: the positions, the start first."""
        pos, seat = trail[-1], trail[0].seat
        there = {pos.geometry.names[cell]: what for cell, what in contents(pos).items()}
        jumps = sum(move[:2] in ("C ", "K ") for move in moves)
        return all(
            (
                self.last is None or fnmatchcase(moves[-1], self.last),
                all(there.get(cell, "") == what for cell, what in self.holds.items()),
                self.captures in (None, jumps),
                self.territory in (None, territory(pos)[seat]),
                self.eliminated in (None, pos.eliminated[seat]),
                self.winner in (None, pos.winner),
                not self.ended or turn_passed(trail),
                not self.safe or _leaves_no_win(trail),
            )
        )


class Mistake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A move that is known to be wrong, as a pattern with ``*``, and what to say about it."""

    move: str
    says: str


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One position to solve.

    Attributes:
      name: of its address.
      title, text: what it is about.
      task: what is asked for.
      start: state string; a turn of one's own begins or goes on there.
      goal: what solves it.
      solution: moves that do.
      done: what is said when it is solved.
      hint: what is said when the turn passes and it is not.
      wrong: moves that cannot lead there.
      section: of the rulebook.
      look: cells that are marked on the board.
      board, players: the game.
    """

    name: str
    title: str
    text: str
    task: str
    start: str
    goal: Goal
    solution: tuple[str, ...]
    done: str
    hint: str
    section: str
    wrong: tuple[Mistake, ...] = ()
    look: tuple[str, ...] = ()
    board: BoardName = "square8"
    players: Players = 2

    def position(self) -> Position:
        """Where it starts."""
        return reference.settle(reference.from_state_string(boards.standard(self.board, self.players), self.start))

    def judge(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """The first mistake counts, then the goal; who has not reached it when the turn passes has to try again."""
        if not moves:
            return Verdict("open")
        for mistake in self.wrong:
            if fnmatchcase(moves[-1], mistake.move):
                return Verdict("wrong", mistake.says)
        if self.goal.met(trail, moves):
            return Verdict("solved", self.done)
        return Verdict("wrong", self.hint.strip()) if turn_passed(trail) else Verdict("open")

    check = judge


class _File(msgspec.Struct, forbid_unknown_fields=True):
    lessons: list[Lesson]


def read(text: str) -> dict[str, Lesson]:
    """Lessons in their order, by name. ValueError, with the field, when they are not."""
    return {lesson.name: lesson for lesson in msgspec.toml.decode(text, type=_File).lessons}


@cache
def lessons() -> dict[str, Lesson]:
    """The lessons of the package."""
    return read(FILE.read_text(encoding="utf-8"))


def overview() -> list[dict]:
    """What the page shows of all lessons, without their solutions."""
    return [
        {
            "name": lesson.name,
            "title": lesson.title,
            "text": lesson.text.strip(),
            "task": lesson.task,
            "hint": lesson.hint.strip(),
            "section": lesson.section,
            "look": [lesson.position().geometry.index[cell] for cell in lesson.look],
        }
        for lesson in lessons().values()
    ]


def _leaves_no_win(trail: Sequence[Position]) -> bool:
    """Whether a turn is over and the next player has no win of its own; False where that is not known."""
    if not turn_passed(trail) or trail[-1].phase == OVER:
        return False
    try:
        return reference.winning_line(trail[-1], _LIMIT) is None
    except RecursionError:
        return False
