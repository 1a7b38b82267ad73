"""Programs of the board to study on that answer at once, by the readable rules and without processes."""

import threading
import time
from pathlib import Path
from typing import Any, cast

from experiments.play.web.desk import Desk
from experiments.play.web.messages import (
    HUMAN,
    Analyse,
    Analysis,
    Answer,
    Ask,
    Candidate,
    Judge,
    Judged,
    NewGame,
    Player,
    Program,
    Rules,
)
from experiments.play.web.shelf import Shelf
from experiments.play.web.study import Study, begin
from ringrift_jax import boards, reference
from ringrift_jax.reference.turn import legal_moves

LINE = ["P 3,3 2", "M 3,3>3,5", "P 0,0 1", "M 0,0>0,1"]
"""The first turns of a game on square8."""


class Instant:
    """A program that answers at once with the first legal move, without a process."""

    def __init__(self, program: Program, heard: Any, delay: bool = False):
        self.program, self.name, self.problem, self.stage = program, program.player.name, "", ""
        self.since, self.heard, self.asked = time.monotonic(), heard, []
        self.delay = delay

    def ask(self, question: Any) -> None:
        self.asked.append(question)
        if self.delay:
            return
        # As a process does, it answers from another thread.
        threading.Thread(target=self.answer, args=[question], daemon=True).start()

    def answer(self, question: Any) -> None:
        rules = self.program.rules
        if not isinstance(question, Ask | Analyse | Judge):
            return
        board = boards.standard(rules.board, rules.players)
        legal = legal_moves(reference.from_state_string(board, question.state, rules.swap_rule))
        chances = [0.7, *[0.3 / (rules.players - 1)] * (rules.players - 1)]
        if isinstance(question, Ask):
            self.heard(self, Answer(question.id, legal[0]))
        elif isinstance(question, Judge):
            self.heard(self, Judged(question.id, chances, []))
        else:
            shares = 8, 4, 2
            likely = [
                Candidate(m, [m, self.next(question, m), "then"], n, 0.25, n / 14)
                for m, n in zip(legal[:: len(legal) // 3 + 1], shares, strict=False)
            ]
            self.heard(self, Analysis(question.id, 14, chances, likely, [legal[0]], more=False))

    def next(self, question: Analyse, move: str) -> str:
        """The first legal move after another."""
        rules = self.program.rules
        pos = reference.from_state_string(boards.standard(rules.board, rules.players), question.state, rules.swap_rule)
        return next(iter(legal_moves(reference.settle(reference.play(pos, move)))), "then")


class InstantPrograms:
    """Stands for :class:`Programs`."""

    delay = False

    def __init__(self, heard: Any):
        self.heard, self.made = heard, {}

    def get(self, program: Program) -> Instant:
        return self.made.setdefault(program, Instant(program, self.heard, self.delay))

    def find(self, program: Program) -> Instant | None:
        return self.made.get(program)

    def close(self) -> None:
        pass


class Slow(InstantPrograms):
    delay = True


def desk_of(path: Path, programs: Any = InstantPrograms, offered: list[Program] | None = None) -> Desk:
    return Desk(Shelf(path), offered or [], cast(Any, programs))


def game(*names: str, board: Any = "square8", **rules: Any) -> NewGame:
    return NewGame(Rules(board, len(names), **rules), [Player(name) for name in names])


def until(condition: Any, seconds: float = 20) -> None:
    """Waits for another thread."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def played(moves: list[str], *names: str) -> Study:
    study = begin(Rules("square8"), [Player(name) for name in names or (HUMAN, HUMAN)])
    for move in moves:
        study.play(study.at, move)
    return study
