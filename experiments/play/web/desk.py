"""All games that are open at once: who has to move, what programs are asked, and what they answered."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import RLock, Timer

import msgspec

from ringrift_jax import reference

from .messages import (
    HUMAN,
    Analyse,
    Analysis,
    Answer,
    Ask,
    Judge,
    Judged,
    NewGame,
    Player,
    Problem,
    Program,
    Rules,
    Settings,
    Stop,
    Told,
)
from .programs import Programs, Running
from .review import SIMULATIONS, unreviewed
from .shelf import Shelf
from .study import Document, Found, Study, begin

WITHOUT_RUN = ("heuristic", "tactician:heuristic", "tactician:random", "random")
"""Programs that need no run, on any board."""


@dataclass
class Open:
    """What is known of a study while the server runs.

    Attributes:
      asked: the question of the move that is waited for, its node, and when it was asked.
      analysing: a program tells what it thinks.
      question: of the analysis that runs, and its node.
      found: what was thought of nodes.
      reviewing: the main line is reviewed.
      judging: the question of the review that is waited for, and its node.
    """

    asked: tuple[str, int, float] | None = None
    analysing: bool = False
    question: tuple[str, int] | None = None
    found: dict[int, Analysis] = field(default_factory=dict)
    reviewing: bool = False
    judging: tuple[str, int] | None = None


class Desk:
    """The studies of a shelf with the programs that play and analyse them. Its methods may be called by any thread.

    Args:
      shelf: where studies are kept.
      offered: programs with a run, which play one game each.
      programs: makes the processes, given who hears what they say.
    """

    def __init__(self, shelf: Shelf, offered: list[Program], programs: Callable[..., Programs] = Programs):
        self.shelf, self.offered = shelf, offered
        self.programs = programs(self._heard)
        self.lock = RLock()
        self._open: dict[str, Open] = {}
        self._numbers, self._version = count(1), 0

    @property
    def version(self) -> int:
        """Grows whenever anything has changed."""
        return self._version

    def begin(self, wanted: NewGame) -> str:
        """Begins a game; an equal one without moves is taken instead. Returns its id. ValueError when there is no such
        game, or a program does not play it."""
        for player in wanted.seats:
            self._check(player, wanted.rules)
        study = begin(wanted.rules, wanted.seats)
        with self._changing():
            for kept in self.shelf.all():
                old = kept.study.document if kept.study else None
                if old and (old.rules, old.seats, len(old.tree)) == (wanted.rules, wanted.seats, 1):
                    return kept.id
            return self.shelf.add(study)

    def keep(self, document: Document) -> str:
        """Keeps a study that was read from somewhere. ValueError when it is no game by the rules."""
        with self._changing():
            return self.shelf.add(Study(document))

    def play(self, id: str, node: int, move: str) -> None:
        """Makes a move for whoever decides at a node. ValueError, with the reason, when it is not legal, or is a
        program's to make."""
        self.play_line(id, node, [move])

    def play_line(self, id: str, node: int, moves: Sequence[str]) -> None:
        """Makes moves one after the other, all or none."""
        with self._changing(id) as study:
            waited = self.state(id).asked
            if waited and waited[1] == node:
                raise ValueError("the program is to move; pause it to move in its place")
            deque(study.follow(node, moves), maxlen=0)
            for move in moves:
                node = study.play(node, move)

    def go(self, id: str, node: int) -> None:
        """Shows another node."""
        with self._changing(id) as study:
            study.go(node)

    def remove(self, id: str, node: int) -> None:
        """Takes a node away with all that follows it."""
        with self._changing(id) as study:
            study.remove(node)
            state = self.state(id)
            state.found.clear()  # its nodes have other numbers now
            state.asked = state.question = state.judging = None

    def reply(self, id: str, node: int) -> None:
        """Has a program move at a node where it may have moved already: the one that sits there, else the one that
        analyses."""
        with self._changing(id) as study:
            player = study.player(node)
            if player is None:
                raise ValueError("the game is over")
            study.go(node)
            self._ask(id, study, player if player.name != HUMAN else self.analyst(study).player)

    def set(self, id: str, settings: Settings) -> None:
        """Changes settings of a study."""
        with self._changing(id) as study:
            state = self.state(id)
            if settings.paused is not None:
                study.document.paused = settings.paused
                state.asked = None
            if settings.pace is not None:
                study.document.pace = settings.pace
            if settings.analysing is not None:
                state.analysing = settings.analysing
            if settings.reviewing is not None:
                state.reviewing = settings.reviewing

    def delete(self, id: str) -> None:
        """Deletes a study with its file."""
        with self._changing():
            self.set(id, Settings(paused=True, analysing=False, reviewing=False))
            self.shelf.remove(id)
            self._open.pop(id, None)

    def look(self, id: str) -> Study:
        """The study, of which programs are asked what they have to do. LookupError when there is none."""
        with self.lock:
            study = self.shelf.find(id)
            self._advance(id, study)
            return study

    def state(self, id: str) -> Open:
        """What is known of a study while the server runs."""
        return self._open.setdefault(id, Open())

    def analyst(self, study: Study) -> Program:
        """The program that analyses a study: one with a network if there is one for this game."""
        rules = _game(study.document.rules)
        known = [program for program in [*self._seated(study), *self.offered] if program.rules == rules]
        learned = [program for program in known if program.player.name not in WITHOUT_RUN]
        return learned[0] if learned else Program(Player("heuristic"), rules)

    def waited_for(self, id: str, study: Study) -> Running | None:
        """The program that has to say something about a study, or is not ready to."""
        state, player = self.state(id), study.player(study.at)
        wanted = [self.analyst(study)] if state.analysing or state.reviewing else []
        if state.asked and player:
            mover = Program(player, _game(study.document.rules))
            wanted.insert(0, mover if player.name != HUMAN else self.analyst(study))
        running = [found for program in [*wanted, *self._seated(study)] if (found := self.programs.find(program))]
        return next((one for one in running if one.problem or one.stage), running[0] if wanted and running else None)

    def _seated(self, study: Study) -> list[Program]:
        rules = _game(study.document.rules)
        return [Program(player, rules) for player in dict.fromkeys(study.document.seats) if player.name != HUMAN]

    def close(self) -> None:
        """Ends the programs and lets go of the directory."""
        self.programs.close()
        self.shelf.close()

    @contextmanager
    def _changing(self, id: str | None = None) -> Iterator[Study]:
        """Saves what is changed of a study, and asks the programs that have something to do now."""
        with self.lock:
            study = self.shelf.find(id) if id else None
            yield study  # pyright: ignore[reportReturnType]
            if id and study:
                self.shelf.save(id)
                self._advance(id, study)
            self._version += 1

    def _check(self, player: Player, rules: Rules) -> None:
        known = [HUMAN, *WITHOUT_RUN]
        if player.name not in known and Program(player, _game(rules)) not in self.offered:
            here = [program.player.name for program in self.offered if program.rules == _game(rules)]
            raise ValueError(f"{player.name} does not play this game; players are {', '.join([*known, *here])}")

    def _advance(self, id: str, study: Study) -> None:
        state, player = self.state(id), study.program_to_move()
        if state.asked and state.asked[1] != study.at:
            state.asked = None
        for program in self._seated(study):
            self.programs.get(program)  # it compiles before it has to move
        if player and not study.document.paused and not state.asked:
            self._ask(id, study, player)
        self._analyse(id, study)
        self._review(id, study)

    def _ask(self, id: str, study: Study, player: Player) -> None:
        running = self.programs.get(Program(player, _game(study.document.rules)))
        question = f"{id} {next(self._numbers)}"
        self.state(id).asked = question, study.at, time.monotonic()
        text = reference.state_string(study.position(study.at))
        running.ask(Ask(question, text, secrets.randbits(31)))

    def _analyse(self, id: str, study: Study) -> None:
        state, pos = self.state(id), study.position(study.at)
        wanted = study.at if state.analysing and pos.seat else None
        if wanted == (state.question[1] if state.question else None):
            return
        running = self.programs.get(self.analyst(study))
        if wanted is None:
            state.question = None
            running.ask(Stop())
            return
        state.question = f"{id} {next(self._numbers)}", wanted
        running.ask(Analyse(state.question[0], reference.state_string(pos)))

    def _review(self, id: str, study: Study) -> None:
        state, analyst = self.state(id), self.analyst(study)
        if not state.reviewing or state.judging:
            return
        node = next(unreviewed(study, analyst.player.name), None)
        if node is None:
            state.reviewing = False
            return
        state.judging = f"{id} {next(self._numbers)}", node
        text = reference.state_string(study.position(node))
        self.programs.get(analyst).ask(Judge(state.judging[0], text, SIMULATIONS))

    def _heard(self, running: Running, told: Told) -> None:
        with self.lock:
            self._version += 1
            if isinstance(told, Analysis):
                state = self._open.get(told.id.split(" ")[0])
                if state and state.question and state.question[0] == told.id:
                    state.found[state.question[1]] = told
            elif isinstance(told, Answer):
                self._answered(told)
            elif isinstance(told, Judged):
                self._judged(running, told)
            elif isinstance(told, Problem):
                print(f"{running.name} cannot play: {told.text}", flush=True)

    def _judged(self, running: Running, told: Judged) -> None:
        """Keeps what a review found with the game, and goes on with it."""
        id = told.id.split(" ")[0]
        state = self._open.get(id)
        if state is None or state.judging is None or state.judging[0] != told.id:
            return
        node, state.judging = state.judging[1], None
        try:
            with self._changing(id) as study:
                by = running.program.player.name
                study.document.tree[node].found = Found(
                    by, SIMULATIONS, told.chances, told.win, told.line, told.choices
                )
        except OSError as problem:  # nobody who asked is there to be told
            state.reviewing = False
            print(f"the review has ended, since it cannot be kept: {problem}", flush=True)

    def _answered(self, answer: Answer) -> None:
        """Makes the move, not before its time."""
        id = answer.id.split(" ")[0]
        state = self._open.get(id)
        if state is None or state.asked is None or state.asked[0] != answer.id:
            return
        left = self.shelf.find(id).document.pace - (time.monotonic() - state.asked[2])
        if left > 0.01:
            timer = Timer(left, self._make, [id, answer])
            timer.daemon = True
            timer.start()
        else:
            self._make(id, answer)

    def _make(self, id: str, answer: Answer) -> None:
        with self.lock:
            state = self._open.get(id)
            if state and state.asked and state.asked[0] == answer.id:
                node, state.asked = state.asked[1], None
                with self._changing(id) as study:
                    study.play(node, answer.move)


def _game(rules: Rules) -> Rules:
    """The game that a program plays, wherever it starts."""
    return msgspec.structs.replace(rules, start=None)
