"""What is known of a champion in the box: how it was made, and how strong it is. ``card.json`` in its directory."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..players.ratings import wilson
from ..settings import convert
from .files import write_whole

_WRITTEN = re.compile(r" --(?:json|record)(?: |=)\S+")


@dataclass(frozen=True)
class Training:
    """A run that a champion comes from.

    Attributes:
      command: that makes it again.
      commit: of the code.
      device: on which it ran.
      hours: of its iterations until the champion, compiling not counted.
      iterations, games, decisions: of self-play until the champion.
    """

    command: str
    commit: str
    device: str
    hours: float
    iterations: int
    games: int
    decisions: int


@dataclass(frozen=True)
class Match:
    """What ``evaluate`` found of a match.

    Attributes:
      player, opponent: names; the player's says how it searched.
      games, wins: of the player.
      wins_by_seat: of the games in which it sat there, one number for each seat.
      length: mean decisions of a game.
      distinct: share of the games that differ.
      contested_games, contested_wins: of those whose opening is not won at once; 0 where nobody takes every win of its
        own turn.
    """

    player: str
    opponent: str
    games: int
    wins: int
    wins_by_seat: tuple[int, ...]
    length: float
    distinct: float
    contested_games: int
    contested_wins: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share of games won."""
        return wilson(self.wins, self.games)


@dataclass(frozen=True)
class Puzzles:
    """What ``evaluate --puzzles`` found: so many of them ``what`` the player was asked for."""

    player: str
    what: str
    puzzles: int
    solved: int


@dataclass(frozen=True)
class Evaluation:
    """What one command measured.

    Attributes:
      command: that measures it again.
      commit: of the code; None where it was not known.
      device: on which it ran.
      matches, puzzles: what it found.
    """

    command: str
    commit: str | None
    device: str
    matches: tuple[Match, ...] = ()
    puzzles: tuple[Puzzles, ...] = ()


@dataclass(frozen=True)
class Card:
    """All that is known of a champion.

    Attributes:
      board, players: the game.
      version: of the champion in its run.
      parameters: numbers of its network.
      license: of its parameters.
      trained: the runs that it comes from, one on top of the other; the last one made it.
      strength: what was measured.
      carried_from: the champion of another game that it is, without training for this one; None for all others.
    """

    board: str
    players: int
    version: int
    parameters: int
    license: str
    trained: tuple[Training, ...]
    strength: tuple[Evaluation, ...] = ()
    carried_from: str | None = None

    @property
    def name(self) -> str:
        """Such as ``square8-2p``."""
        return f"{self.board}-{self.players}p"

    @property
    def hours(self) -> float:
        """Of all training behind it."""
        return sum(run.hours for run in self.trained)

    @property
    def matches(self) -> tuple[Match, ...]:
        """Of all that was measured, in order."""
        return tuple(match for measured in self.strength for match in measured.matches)


def read_card(path: Path) -> Card:
    """The card in a file. FileNotFoundError when there is none, ValueError, with its name, when it is none."""
    try:
        return convert(json.loads(path.read_text(encoding="utf-8")), Card)
    except ValueError as problem:
        raise ValueError(f"{path} is damaged or of another version of ringrift_jax: {problem}") from None


def write_card(path: Path, card: Card) -> None:
    """Writes a card as a whole or not at all."""
    write_whole(path, json.dumps(asdict(card), indent=1) + "\n")


def evaluation(report: dict[str, Any]) -> Evaluation:
    """What ``evaluate --json`` wrote of a champion, as far as a card has it: without the matches of others, and without
    where it was written. ValueError when something is missing."""
    try:
        return Evaluation(
            _WRITTEN.sub("", report["command"]),
            report["commit"],
            f"{report['device']}, {report['cores']} cores",
            tuple(_part(Match, match) for match in report.get("matches", ()) if match["player"].startswith("champion")),
            tuple(_part(Puzzles, row) for row in report.get("puzzles", ())),
        )
    except KeyError as problem:
        raise ValueError(f"no report of evaluate of this version: it has no {problem}") from None


def _part(kind: type, values: dict[str, Any]) -> Any:
    return convert({name: values[name] for name in kind.__dataclass_fields__}, kind)
