"""The puzzles as exercises: wins of one turn, each decision of which is checked by searching the rest of the turn, and
turns that have to leave the next player no win, which is checked by searching its turn."""

import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ringrift_jax import reference
from ringrift_jax.reference.position import OVER, Position
from ringrift_jax.runs.puzzle_files import Puzzle, moves_of, read_puzzles

from .exercises import Verdict, turn_passed

LIMIT = 20_000
"""States of a turn that are searched to tell whether a decision was right, which takes some seconds at most. The wins
of the box need fewer from their start on, and the defences for the answers to their solution."""


class _TurnOfPuzzle:
    """A puzzle. ``name``: of its address, the same as long as its position is."""

    def __init__(self, puzzle: Puzzle, series: str):
        self.puzzle, self.series = puzzle, series
        self.name = f"{series}-{zlib.crc32(puzzle.state.encode()):08x}"

    @property
    def solution(self) -> Sequence[str]:
        """Moves that solve it."""
        return self.puzzle.win or self.puzzle.defence or ()

    @cached_property
    def _start(self) -> Position:
        return self.puzzle.position()

    def position(self) -> Position:
        """Where it starts."""
        return self._start


class TurnToWin(_TurnOfPuzzle):
    """A turn that can be won."""

    def judge(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """What is known without a search."""
        seat = trail[0].seat
        if trail[-1].winner == seat:
            return Verdict("solved", f"Seat {seat} has won with this turn.")
        if turn_passed(trail):
            return Verdict("wrong", "The turn is over, and it could have been won.")
        return Verdict("open")

    def check(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """Whether the turn can still be won after the last move."""
        known = self.judge(trail, moves)
        if known.state != "open" or not moves:
            return known
        if tuple(moves) == tuple(self.solution[: len(moves)]):
            return known
        try:
            lost = reference.winning_line(trail[-1], LIMIT) is None
        except RecursionError:
            return Verdict("open", "Whether this still wins takes too long to find out.")
        return Verdict("wrong", "After this the turn cannot be won any more.") if lost else known


class TurnToDefend(_TurnOfPuzzle):
    """A turn that cannot be won, and has to leave the next player no win."""

    def judge(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """What is known without a search."""
        last = trail[-1]
        if last.phase == OVER:
            return Verdict("wrong", f"The game is over: seat {last.winner} has won.")
        if turn_passed(trail):
            return Verdict("open", f"What seat {last.seat} can answer is being searched.")
        return Verdict("open")

    def check(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """Whether the next player can win, once the turn is over."""
        known, seat = self.judge(trail, moves), trail[-1].seat
        if known.state != "open" or not turn_passed(trail):
            return known
        try:
            line = reference.winning_line(trail[-1], LIMIT)
        except RecursionError:
            return Verdict("wrong", f"Whether seat {seat} can win now takes too long to find out.")
        if line is None:
            return Verdict("solved", f"No answer of seat {seat} wins in its turn.")
        return Verdict("wrong", f"Seat {seat} can win now: {', '.join(moves_of(line))}.")


class Trainer:
    """All puzzles that are offered, by series: a file each, whose name it has."""

    def __init__(self, files: Iterable[Path]):
        """OSError or ValueError, which names the file and the line, when one is no file of puzzles."""
        self.puzzles: dict[str, TurnToWin | TurnToDefend] = {}
        for path in files:
            solved = [puzzle for puzzle in read_puzzles(path) if puzzle.win or puzzle.defence]
            if not solved:
                raise ValueError(f"{path} has no puzzle with a win or a defence")
            for puzzle in solved:
                found = (TurnToWin if puzzle.win else TurnToDefend)(puzzle, path.stem)
                self.puzzles[found.name] = found

    def overview(self) -> list[dict[str, Any]]:
        """What the page shows of all puzzles, without their solutions."""
        return [
            {
                "name": found.name,
                "series": found.series,
                "goal": "win" if found.puzzle.win else "defence",
                "board": found.puzzle.board,
                "players": found.puzzle.players,
                "level": found.puzzle.level or "unrated",
                "moves": len(found.solution),
                "keep": found.puzzle.keep,
                "of": found.puzzle.of,
                "source": found.puzzle.source,
            }
            for found in self.puzzles.values()
        ]
