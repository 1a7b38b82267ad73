"""What the page, the server and the processes of programs send each other, as types that msgspec checks.

Unknown fields, missing ones and values of other types are refused with a sentence that names the field.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from experiments.command_line import BoardName
from ringrift_jax.boards import Players

HUMAN = "human"
Name = Annotated[str, Meta(min_length=1, max_length=400)]
Text = Annotated[str, Meta(max_length=20_000)]
Move = Annotated[str, Meta(min_length=1, max_length=80)]
Node = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=10)]


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """What can be changed once it is made; the others can be keys."""


class Player(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who plays.

    Attributes:
      name: ``"human"``, or a program as the command line names it.
      turns, simulations: how a champion decides; neither for its default.
    """

    name: Name = HUMAN
    turns: Annotated[int, Meta(ge=1)] | None = None
    simulations: Annotated[int, Meta(ge=0)] | None = None


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which game is played. ``start``: the state string of its first position; None for an empty board."""

    board: BoardName
    players: Players = 2
    swap_rule: bool = False
    start: Text | None = None


class NewGame(Message):
    """A game to begin; a player for each seat."""

    rules: Rules
    seats: list[Player]


class Play(Message):
    """A move at a node."""

    node: Node
    move: Move


class Line(Message):
    """Moves one after the other, from a node on."""

    node: Node
    moves: Annotated[list[Move], Meta(min_length=1, max_length=64)]


class At(Message):
    """A node: to go to, or to remove with what follows."""

    node: Node


class Settings(Message):
    """What is to change of a game; None stays as it is.

    Attributes:
      paused: programs do not move by themselves.
      pace: seconds that a program's move takes at least.
      analysing: a program tells what it thinks of the position that is shown.
      reviewing: it judges all positions of the main line, one after the other.
    """

    paused: bool | None = None
    pace: Seconds | None = None
    analysing: bool | None = None
    reviewing: bool | None = None


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a process of a program is to be: its player and the game that it plays, without a start."""

    player: Player
    rules: Rules


class Ask(Message, tag=True):
    """A move is asked for.

    Attributes:
      id: comes back with the answer.
      state: state string.
      seed: of the random numbers.
    """

    id: str
    state: str
    seed: int


class Analyse(Message, tag=True):
    """An analysis is asked for; it goes on until something else is asked for. ``id``: comes back with each answer."""

    id: str
    state: str


class Judge(Message, tag=True):
    """A short search is asked for; an analysis that goes on does so after it. ``id``: comes back with the answer."""

    id: str
    state: str
    simulations: int


class Stop(Message, tag=True):
    """The analysis is to end."""


Question = Ask | Analyse | Judge | Stop


class Stage(Message, tag=True):
    """What the process does now, for people; empty when it is ready. ``name``: of the program, once it is known."""

    text: str
    name: str = ""


class Answer(Message, tag=True):
    """The move that a program makes."""

    id: str
    move: str


class Candidate(Message):
    """A move that was looked at.

    Attributes:
      move: of the position.
      line: what is likely to follow, itself included.
      visits: simulations that went through it.
      value: for the seat to move, in [-1, 1]; None where no network judges.
      prior: probability that the network gave it before searching.
      score: of the heuristic, which has no scale; None from a network.
    """

    move: str
    line: list[str]
    visits: int = 0
    value: float | None = None
    prior: float = 0.0
    score: float | None = None


class Analysis(Message, tag=True):
    """What is thought of a position until now.

    Attributes:
      id: of the question.
      simulations: done until now.
      chances: of winning, by seat, summing to 1; None from programs without a network.
      candidates: the best first.
      win: moves that win before the turn passes, if some are known.
      more: simulations go on.
    """

    id: str
    simulations: int
    chances: list[float] | None
    candidates: list[Candidate]
    win: list[str]
    more: bool


class Choice(Message):
    """A move, and the probability ``prior`` that the network gives it without searching."""

    move: str
    prior: float


class Judged(Message, tag=True):
    """What a short search found; ``chances`` and ``win`` as in :class:`Analysis`.

    Attributes:
      line: what is likely to follow, by the search; none from programs without a network.
      choices: the moves that the network holds for most likely, best first; of a recovery the slide alone.
    """

    id: str
    chances: list[float] | None
    win: list[str]
    line: list[str] = []
    choices: list[Choice] = []


class Problem(Message, tag=True):
    """The program cannot play, and its process ends."""

    text: str


Told = Stage | Answer | Analysis | Judged | Problem
