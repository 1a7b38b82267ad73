"""The recorded games that the report of a run shows: of its whole course, and the most telling of the last ones."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .. import boards, reference
from ..interactive.replay import decisions_made, packed, replay
from ..render import position_svg
from . import record_files
from .contents import RunContents

READ_GAMES = 500
"""Games among which the shortest, the longest and the closest are looked for, the last ones."""
SPREAD = 6
"""Games that are shown of the course of the run, at even distances."""
CHAMPIONS = 5
"""Champions of which a game is shown, the last ones."""


@dataclass(frozen=True)
class Shown:
    """A game of the report.

    Attributes:
      number: of the file of records, from 1.
      record: the game.
      titles: why it is shown.
    """

    number: int
    record: dict
    titles: list[str] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Names it in the page."""
        return f"game-{self.number}"

    @property
    def iteration(self) -> int | None:
        """In which it ended, if its record says so."""
        return self.record.get("last_iteration")

    @property
    def decisions(self) -> int:
        """How many it took."""
        return decisions_made(self.record)[-1]


class Games:
    """The games of a run that are shown.

    Attributes:
      shown: in the order in which they were played.
      of_champion: by version, the first game that began after a champion had arisen.
      read: how many games there are.
    """

    def __init__(self, run: RunContents, champions: Iterable[tuple[int, int]], iterations: int):
        """``champions``: version and iteration of each; ``iterations``: of the run, 0 if that is not known."""
        self.read, self._games = 0, dict[int, Shown]()
        self.of_champion: dict[int, Shown] = {}
        if not run.games.exists():
            return
        recent: deque[Shown] = deque(maxlen=READ_GAMES)
        spread: dict[int, Shown] = {}
        wanted = dict(list(champions)[-CHAMPIONS:])
        for number, record in enumerate(record_files.read(run.games, torn_end=True), 1):
            self.read = number
            if not record["result"]["winner"]:
                continue
            game = Shown(number, record)
            recent.append(game)
            if game.iteration is None:
                continue
            if iterations:
                spread.setdefault((game.iteration - 1) * SPREAD // iterations, game)
            for version, iteration in wanted.items():
                if record.get("first_iteration", 0) > iteration:
                    self.of_champion.setdefault(version, game)
        for game in spread.values():
            self._show(game)
        for version, game in self.of_champion.items():
            self.of_champion[version] = self._show(game, f"the first of champion {version}" if version else "")
        if recent:
            self._show(recent[-1], "the last game")
            self._show(min(recent, key=lambda game: game.decisions), "the shortest game")
            self._show(max(recent, key=lambda game: game.decisions), "the longest game")
            self._show(min(recent, key=lambda game: _margin(game.record)), "the closest game")

    def _show(self, game: Shown, title: str = "") -> Shown:
        game = self._games.setdefault(game.number, game)
        if title:
            game.titles.append(title)
        return game

    @property
    def shown(self) -> list[Shown]:
        return sorted(self._games.values(), key=lambda game: game.number)


def _margin(game: dict) -> float:
    """How far the winner was ahead of the next seat, on the way to winning by rings or territory."""
    board = boards.standard(game["board"], game["players"])

    def progress(score: dict) -> float:
        return max(score["e"] / board.ring_threshold, score["t"] / board.territory_minimum)

    scores = {score["p"]: progress(score) for score in game["result"]["scores"]}
    winner = scores.pop(game["result"]["winner"])
    return winner - max(scores.values())


def figure(game: Shown) -> dict[str, Any]:
    """What the page shows of a game."""
    record = game.record
    board = boards.standard(record["board"], record["players"])
    pos = reference.new_game(board, record["swap_rule"])
    previous = pos
    for step in record["steps"]:
        previous, pos = pos, reference.play(pos, step["m"])
    result = record["result"]
    return {
        "anchor": game.anchor,
        "title": ", ".join(game.titles) or "on the way",
        "number": game.number,
        "iteration": game.iteration,
        "ended": f"seat {result['winner']} wins: {result['reason'].replace('_', ' ')}",
        "decisions": game.decisions,
        "picture": position_svg(pos, previous=previous, move=record["steps"][-1]["m"]),
        "replay": packed(replay(record)),
        "moves": [step["m"].replace(" ", "\u00a0") + " ·" for step in record["steps"]],
    }
