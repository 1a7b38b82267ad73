"""Elo ratings of many players from all their games at once, with standard errors.

The model is that of Bradley & Terry (1952): a player scores ``1 / (1 + 10 ** (-d / 400))`` in expectation against one
that is ``d`` Elo weaker. The ratings maximise the likelihood of a table of results, so the order of the games does not
matter, and one player, the anchor, is 0 by definition. A draw counts as half a win and half a loss, which leaves the
ratings consistent and makes the errors of independent games too large, the more so the more draws there are.

Games of more than two players become results of pairs. If the ranks of a game follow the model of Plackett and Luce
(Hunter, 2004), in which each place goes to one of the players left in proportion to their strengths, then the pairs
follow that of Bradley and Terry with the same ratings: see :func:`pairwise_from_ranks`.

Games that share an opening, and the pairs of one game, are not independent. Results therefore can have a group, and
then the errors measure how much the groups differ.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

_ELO = 400 / math.log(10)  # per unit of log-odds


@dataclass(frozen=True)
class Result:
    """Games between two players. ValueError when they are one player or a count is negative or not finite.

    Attributes:
      first: a player's name.
      second: another's.
      wins: of the first player. Counts need not be whole: expected scores and weighted games are fine.
      losses: of the first player.
      draws: each half a win and half a loss.
      group: what the games have in common with those of other results, such as an opening or one game of several
        players. Groups are independent of each other. None: each game is independent of all others.
    """

    first: str
    second: str
    wins: float
    losses: float
    draws: float = 0
    group: Hashable | None = None

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise ValueError(f"{self.first} cannot play itself")
        for name in ("wins", "losses", "draws"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be finite and at least 0")

    @property
    def games(self) -> float:
        """Their number."""
        return self.wins + self.losses + self.draws


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings relative to the anchor. The methods raise KeyError for an unknown player.

    Attributes:
      anchor: the player whose rating is 0, without error.
      elo: rating of each player, the strongest first.
      covariance: ``float64[P, P]`` of the ratings' errors in Elo squared, in the order of ``elo``; 0 for the anchor.
    """

    anchor: str
    elo: dict[str, float]
    covariance: np.ndarray

    @property
    def error(self) -> dict[str, float]:
        """Standard error of each rating, which is that of the difference to the anchor."""
        return {name: self.difference(name, self.anchor)[1] for name in self.elo}

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of a rating, for errors that are normal. ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; it must be between 0 and 1")
        half = NormalDist().inv_cdf((1 + level) / 2) * self.error[name]
        return self.elo[name] - half, self.elo[name] + half

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """How much stronger one player is than another, and the standard error of that."""
        index = {name: i for i, name in enumerate(self.elo)}
        i, j = index[one], index[other]
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        return self.elo[one] - self.elo[other], math.sqrt(max(float(variance), 0.0))


