"""Ratings against known answers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift_jax import ratings
from ringrift_jax.ratings import Score, fit


def expected(elo: dict[str, float], games: float = 100.0) -> list[Score]:
    """Everybody meets everybody, and scores exactly what the ratings say."""
    names = list(elo)
    return [
        Score(a, b, games * (share := ratings.score_of_elo(elo[a] - elo[b])), games * (1 - share))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]


def test_three_of_four_games_are_191_elo():
    fitted = fit([Score("one", "random", 75, 25)], prior=0)
    assert fitted.elo("one") == pytest.approx(190.85, abs=0.01)
    assert (fitted.elo("random"), fitted.error("random")) == (0, 0)
    # The variance of a logit is 1 / (games p (1 - p)).
    assert fitted.error("one") == pytest.approx(ratings.ELO / math.sqrt(100 * 0.75 * 0.25))
    assert ratings.elo_of_score(0.75) == pytest.approx(190.85, abs=0.01)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-600, 600), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_planted_ratings_are_found_in_any_order(values, random):
    elo = {"random": 0.0} | {f"player {i}": value for i, value in enumerate(values)}
    table = expected(elo)
    random.shuffle(table)
    fitted = fit([score if random.random() < 0.5 else turned(score) for score in table], prior=0)
    for name, value in elo.items():
        assert fitted.elo(name) == pytest.approx(value, abs=1e-3)


def turned(score: Score) -> Score:
    return Score(score.opponent, score.player, score.losses, score.wins, score.draws)


def test_the_anchor_only_moves_the_zero():
    table = expected({"random": 0, "one": 150, "two": 400})
    a, b = fit(table, "random"), fit(table, "two")
    for one, other in (("one", "random"), ("two", "one")):
        assert a.difference(one, other) == pytest.approx(b.difference(one, other))
    assert b.elo("two") == 0


def test_errors_are_those_of_repeated_matches():
    generator = np.random.default_rng(0)
    elo = {"random": 0.0, "one": 200.0, "two": 300.0}
    found = []
    for _ in range(400):
        table = [Score(s.player, s.opponent, w := int(generator.binomial(100, s.wins / 100)), 100 - w)
                 for s in expected(elo)]  # fmt: skip
        fitted = fit(table, prior=0)
        found.append((fitted.elo("one"), fitted.difference("two", "one")[0]))
    fitted = fit(expected(elo), prior=0)
    claimed = fitted.error("one"), fitted.difference("two", "one")[1]
    assert np.std(found, axis=0) == pytest.approx(claimed, rel=0.1)
    assert np.mean(found, axis=0) == pytest.approx((200, 100), abs=4)


def test_draws_are_halves():
    assert fit([Score("one", "random", 0, 0, 10)]).elo("one") == pytest.approx(0)
    drawn, shared = fit([Score("one", "random", 6, 2, 4)]), fit([Score("one", "random", 8, 4)])
    assert drawn.elo("one") == pytest.approx(shared.elo("one"))


def test_a_clean_sheet_has_a_finite_rating_only_with_the_prior():
    perfect = [Score("one", "random", 100, 0)]
    assert 900 < fit(perfect).elo("one") < 1100
    with pytest.raises(ValueError, match="no finite rating relative to 'random' for one"):
        fit(perfect, prior=0)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([Score("a", "random", 1, 1), Score("b", "c", 1, 1)], "for b, c"),
        ([Score("a", "b", 1, 1)], "the anchor 'random' did not play; players are a, b"),
        ([Score("a", "random", -1, 1)], "not a result"),
        ([Score("random", "random", 1, 1)], "not a result"),
    ],
)
def test_tables_without_an_answer_are_refused(table, said):
    with pytest.raises(ValueError, match=said):
        fit(table)


def test_ranks_compare_every_two_seats():
    got = ratings.scores_of_ranks(["one", "random", "random", "two"], [2, 1, 3, 2])
    assert got == [
        Score("one", "random", 0, 1),
        Score("one", "random", 1, 0),
        Score("one", "two", 0, 0, 1),
        Score("random", "two", 1, 0),
        Score("random", "two", 0, 1),
    ]


@pytest.mark.parametrize(
    ("wins", "games", "low", "high"), [(80, 100, 0.7112, 0.8666), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_interval(wins, games, low, high):
    assert ratings.wilson(wins, games) == pytest.approx((low, high), abs=1e-4)


def test_a_score_of_nothing_or_all_has_no_elo():
    with pytest.raises(ValueError, match="must be between 0 and 1"):
        ratings.elo_of_score(1.0)
    assert ratings.score_of_elo(ratings.elo_of_score(0.9)) == pytest.approx(0.9)
