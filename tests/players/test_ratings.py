"""Ratings: known answers, errors against simulation, and tables that have no answer."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift_jax.players.ratings import (
    Result,
    elo_of_score,
    fit,
    pairwise_from_ranks,
    wilson,
)

ELO = 400 / math.log(10)
PLANTED = {"random": 0.0, "early": 180.0, "late": 520.0, "other": -60.0}


def expected_table(elo: dict[str, float], games: float = 10) -> list[Result]:
    """What the players of a round robin score in expectation."""
    shares = ((a, b, games * score_of_elo(elo[a] - elo[b])) for a, b in combinations(elo, 2))
    return [Result(a, b, won, games - won) for a, b, won in shares]


def score_of_elo(difference: float) -> float:
    """The expected score, 0 to 1, of a player who is stronger by a difference in Elo."""
    return 1 / (1 + 10 ** (-difference / 400))


def sampled_ranks(rng: np.random.Generator, elo: dict[str, float]) -> list[int]:
    """The ranks of one game in the model of Plackett and Luce."""
    return np.argsort(np.argsort(-(np.array(list(elo.values())) / ELO + rng.gumbel(size=len(elo))))).tolist()


def test_a_score_of_three_quarters_is_191_elo():
    ratings = fit([Result("net", "random", 75, 25)], prior=0)
    assert ratings.elo == pytest.approx({"net": 190.8485, "random": 0.0}, abs=1e-4)
    # The error of the score, carried over to Elo by the slope at that score.
    error = math.sqrt(0.75 * 0.25 / 100) * ELO / (0.75 * 0.25)
    assert ratings.error == pytest.approx({"net": error, "random": 0.0})
    assert ratings.interval("net") == pytest.approx(
        (190.8485 - 1.959964 * error, 190.8485 + 1.959964 * error), abs=1e-3
    )
    assert ratings.interval("net", 0.5)[1] == pytest.approx(190.8485 + 0.67449 * error, abs=1e-3)


def test_results_add_up_whoever_is_first_and_draws_count_half():
    parts = [Result("net", "random", 50, 5, 10), Result("random", "net", 0, 5), Result("random", "net", 10, 10, 10)]
    ratings = fit(parts, prior=0)
    assert ratings.elo["net"] == pytest.approx(190.8485, abs=1e-4)
    assert ratings.error["net"] == pytest.approx(fit([Result("net", "random", 75, 25)], prior=0).error["net"])


def test_planted_ratings_come_back():
    ratings = fit(expected_table(PLANTED), prior=0)
    assert ratings.elo == pytest.approx(PLANTED, abs=1e-6)
    assert list(ratings.elo) == ["late", "early", "random", "other"]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_planted_ratings_come_back_from_any_connected_table(data):
    rating = st.floats(-1000, 1000)
    elo = {"random": 0.0} | {f"p{i}": data.draw(rating) for i in range(data.draw(st.integers(1, 6)))}
    names = list(elo)
    pairs = [(name, data.draw(st.sampled_from(names[:i]))) for i, name in enumerate(names) if i]
    pairs += data.draw(st.lists(st.tuples(*[st.sampled_from(names)] * 2).filter(lambda pair: pair[0] != pair[1])))
    table = []
    for a, b in pairs:
        games = data.draw(st.floats(0.5, 1000))
        table.append(Result(a, b, games * score_of_elo(elo[a] - elo[b]), games * score_of_elo(elo[b] - elo[a])))
    assert fit(table, prior=0).elo == pytest.approx(elo, abs=1e-2)


def test_contradictory_and_uneven_results_have_their_maximum_too():
    table = [
        Result("a", "random", 100000, 0.1),
        Result("b", "random", 10, 0.001),
        Result("c", "a", 1, 100000),
        Result("c", "b", 10000, 0.01),
    ]
    ratings = fit(table, prior=0)  # where undamped steps of Newton's method do not converge
    surplus = dict.fromkeys(ratings.elo, 0.0)
    for result in table:
        more = result.wins - result.games * score_of_elo(ratings.difference(result.first, result.second)[0])
        surplus[result.first] += more
        surplus[result.second] -= more
    # At the maximum each player has scored what it is expected to.
    assert surplus == pytest.approx(dict.fromkeys(surplus, 0.0), abs=1e-6)


def test_order_does_not_matter():
    table = [Result(r.first, r.second, round(r.wins) + 1, round(r.losses) + 1) for r in expected_table(PLANTED)]
    turned = [Result(r.second, r.first, r.losses, r.wins) for r in reversed(table)]
    one, other = fit(table), fit(turned)
    assert one.elo == pytest.approx(other.elo, abs=1e-9)
    assert one.error == pytest.approx(other.error, abs=1e-9)


@pytest.mark.parametrize("grouped", [False, True])
def test_the_anchor_shifts_the_ratings_and_nothing_else(grouped):
    table = [
        Result(r.first, r.second, round(r.wins / 3) + i, round(r.losses / 3) + 2 - i, group=i if grouped else None)
        for i in range(3)
        for r in expected_table(PLANTED)
    ]
    one, other = fit(table), fit(table, anchor="late")
    assert other.elo["late"] == other.error["late"] == 0
    for a, b in combinations(PLANTED, 2):
        assert one.difference(a, b) == pytest.approx(other.difference(a, b), abs=1e-6)
        assert one.difference(a, b)[0] == -one.difference(b, a)[0] == one.elo[a] - one.elo[b]
        assert one.difference(a, b)[1] > 1
    assert one.difference("late", "random") == (one.elo["late"], one.error["late"])


def test_errors_add_along_a_chain():
    ratings = fit([Result("a", "random", 30, 20), Result("b", "a", 40, 10)], prior=0)
    first, second = (ELO / math.sqrt(50 * p * (1 - p)) for p in (0.6, 0.8))
    assert ratings.error["a"] == pytest.approx(first)
    assert ratings.difference("b", "a")[1] == pytest.approx(second)
    assert ratings.error["b"] == pytest.approx(math.hypot(first, second))


def test_errors_of_independent_games_are_the_spread_of_the_ratings():
    rng, found, errors = np.random.default_rng(0), [], []
    expected = expected_table(PLANTED, games=1)
    for _ in range(500):
        wins = [int(rng.binomial(300, result.wins)) for result in expected]
        table = [Result(r.first, r.second, won, 300 - won) for r, won in zip(expected, wins, strict=True)]
        ratings = fit(table, prior=0)
        found.append([ratings.elo[name] for name in PLANTED] + [ratings.difference("late", "early")[0]])
        errors.append([ratings.error[name] for name in PLANTED] + [ratings.difference("late", "early")[1]])
    np.testing.assert_allclose(np.mean(found, axis=0), [*PLANTED.values(), 340], atol=3)
    np.testing.assert_allclose(np.std(found, axis=0), np.mean(errors, axis=0), rtol=0.1)


def test_errors_of_games_of_four_are_the_spread_of_the_ratings():
    elo = {"a": 170.0, "b": 90.0, "c": -50.0, "random": 0.0}
    rng, found, errors, naive = np.random.default_rng(1), [], [], []
    for _ in range(100):
        table = []
        for game in range(150):
            table += pairwise_from_ranks(list(elo), sampled_ranks(rng, elo), game)
        ratings = fit(table)
        found.append([ratings.elo[name] for name in "abc"])
        errors.append([ratings.error[name] for name in "abc"])
        alone = fit([Result(r.first, r.second, r.wins, r.losses) for r in table])
        naive.append([alone.error[name] for name in "abc"])
    spread = np.std(found, axis=0)
    np.testing.assert_allclose(np.mean(found, axis=0), [170, 90, -50], atol=3.5 * spread.max() / 10)
    np.testing.assert_allclose(spread, np.mean(errors, axis=0), rtol=0.25)
    assert (np.mean(naive, axis=0) < 0.85 * np.mean(errors, axis=0)).all()


def test_errors_of_groups_are_those_of_the_arena():
    pairs = np.random.default_rng(0).choice([[1, 1], [1, -1], [-1, 1], [-1, -1]], 40, p=[0.5, 0.15, 0.15, 0.2])
    table = [Result("net", "random", int((p > 0).sum()), int((p < 0).sum()), group=g) for g, p in enumerate(pairs)]
    ratings = fit(table, prior=0)
    groups = pairs.mean(axis=1)
    share, error = (1 + groups.mean()) / 2, groups.std(ddof=1) / math.sqrt(len(groups))
    assert ratings.elo["net"] == pytest.approx(elo_of_score(share), abs=1e-3)
    assert ratings.error["net"] == pytest.approx(error / 2 * ELO / share / (1 - share), rel=1e-5)


def test_openings_that_decide_both_games_double_the_variance():
    table = [Result("net", "random", 2 * (g % 3 > 0), 2 * (g % 3 == 0), group=g) for g in range(60)]
    alone = fit([Result("net", "random", 80, 40)], prior=0)
    ratings = fit(table, prior=0)
    assert ratings.elo == pytest.approx(alone.elo)
    assert ratings.error["net"] == pytest.approx(alone.error["net"] * math.sqrt(2 * 60 / 59))


def test_ranks_become_results_of_pairs():
    assert pairwise_from_ranks(["a", "b", "c"], [2, 1, 3], "game 7") == [
        Result("a", "b", 0, 1, 0, "game 7"),
        Result("a", "c", 1, 0, 0, "game 7"),
        Result("b", "c", 1, 0, 0, "game 7"),
    ]
    # b holds two seats, and ties with a in one of them.
    assert pairwise_from_ranks(["b", "a", "b", "c"], [1, 1, 3, 4], 0) == [
        Result("b", "a", 0, 0, 1, 0),
        Result("b", "c", 1, 0, 0, 0),
        Result("a", "b", 1, 0, 0, 0),
        Result("a", "c", 1, 0, 0, 0),
        Result("b", "c", 1, 0, 0, 0),
    ]
    with pytest.raises(ValueError, match="zip"):
        pairwise_from_ranks(["a", "b"], [1, 2, 3], 0)


def test_the_prior_is_drawn_games_between_players_who_met():
    table = [Result("a", "random", 30, 20), Result("b", "a", 40, 10)]
    explicit = [*table, Result("random", "a", 0, 0, 3), Result("a", "b", 0, 0, 3)]
    one, other = fit(table, prior=3), fit(explicit, prior=0)
    assert one.elo == pytest.approx(other.elo)
    assert one.error == pytest.approx(other.error)


@pytest.mark.parametrize("group", [False, True])
def test_a_player_that_always_won_has_a_rating_only_with_a_prior(group):
    table = [Result("net", "random", 2, 0, group=g if group else None) for g in range(32)]
    table += [Result("best", "net", 1, 1, group=g if group else None) for g in range(32)]
    ratings = fit(table)
    assert ratings.elo["net"] == pytest.approx(elo_of_score(64.5 / 65))
    assert ratings.elo["best"] == pytest.approx(ratings.elo["net"])
    # That all groups are alike does not make the rating certain: the virtual game weighs on the error.
    assert 150 < ratings.error["net"] < 300
    with pytest.raises(ValueError, match="no finite rating relative to random for: best, net; .* one side always won"):
        fit(table, prior=0)


def test_only_connections_that_exist_count():
    table = [Result("net", "random", 3, 1), Result("x", "y", 1, 1), Result("net", "z", 0, 0)]
    for prior in (0, 1):
        with pytest.raises(ValueError, match="no chain of games connects the anchor random to: x, y, z$"):
            fit(table, prior=prior)
    lost = [Result("net", "random", 3, 1), Result("weak", "net", 0, 4), Result("weaker", "weak", 1, 2)]
    with pytest.raises(ValueError, match="no finite rating relative to random for: weak, weaker;"):
        fit(lost, prior=0)
    # A circle of wins is enough for finite ratings.
    circle = [Result("a", "random", 1, 0), Result("b", "a", 1, 0), Result("random", "b", 1, 0)]
    assert fit(circle, prior=0).elo == pytest.approx({"a": 0, "b": 0, "random": 0}, abs=1e-6)


def test_groups_must_suffice_for_an_error():
    games = [Result("net", "random", 1, 1, group=g) for g in range(3)]
    with pytest.raises(ValueError, match="some results have a group and some not"):
        fit([*games, Result("net", "random", 1, 1)])
    with pytest.raises(ValueError, match="at least two"):
        fit(games[:1])
    bridge = [*games, Result("far", "net", 1, 1, group=2), Result("out", "far", 1, 1, group=2)]
    with pytest.raises(ValueError, match="only group 2 connects the anchor to: far, out"):
        fit(bridge, prior=0)
    # One opening is hardly evidence, and the errors say so.
    lopsided = [*games, Result("far", "net", 2, 0, group=2)]
    assert fit(lopsided).error["far"] > 100


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fit([]), "the anchor random has no result; those with results: none"),
        (lambda: fit([Result("a", "b", 1, 1)]), "the anchor random has no result; those with results: a, b"),
        (lambda: fit([Result("a", "random", 1, 1)], prior=-1), "prior is -1; it must be finite and at least 0"),
        (lambda: fit([Result("a", "random", 1, 1)], prior=math.nan), "prior is nan; it must be finite and at least 0"),
        (lambda: Result("a", "a", 1, 1), "a cannot play itself"),
        (lambda: Result("a", "b", 1, -1), "losses is -1; it must be finite and at least 0"),
        (lambda: Result("a", "b", math.inf, 1), "wins is inf; it must be finite and at least 0"),
        (lambda: Result("a", "b", 1, 1, math.nan), "draws is nan; it must be finite and at least 0"),
        (lambda: fit([Result("a", "random", 1, 1)]).interval("a", 95), "level is 95; it must be between 0 and 1"),
        (lambda: elo_of_score(1.1), "score is 1.1; it must be from 0 to 1"),
        (lambda: wilson(3, 2), "3 wins in 2 games"),
        (lambda: wilson(0, 0), "0 wins in 0 games"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        call()


def test_scores_and_elo_are_inverse():
    assert score_of_elo(400) == pytest.approx(10 / 11)
    assert score_of_elo(0) == 0.5
    assert [elo_of_score(p) for p in (0, 0.5, 1)] == [-math.inf, 0, math.inf]
    for elo in (-900.0, -3.0, 0.0, 191.0, 2000.0):
        assert elo_of_score(score_of_elo(elo)) == pytest.approx(elo, abs=1e-6)


@pytest.mark.parametrize(
    ("wins", "games", "low", "high"), [(80, 100, 0.7112, 0.8666), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_interval(wins, games, low, high):
    assert wilson(wins, games) == pytest.approx((low, high), abs=1e-4)