def fit(table: Iterable[Result], anchor: str = "random", prior: float = 1.0) -> Ratings:
    """The ratings of maximum likelihood.

    If no result has a group, games count as independent, and the errors are the inverse of the Fisher information. If
    all have one, the errors are a jackknife over the groups: the ratings are taken without each group in turn, to
    first order, and how much they move is the error. For two players and groups of equal size that is the standard
    error of the mean group. It takes some tens of groups to be reliable.

    Args:
      table: results in any order; those of the same two players add up.
      anchor: the player at 0 Elo.
      prior: virtual games, all drawn, between each two players who met. They make the rating of a player finite that
        always won, and pull ratings together: with 1, the 520 Elo of the best of four by about 10, if each two played
        60 games. For two players 1 is the prior of Jeffreys, a Beta(1/2, 1/2) distribution of the score. The errors
        count them as games, each pair's in a group of its own. 0 is none, plain maximum likelihood.

    Raises:
      ValueError: the anchor has no result; some players have no chain of games to the anchor; without a prior, some
        have no finite rating, or their connection to the anchor is in one group only; there is only one group; some
        results have a group and some not; prior is negative or not finite.
      ArithmeticError: the ratings did not converge.
    """
    if not 0 <= prior < math.inf:
        raise ValueError(f"prior is {prior}; it must be finite and at least 0")
    results = list(table)
    players = sorted({name for result in results for name in (result.first, result.second)})
    if anchor not in players:
        raise ValueError(f"the anchor {anchor} has no result; those with results: {', '.join(players) or 'none'}")
    groups = {group: row for row, group in enumerate(dict.fromkeys(result.group for result in results))}
    grouped = None not in groups
    if None in groups and len(groups) > 1:
        raise ValueError("some results have a group and some not")
    if grouped and len(groups) == 1:
        raise ValueError("the results are one group; an error takes at least two")

    pairs = sorted({_pair(result) for result in results if result.games})
    column = {pair: k for k, pair in enumerate(pairs)}
    games, score = np.zeros((2, len(groups), len(pairs)))
    for result in results:
        if result.games:
            at = groups[result.group], column[_pair(result)]
            games[at] += result.games
            score[at] += result.draws / 2 + (result.wins if result.first < result.second else result.losses)

    index = {name: i for i, name in enumerate(players)}
    ends = np.array([[index[name] for name in pair] for pair in pairs], int).reshape(-1, 2)
    _check_connected(players, index[anchor], ends, games, score, prior, list(groups) if grouped else [])
    if prior:
        virtual = prior * np.eye(len(pairs))
        games, score = np.concatenate([games, virtual]), np.concatenate([score, virtual / 2])

    identity = np.eye(len(players))
    design = np.delete(identity[ends[:, 0]] - identity[ends[:, 1]], index[anchor], axis=1)
    strength = _maximise(design, games.sum(axis=0), score.sum(axis=0))
    expected, curvature = _logistic(design @ strength)
    information = _information(design, games.sum(axis=0) * curvature)
    if grouped:
        rest = information - _information(design, games * curvature)
        moves = np.linalg.solve(rest, ((score - games * expected) @ design)[..., None])[..., 0]
        covariance = (1 - 1 / len(moves)) * moves.T @ moves
    else:
        covariance = np.linalg.inv(information)

    elo = np.insert(_ELO * strength, index[anchor], 0)
    others = np.delete(identity, index[anchor], axis=0)
    order = np.argsort(-elo, kind="stable")
    covariance = _ELO**2 * (others.T @ covariance @ others)[np.ix_(order, order)]
    return Ratings(anchor, {players[i]: float(elo[i]) for i in order}, covariance)


def pairwise_from_ranks(players: Sequence[str], ranks: Sequence[float], group: Hashable) -> list[Result]:
    """The results of all pairs in a game whose full order is known; ``ranks[i]`` is that of ``players[i]``.

    The lower rank is the better, and equal ranks are a draw. A player may hold several seats; its result against itself
    is left out. The results depend on each other, so they have a group: the game, or what several games have in common.
    """
    seats = list(zip(players, ranks, strict=True))
    return [
        Result(one, other, float(a < b), float(a > b), float(a == b), group)
        for (one, a), (other, b) in combinations(seats, 2)
        if one != other
    ]


def elo_of_score(score: float) -> float:
    """The rating difference at which a player expects a score in 0 to 1; infinite at the ends. Else ValueError."""
    if not 0 <= score <= 1:
        raise ValueError(f"score is {score}; it must be from 0 to 1")
    if score in (0, 1):
        return math.copysign(math.inf, score - 0.5)
    return _ELO * (math.log(score) - math.log1p(-score))


