"""What a review of a game says: which moves cost their player much, and how well each player has played.

It says what the analyst knows. A win of the turn is exact, so that an overlooked one is; a chance is that of a short
search. A program without a network has no chances, and overlooked wins are all that is said then.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from .messages import Analysis
from .study import ROOT, Study

SIMULATIONS = 64
"""Of the search at each position of a review."""
LINE = 3
"""Moves that are told of what the search expects."""
DOUBTFUL, BLUNDER = 0.1, 0.2
"""Losses of the own chance of winning by one move, from which on it is marked ``?!`` and ``??``."""


def unreviewed(study: Study, by: str) -> Iterator[int]:
    """The positions of the main line that a program has not judged yet; how the end is, the rules say."""
    for node in study.main_line():
        found = study.document.tree[node].found
        if study.position(node).seat and (found is None or (found.by, found.simulations) != (by, SIMULATIONS)):
            yield node


class Review:
    """What is known of a study.

    Args:
      study: with what reviews have found of its positions.
      live: what an analysis has found of positions since the server started.
    """

    def __init__(self, study: Study, live: Mapping[int, Analysis]):
        self.study, self.live = study, live

    def _wins(self, live: Mapping[int, Analysis]) -> dict[int, list[str]]:
        """The known wins of the turn. Who begins with such a line still has the rest of it."""
        known: dict[int, list[str]] = {}
        for node, branch in enumerate(self.study.document.tree):
            begun = known.get(branch.parent, [])
            rest = begun[1:] if begun and begun[0] == branch.move else []
            lines = [line for found in (branch.found, live.get(node)) if found and (line := found.win)]
            if line := next(iter(lines), rest):
                known[node] = line
        return known

    @cached_property
    def chances(self) -> dict[int, list[float]]:
        """The chances by seat: of the review where there is one, so that all of a curve are alike."""
        thought = {node: found.chances for node, found in self.live.items() if found.chances}
        return thought | self._reviewed

    @cached_property
    def _reviewed(self) -> dict[int, list[float]]:
        """Where a win of the turn is known, and at the end, the chances are certain."""
        study, tree = self.study, self.study.document.tree
        known = {node: found.chances for node, branch in enumerate(tree) if (found := branch.found) and found.chances}
        if not known:
            return {}
        certain = {node: study.position(node).seat for node in self._wins({}) if node in known}
        ends = ((node, study.position(node)) for node in range(len(study)))
        certain |= {node: pos.winner for node, pos in ends if pos.winner}
        seats = len(study.document.seats)
        return known | {node: [float(seat == who) for seat in range(1, seats + 1)] for node, who in certain.items()}

    def _overlooked(self) -> dict[int, list[str]]:
        """The moves after which a win of the turn was no longer there, and the turn went by without it; and that
        win."""
        known, found = self._wins(self.live), {}
        for node, branch in enumerate(self.study.document.tree):
            if branch.parent in known and node not in known and _passed(self.study, branch.parent, node):
                found[node] = known[branch.parent]
        return found

    @cached_property
    def losses(self) -> dict[int, tuple[float, float]]:
        """Of reviewed moves, their player's chance before and after."""
        study, known, found = self.study, self._reviewed, {}
        for node, branch in enumerate(study.document.tree):
            if node in known and branch.parent in known:
                player = _mover(study, node)  # who swaps goes on in the other seat
                found[node] = tuple(known[at][study.seats(at)[player]] for at in (branch.parent, node))
        return found

    @cached_property
    def marks(self) -> dict[int, dict[str, str]]:
        """The moves that are marked: with which ``sign``, and ``why``."""
        found = {}
        for node, (before, after) in self.losses.items():
            if before - after >= DOUBTFUL:
                sign = "??" if before - after >= BLUNDER else "?!"
                found[node] = {"sign": sign, "why": f"the own chance falls from {before:.0%} to {after:.0%}"}
        for node, line in self._overlooked().items():
            found[node] = {"sign": "?", "why": f"could win this turn: {', '.join(line)}"}
        return found

    def says(self, node: int) -> str:
        """What is known of the move that led to a node: its player's chance before and after it, its place among the
        network's choices, and what the search expected; empty if nothing is."""
        branch = self.study.document.tree[node]
        found = self.study.document.tree[branch.parent].found if node != ROOT else None
        if found is None:
            return ""
        told = []
        if node in self.losses:
            before, after = self.losses[node]
            told.append(f"The own chance goes from {before:.0%} to {after:.0%}.")
        # Where there is no choice, nothing was expected.
        if len(found.choices) > 1:
            first, *_ = choices = found.choices
            # A choice may be the slide of a recovery, with which the move begins.
            begun = (place for place, choice in enumerate(choices) if f"{branch.move} ".startswith(f"{choice.move} "))
            place = next(begun, None)
            own = f"first {len(choices)} choices do not have it"
            if place is not None:
                own = f"{_ordinal(place + 1)} choice ({_share(choices[place].prior)})"
            other = f"; its first is {first.move} ({_share(first.prior)})" if place != 0 else ""
            told.append(f"The network's {own}{other}.")
            if found.line and found.line[0] != branch.move:
                told.append(f"The search expects {', '.join(found.line[:LINE])}.")
        return " ".join(told)

    def summary(self, analyst: str) -> dict[str, Any] | None:
        """How far an analyst's review of the main line is, and what is said of each player; None if nothing is.

        Returns:
          ``done`` of ``positions`` judged by it, ``by`` whom what is said was found, and with how many
          ``simulations``; of each of the ``players`` the ``decisions`` that were judged, the mean ``loss`` of the own
          chance (None without chances) and how many moves have each of the ``signs``; ``turning``: the move of the
          main line that cost its player most, if that is worth a mark.
        """
        study = self.study
        line = list(study.main_line())
        names = {found.by for node in line if (found := study.document.tree[node].found)}
        if not names:
            return None
        cost, signs = self.losses, self.marks
        players = [{"decisions": 0, "lost": 0.0, "signs": {"?": 0, "??": 0, "?!": 0}} for _ in study.document.seats]
        for node in line[1:]:
            parent = study.document.tree[node].parent
            if node not in cost if cost else study.document.tree[parent].found is None:
                continue
            player: Any = players[_mover(study, node)]
            before, after = cost.get(node, (0, 0))
            player["decisions"] += 1
            player["lost"] += max(0, before - after)
            if node in signs:
                player["signs"][signs[node]["sign"]] += 1
        for player in players:
            player["loss"] = player["lost"] / player["decisions"] if cost and player["decisions"] else None
            del player["lost"]
        lost = {node: cost[node][0] - cost[node][1] for node in line if node in cost}
        worst = max(lost, key=lost.__getitem__, default=ROOT)
        turning = None
        if worst != ROOT and lost[worst] >= DOUBTFUL:
            turning = {"node": worst, "before": cost[worst][0], "after": cost[worst][1]}
        positions = sum(study.position(node).seat > 0 for node in line)
        return {
            "done": positions - len(list(unreviewed(study, analyst))),
            "positions": positions,
            "by": sorted(names),
            "simulations": SIMULATIONS,
            "players": players,
            "turning": turning,
        }


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _share(number: float) -> str:
    return f"{number:.0%}" if number >= 0.005 else "under 1%"


def _passed(study: Study, before: int, node: int) -> bool:
    """Whether the turn of the player at a node passed without that player winning, as far as the main continuation of
    the next node shows."""
    mover = study.position(before)
    for later in study.main_line(node):
        pos = study.position(later)
        if pos.winner:
            return pos.winner != mover.seat
        if (pos.seat, pos.turn) != (mover.seat, mover.turn):
            return True
    return False


def _mover(study: Study, node: int) -> int:
    """The player whose move led to a node, from 0."""
    parent = study.document.tree[node].parent
    return study.seats(parent).index(study.position(parent).seat - 1)
