"""What lessons and puzzles share: a position, the moves that were tried from it, and whether they solve it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta

from ringrift_jax import reference
from ringrift_jax.interactive.effects import checked_effect, choices
from ringrift_jax.interactive.views import board_view, came_view, position_view
from ringrift_jax.interactive.words import task, why_not
from ringrift_jax.reference.position import OVER, Position

from .messages import Message, Move

Moves = Annotated[list[Move], Meta(max_length=200)]


class Tried(Message):
    """The moves that were made from the start of an exercise."""

    moves: Moves


class Considered(Message):
    """A move that is thought of after others."""

    moves: Moves
    move: Move


class Pointed(Message):
    """A cell that cannot be chosen after some moves; ``origin``: the cell that was chosen before it."""

    moves: Moves
    cell: int
    origin: int | None = None


class Verdict(Message):
    """Whether the exercise is solved, cannot be solved any more, or goes on. ``says``: why, for people."""

    state: Literal["open", "solved", "wrong"]
    says: str = ""


class Exercise(Protocol):
    """A lesson or a puzzle."""

    @property
    def solution(self) -> Sequence[str]:
        """Moves that solve it."""
        ...

    def position(self) -> Position:
        """Where it starts, with a decision to make."""
        ...

    def judge(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """What is known at once about the moves that were made. ``trail``: the positions, the start first."""
        ...

    def check(self, trail: Sequence[Position], moves: Sequence[str]) -> Verdict:
        """As :meth:`judge`, with all that can be found out by searching, which may take seconds."""
        ...


def walk(exercise: Exercise, moves: Sequence[str]) -> list[Position]:
    """The positions from the start on. ValueError, with the rule that forbids it, when a move is not legal."""
    trail = [exercise.position()]
    for move in moves:
        trail.append(reference.settle(reference.play(trail[-1], move)))
    return trail


def turn_passed(trail: Sequence[Position]) -> bool:
    """Whether the turn that the exercise is about is over."""
    return trail[-1].phase == OVER or trail[-1].turn != trail[0].turn


def show(exercise: Exercise, moves: Sequence[str]) -> dict[str, Any]:
    """What the page shows of an exercise after some moves."""
    trail = walk(exercise, moves)
    pos, verdict = trail[-1], exercise.judge(trail, moves)
    decides = verdict.state == "open" and not turn_passed(trail)
    do, why = task(pos) if decides else ("", "")
    return {
        "moves": moves,
        "board": board_view(pos.board),
        "position": position_view(pos),
        "task": {"do": do, "why": why},
        "choices": choices(pos) if decides else [],
        "came": came_view(trail[-2], moves[-1]) if moves else None,
        "verdict": verdict,
    }


def preview(exercise: Exercise, considered: Considered) -> dict[str, Any]:
    """What a move would do. ValueError when it is not legal."""
    return checked_effect(walk(exercise, considered.moves)[-1], considered.move)


def refuse(exercise: Exercise, pointed: Pointed) -> str:
    """Why a cell cannot be chosen. ValueError when there is no such cell."""
    pos = walk(exercise, pointed.moves)[-1]
    return why_not(pos, pointed.cell, pointed.origin)
