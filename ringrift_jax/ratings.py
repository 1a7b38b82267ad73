"""Ratings from match results: the maximum-likelihood Bradley-Terry model on the Elo scale.

A player of rating a beats one of rating b with probability ``1 / (1 + 10 ** ((b - a) / 400))``. All ratings are fitted
to all results at once, so that neither the order of the matches nor who played whom first matters, and one player, the
anchor, is 0 by definition. R. A. Bradley and M. E. Terry, Rank analysis of incomplete block designs, Biometrika 1952.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ELO = 400 / math.log(10)
"""Elo points of a natural unit of the logistic model."""

Z95 = 1.959964
"""Standard errors on either side of a 95% interval."""


@dataclass(frozen=True)
class Score:
    """Games between two players.

    Attributes:
      player, opponent: their names.
      wins, losses, draws: of the player, at least 0; they need not be whole.
    """

    player: str
    opponent: str
    wins: float
    losses: float
    draws: float = 0.0


@dataclass(frozen=True)
class Ratings:
    """Fitted ratings.

    Attributes:
      names: the players.
      values: ``float64[P]`` Elo of each.
      covariance: ``float64[P, P]`` of the values, 0 for the anchor. It takes games to be independent; those of a pair
        that shares its opening are not quite, and their true errors are mostly smaller.
    """

    names: tuple[str, ...]
    values: np.ndarray
    covariance: np.ndarray

    def elo(self, name: str) -> float:
        """Elo of a player above the anchor."""
        return float(self.values[self.names.index(name)])

    def error(self, name: str) -> float:
        """Standard error of :meth:`elo`; 0 for the anchor."""
        i = self.names.index(name)
        return math.sqrt(self.covariance[i, i])

    def difference(self, name: str, other: str) -> tuple[float, float]:
        """Elo of a player above another, and its standard error."""
        i, j = self.names.index(name), self.names.index(other)
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        return float(self.values[i] - self.values[j]), math.sqrt(max(variance, 0.0))


def fit(scores: Iterable[Score], anchor: str = "random", prior: float = 0.5) -> Ratings:
    """The ratings that make the scores most likely.

    Args:
      scores: results; a draw counts as half a win and half a loss.
      anchor: the player whose rating is 0.
      prior: games added to every pair of players that met, half of them won by each side. It keeps the rating of a
        player finite that won or lost all its games, and pulls others a little towards their opponents.

    Raises:
      ValueError: the anchor did not play, some players are not connected to it by games, or, without a prior, some won
        or lost all their games.
    """
    scores = list(scores)
    names = tuple(dict.fromkeys(name for score in scores for name in (score.player, score.opponent)))
    if anchor not in names:
        raise ValueError(f"the anchor {anchor!r} did not play; players are {', '.join(names)}")
    index = {name: i for i, name in enumerate(names)}
    won = np.zeros((len(names), len(names)))
    for score in scores:
        if min(score.wins, score.losses, score.draws) < 0 or score.player == score.opponent:
            raise ValueError(f"not a result between two players: {score}")
        i, j = index[score.player], index[score.opponent]
        won[i, j] += score.wins + score.draws / 2
        won[j, i] += score.losses + score.draws / 2
    met = won + won.T > 0
    won[met] += prior / 2
    _check_connected(won, names, anchor)
    values, information = _newton(won)
    free = [i for i in range(len(names)) if i != index[anchor]]
    covariance = np.zeros_like(won)
    covariance[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    return Ratings(names, ELO * (values - values[index[anchor]]), ELO**2 * covariance)


def _check_connected(won: np.ndarray, names: Sequence[str], anchor: str) -> None:
    """Ratings are finite and unique iff, for every player, chains of wins lead from the anchor to it and back."""
    start = names.index(anchor)
    for beats in (won > 0, won.T > 0):
        reached, frontier = {start}, [start]
        while frontier:
            frontier = [j for j in np.flatnonzero(beats[frontier].any(0)).tolist() if j not in reached]
            reached.update(frontier)
        missing = [name for i, name in enumerate(names) if i not in reached]
        if missing:
            raise ValueError(
                f"no finite rating relative to {anchor!r} for {', '.join(missing)}: they need games against it, "
                "directly or through others, of which they neither win nor lose all"
            )


def _newton(won: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Natural ratings with mean 0 and the information matrix there. The likelihood is concave: Newton's method with
    halved steps climbs it to its top."""
    games = won + won.T

    def likelihood(values: np.ndarray) -> float:
        return float(-(won * np.logaddexp(0.0, values[None] - values[:, None])).sum())

    values = np.zeros(len(won))
    for _ in range(100):
        share = 1 / (1 + np.exp(values[None] - values[:, None]))
        gradient = (won - games * share).sum(1)
        weight = games * share * (1 - share)
        information = np.diag(weight.sum(1)) - weight
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        if np.abs(step).max() < 1e-10:
            break
        size, before = 1.0, likelihood(values)
        while likelihood(values + size * step) < before and size > 1e-6:
            size /= 2
        values = values + size * step
        values -= values.mean()
    return values, information


def scores_of_ranks(players: Sequence[str], ranks: Sequence[int]) -> list[Score]:
    """A game of several players as a result between every two of them: the better rank wins, equal ranks draw.

    Args:
      players: who sat in each seat; two seats of one player are not compared.
      ranks: of each seat, 1 for the best.
    """
    results = []
    for i, player in enumerate(players):
        for j in range(i + 1, len(players)):
            if player != players[j]:
                better, worse = ranks[i] < ranks[j], ranks[i] > ranks[j]
                results.append(Score(player, players[j], float(better), float(worse), float(not better and not worse)))
    return results


def wilson(wins: float, games: float) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion, within [0, 1]; ``games`` must be more than 0."""
    share, spread = wins / games, Z95**2 / games
    centre = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / games + spread / 4 / games) / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def elo_of_score(share: float) -> float:
    """Elo difference at which a player scores this share of the games, strictly between 0 and 1."""
    if not 0 < share < 1:
        raise ValueError(f"the score is {share}; it must be between 0 and 1, both excluded")
    return ELO * math.log(share / (1 - share))


def score_of_elo(difference: float) -> float:
    """Share of the games that a player scores who is stronger by so many Elo points."""
    return 1 / (1 + 10 ** (-difference / 400))