def wilson(wins: int, games: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion, for independent games. ValueError unless 0 <= wins <= games > 0."""
    if not 0 <= wins <= games or games == 0:
        raise ValueError(f"{wins} wins in {games} games")
    from scipy.stats import binomtest  # slow to import

    interval = binomtest(wins, games).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def reward_of_elo(elo: float, players: int) -> float:
    """The mean reward of a player so much stronger than its equal opponents: 1 for a win, -1/(n-1) for a loss."""
    odds = 10 ** (elo / 400)
    wins = odds / (odds + players - 1)
    return (wins * players - 1) / (players - 1)


def elo_of_reward(reward: float, players: int) -> float:
    """The Elo difference to equal opponents at which the mean reward is expected: of :func:`reward_of_elo` the inverse.

    Shares of games won outside 0.1 % to 99.9 % count as these, so that it is finite.
    """
    wins = min(max((reward * (players - 1) + 1) / players, 0.001), 0.999)
    odds = wins * (players - 1) / (1 - wins)
    return elo_of_score(odds / (odds + 1))


def elo_of_match(score: float, error: float, groups: int, players: int) -> tuple[float, tuple[float, float]]:
    """How much stronger than its opponents the challenger of a match is, in Elo, and the 95 % interval.

    It counts a group more, drawn and of variance 1: a few games that were all won are no certainty.

    Args:
      score: mean reward of the challenger, in [-1, 1].
      error: its standard error over groups of games from one opening.
      groups: their number.
      players: of the game.
    """
    squares = groups * score**2 + groups * (groups - 1) * error**2 + 1
    mean = groups * score / (groups + 1)
    half = 1.96 * math.sqrt((squares / (groups + 1) - mean**2) / (groups + 1))
    low, high = elo_of_reward(mean - half, players), elo_of_reward(mean + half, players)
    return elo_of_reward(mean, players), (low, high)


def _pair(result: Result) -> tuple[str, str]:
    return min(result.first, result.second), max(result.first, result.second)


def _check_connected(
    players: list[str],
    anchor: int,
    ends: np.ndarray,
    games: np.ndarray,
    score: np.ndarray,
    prior: float,
    groups: list[Hashable],
) -> None:
    """ValueError when a rating or an error does not exist; K = pairs, G = groups.

    A finite maximum exists if each player, directly or through others, has scored against each other (Ford, 1957).

    Args:
      players: P names.
      anchor: index of one.
      ends: ``int[K, 2]`` the players of each pair.
      games: ``float64[G, K]``.
      score: ``float64[G, K]`` of each pair's first player.
      prior: see :func:`fit`.
      groups: names of the groups, or none if the errors do not need them.
    """

    def cut_off(forth: np.ndarray, back: np.ndarray) -> str:
        """The players without a way from or to the anchor; a pair is passed from first to second, or back, if true."""
        edges = np.zeros((len(players), len(players)), bool)
        edges[ends[forth, 0], ends[forth, 1]] = True
        edges[ends[back, 1], ends[back, 0]] = True
        reached = np.zeros((2, len(players)), bool)
        reached[:, anchor] = True
        for _ in players:
            reached[0] |= edges[reached[0]].any(axis=0)
            reached[1] |= edges[:, reached[1]].any(axis=1)
        return ", ".join(players[i] for i in np.flatnonzero(~(reached[0] & reached[1])))

    everywhere = np.ones(len(ends), bool)
    if names := cut_off(everywhere, everywhere):
        raise ValueError(f"no chain of games connects the anchor {players[anchor]} to: {names}")
    if prior:
        return
    if names := cut_off(score.sum(axis=0) > 0, (games - score).sum(axis=0) > 0):
        raise ValueError(
            f"without a prior there is no finite rating relative to {players[anchor]} for: {names}; "
            "between them and the anchor, one side always won"
        )
    played = np.sign(games)
    for row, group in enumerate(groups):
        left = played.sum(axis=0) > played[row]
        if names := cut_off(left, left):
            raise ValueError(f"without a prior there is no error: only group {group!r} connects the anchor to: {names}")


def _logistic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The logistic function and its derivative, without cancellation."""
    up, down = np.exp(-np.logaddexp(0, -x)), np.exp(-np.logaddexp(0, x))
    return up, up * down


def _information(design: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fisher information ``float64[..., N, N]``; a row of ``design[K, N]`` subtracts the two of a pair."""
    return (design.T * weight[..., None, :]) @ design


def _maximise(design: np.ndarray, games: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Log strengths ``float64[N]`` that maximise the likelihood, by Newton's method.

    A step that would change some difference by r goes log(1 + r) / r of the way. With that the likelihood never falls,
    because along the step its curvature changes by a factor of at most exp(r) (Bach, 2010).
    """
    strength = np.zeros(design.shape[1])
    for _ in range(200):
        expected, curvature = _logistic(design @ strength)
        step = np.linalg.solve(_information(design, games * curvature), design.T @ (score - games * expected))
        change = float(np.abs(design @ step).max())
        if change < 1e-6:  # and after this step about the square of that
            return strength + step
        strength += step * math.log1p(change) / change
    raise ArithmeticError("the ratings did not converge; the counts may differ by too many orders of magnitude")
