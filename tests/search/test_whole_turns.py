"""The search over whole turns: turns are drawn from the policy and end legally, the best that is safe is played."""

from dataclasses import replace
from functools import cache, partial

import batches
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from played import random_games

import ringrift_jax as rr
from ringrift_jax.search import SearchConfig, whole_turns
from ringrift_jax.search.ply import no_memory, play_ply
from ringrift_jax.search.whole_turns import Plan, make_plans

ENV = rr.make("square8")
TURNS = 6
LANES = 24


def evaluate(_, observations):
    """Prefers some actions to others, and judges positions by their looks."""
    seen = observations.reshape(len(observations), -1)
    logits = jnp.cos(jnp.arange(ENV.num_actions)) * 2 + jnp.zeros((len(seen), 1))
    value = jnp.tanh(jnp.sin(seen @ jnp.cos(jnp.arange(seen.shape[1]) * 1.7)))
    return logits, jnp.stack([value, -value], axis=1)


@cache
def positions():
    """States ``[LANES]`` at any decision of random games, and some games that are over."""
    games = random_games(ENV, seed=5, enough=LANES // 2)
    rng = np.random.default_rng(0)
    states = [batches.take(game.states, int(rng.integers(len(game.actions)))) for game in games for _ in range(2)]
    return batches.stack([*states[: LANES - 1], games[0].end])


@jax.jit
def play(states, actions):
    return jax.vmap(ENV.step)(states, jnp.asarray(actions, jnp.int32))


def turn_goes_on(now, start):
    return np.asarray(~now.is_over & (now.turn == start.turn) & (now.current_player == start.current_player))


@pytest.mark.parametrize("answers", [0, TURNS])
def test_turns_are_legal_and_end_with_the_turn(answers):
    """The ends are judged by the barren values if wins of the next player are ruled out after that."""
    states, asked = positions(), np.arange(LANES) % 3 != 0
    asked &= ~np.asarray(states.is_over)
    keys = jax.random.split(jax.random.key(1), LANES)

    def look(_, seen):
        logits, values = evaluate(None, seen)
        return logits, *((-values, values) if answers else (values, -values))

    draw = jax.jit(partial(whole_turns.draw_turns, ENV, look, SearchConfig(turns=TURNS, answers=answers), None))
    lines, values, ends = jax.device_get(draw(states, keys, jnp.asarray(asked)))
    assert (lines[~asked] == -1).all()
    assert len(np.unique(lines[asked].reshape(-1, lines.shape[-1]), axis=0)) > asked.sum() * TURNS / 2

    start = batches.take(states, np.repeat(np.flatnonzero(asked), TURNS))
    lines, values = lines[asked].reshape(-1, lines.shape[-1]), values[asked].reshape(-1)
    ends = jax.tree.map(lambda leaf: leaf[asked].reshape(-1, *leaf.shape[2:]), ends)
    assert ((lines >= 0).sum(axis=1) < lines.shape[1]).all(), "some turn is longer than is remembered: take others"
    now = start
    for actions in lines.T:
        on = turn_goes_on(now, start)
        np.testing.assert_array_equal(actions >= 0, on)
        after = play(now, np.maximum(actions, 0))
        assert not np.asarray(after.illegal)[on].any()
        now = jax.tree.map(
            lambda new, old, on=on: jnp.where(on.reshape(-1, *[1] * (new.ndim - 1)), new, old), after, now
        )
    for reached, expected in zip(jax.tree.leaves(now), jax.tree.leaves(ends), strict=True):
        np.testing.assert_array_equal(reached, expected)

    mine = np.asarray(now.current_player == start.current_player)
    _, judged = evaluate(None, jax.vmap(ENV.observe)(now))
    expected = np.where(mine, judged[:, 0], judged[:, 1])
    rewards = np.take_along_axis(np.asarray(now.rewards), np.asarray(start.current_player)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(values, np.where(np.asarray(now.is_over), rewards, expected), atol=1e-5)
    assert (~mine & ~np.asarray(now.is_over)).any(), "no end is for the next player to judge"


def test_actions_are_drawn_by_their_probability():
    rng = np.random.default_rng(0)
    logits = jnp.asarray(rng.normal(size=200) * 2, jnp.float32)
    mask = jnp.asarray(rng.random(200) < 0.4)
    draw = jax.jit(jax.vmap(whole_turns._draw_action, in_axes=(None, None, 0, None)))
    drawn = np.asarray(draw(logits, mask, jax.random.split(jax.random.key(0), 20_000), False))
    shares = np.bincount(drawn, minlength=200) / len(drawn)
    expected = np.asarray(jax.nn.softmax(jnp.where(mask, logits, -jnp.inf)))
    assert not shares[~np.asarray(mask)].any()
    assert np.abs(shares - expected).max() < 5 * np.sqrt(expected.max() / len(drawn))
    best = np.asarray(draw(logits, mask, jax.random.split(jax.random.key(0), 3), True))
    assert (best == np.argmax(np.where(mask, logits, -np.inf))).all()


def plan(lines, values, chosen=0, at=0) -> Plan:
    """Of one game; lines are filled up with -1."""
    filled = np.full((len(lines), whole_turns.LINE), -1)
    for row, line in zip(filled, lines, strict=True):
        row[: len(line)] = line
    number = partial(jnp.asarray, dtype=jnp.int32)
    values = jnp.asarray(values, jnp.float32)[None]
    return Plan(number(filled)[None], values, number([chosen]), number([at]), number([-1]))


def test_the_policy_of_a_decision_is_that_of_the_turns_that_begin_like_the_one_played():
    lines, values = [[7, 1, 4], [7, 2], [9, 3], [7, 1, 5]], [0.5, 0.0, 0.5, 0.25]
    actions, weights = plan(lines, values).options(sharpness=4.0)
    share = np.exp(4 * np.array(values))
    np.testing.assert_array_equal(actions, [[7, -1, 9, -1]])
    np.testing.assert_allclose(
        weights[0], [share[[0, 1, 3]].sum() / share.sum(), 0, share[2] / share.sum(), 0], rtol=1e-5
    )
    actions, weights = plan(lines, values, at=1).options(sharpness=4.0)
    np.testing.assert_array_equal(actions, [[1, 2, -1, -1]])
    np.testing.assert_allclose(
        weights[0, :2], [share[[0, 3]].sum() / share[[0, 1, 3]].sum(), share[1] / share[[0, 1, 3]].sum()], rtol=1e-5
    )
    actions, weights = plan(lines, values, at=2).options(sharpness=4.0)
    np.testing.assert_array_equal(actions, [[4, -1, -1, 5]])


def test_a_plan_is_followed_to_its_end():
    now = plan([[7, 1], [9]], [0.5, 0.0])
    made = []
    for _ in range(4):
        made.append(int(now.decision[0]))
        now = now.after_decision()
    assert made == [7, 1, -1, -1]
    full = plan([range(whole_turns.LINE)], [0.5], at=whole_turns.LINE)
    assert full.decision[0] == -1


def test_the_rest_of_a_turn_chosen_at_random_teaches_nothing():
    lines, values = [[7, 1], [9, 3]], [0.5, 0.0]
    assert [bool(plan(lines, values, chosen, at).improves[0]) for chosen in (0, 1) for at in (0, 1)] == [
        True, True, True, False
    ]  # fmt: skip


CONFIG = SearchConfig(turns=TURNS, turn_nodes=20_000, answers=TURNS, answer_nodes=20_000, value_scale=1.0)


def end_of_turn(states, made, turn):
    """States after turns ``[LANES]`` of those that were compared."""
    now = jax.tree.map(jnp.asarray, states)
    for column in range(whole_turns.LINE):
        action = np.take_along_axis(made.lines[:, :, column], turn[:, None], axis=1)[:, 0]
        now = jax.tree.map(
            lambda new, old, on=action >= 0: jnp.where(on.reshape(-1, *[1] * (new.ndim - 1)), new, old),
            play(now, np.maximum(action, 0)), now,
        )  # fmt: skip
    return now


@pytest.mark.ci
@pytest.mark.optimised
def test_wins_are_played_and_turns_that_let_the_next_player_win_are_not():
    states = positions()
    keys = jax.random.split(jax.random.key(2), LANES)
    asked, never = jnp.asarray(~states.is_over), jnp.zeros(LANES, bool)
    made = jax.device_get(jax.jit(partial(make_plans, ENV, evaluate, CONFIG, None))(states, keys, asked, never, never))
    win = jax.device_get(rr.winning_turn(ENV, states))
    won = np.asarray(win.found)
    assert 3 <= won.sum() <= LANES - 6
    np.testing.assert_array_equal(made.value == 1, won)

    after = partial(end_of_turn, states, made)
    seat = np.take_along_axis(
        np.asarray(after(made.chosen).seat_of_player), np.asarray(states.current_player)[:, None], 1
    )[:, 0]
    np.testing.assert_array_equal(np.asarray(after(made.chosen).winner)[won], seat[won])

    asked = np.asarray(asked) & ~won
    lets_win = np.array([rr.winning_turn(ENV, after(np.full(LANES, turn))).found for turn in range(TURNS)]).T
    over = np.array([after(np.full(LANES, turn)).is_over for turn in range(TURNS)]).T
    chosen_lets_win = np.take_along_axis(lets_win, made.chosen[:, None], axis=1)[:, 0]
    some_do_not = ~(lets_win | over).all(axis=1)
    assert (asked & some_do_not & lets_win.any(axis=1)).sum() >= 3, "the choice is never between safe and unsafe turns"
    assert not chosen_lets_win[asked & some_do_not].any()


@pytest.mark.ci
@pytest.mark.optimised
def test_where_all_turns_are_lost_others_are_drawn():
    """And nothing else changes, nor do openings, whose turns are drawn whatever follows."""
    states = positions()
    keys = jax.random.split(jax.random.key(8), LANES)
    asked, never = jnp.asarray(~states.is_over), jnp.zeros(LANES, bool)

    def made(redraws, at_random):
        config = replace(CONFIG, turns=2, answers=2, redraws=redraws)
        plan = jax.jit(partial(make_plans, ENV, evaluate, config, None))
        return jax.device_get(plan(states, keys, asked, at_random, never))

    first, again, opening = made(0, never), made(3, never), made(3, ~never)
    lost = np.asarray(asked) & (first.values.max(axis=1) <= -1)
    saved = lost & (again.values.max(axis=1) > -1)
    assert saved.sum() >= 2
    for same, now, lanes in ((first, again, ~saved), (first, opening, slice(None))):
        np.testing.assert_array_equal(same.values[lanes], now.values[lanes])
        np.testing.assert_array_equal(same.lines[lanes], now.lines[lanes])
    ends = end_of_turn(states, again, again.chosen)
    assert np.asarray(~ends.illegal)[saved].all() and (again.value > -1)[saved].all()
    assert not np.asarray(rr.winning_turn(ENV, ends).found)[saved].any()


@pytest.mark.ci
@pytest.mark.optimised
def test_a_win_in_the_next_turn_is_ones_own_where_all_others_pass():
    states = positions()
    ends = jax.tree.map(lambda leaf: jnp.asarray(leaf)[:, None], states)
    won = np.asarray(rr.winning_turn(ENV, states).found)
    values, asked = jnp.full((LANES, 1), 0.25), jnp.asarray(~states.is_over)
    config = SearchConfig(turns=1, turn_nodes=20_000, answers=1, answer_nodes=20_000)
    verify = jax.jit(partial(whole_turns._verify, ENV, config))
    mine = jnp.asarray(states.current_player)
    for player, worth in ((mine, 1.0), (1 - mine, 0.25 - 3)):
        found, safe = verify(ends, values, player, asked)
        np.testing.assert_allclose(found[:, 0], np.where(won, worth, 0.25))
        assert won.any() and not np.asarray(safe)[won].any()


@pytest.mark.ci
@pytest.mark.optimised
def test_players_keep_to_their_plans_and_learn_from_them():
    states = positions()
    ply = jax.jit(partial(play_ply, ENV, evaluate, CONFIG, None))
    memory, zeros = no_memory(CONFIG, LANES), jnp.zeros(LANES)
    start = states
    first = None
    for number in range(3):
        keys = jax.random.split(jax.random.key(number), LANES)
        before = states
        states, found, memory = ply(before, keys, zeros > 0, zeros, memory)
        expected = play(before, found.action)
        going = ~np.asarray(before.is_over)
        for got, wanted in zip(jax.tree.leaves(states), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(np.asarray(got)[going], np.asarray(wanted)[going])
        assert not np.asarray(states.illegal)[going].any()
        np.testing.assert_allclose(np.asarray(found.slot_weights).sum(axis=1)[going], 1, rtol=1e-4)
        chosen = (np.asarray(found.slot_actions) == np.asarray(found.action)[:, None])[going]
        assert chosen.any(axis=1).all()
        if first is None:
            first = memory
        else:
            on = turn_goes_on(before, start)
            np.testing.assert_array_equal(memory.plan.lines[on], first.plan.lines[on])
            assert on.sum() >= 3 and (np.asarray(memory.plan.at)[on] == number + 1).all()


@pytest.mark.ci
@pytest.mark.optimised
def test_a_turn_that_was_searched_as_the_answer_to_the_one_before_is_not_searched_again():
    states = positions()
    ply = jax.jit(partial(play_ply, ENV, evaluate, CONFIG, None))
    memory, zeros = no_memory(CONFIG, LANES), jnp.zeros(LANES)
    known = 0
    for number in range(6):
        keys = jax.random.split(jax.random.key(number), LANES)
        plan = memory.plan
        assert plan
        begins = np.asarray((plan.decision < 0) & (plan.barren == states.turn) & ~states.is_over)
        assert not np.asarray(rr.winning_turn(ENV, states).found)[begins].any()
        known += begins.sum()
        states, _, memory = ply(states, keys, zeros > 0, zeros, memory)
    assert known >= 5

    states = positions()
    won = np.asarray(rr.winning_turn(ENV, states).found)
    fresh = no_memory(CONFIG, LANES)
    _, found, _ = ply(states, keys, zeros > 0, zeros, fresh)
    assert won.any() and (np.asarray(found.value)[won] == 1).all()
    assert fresh.plan
    told = fresh._replace(plan=fresh.plan._replace(barren=states.turn))
    _, found, _ = ply(states, keys, zeros > 0, zeros, told)
    assert (np.asarray(found.value)[won] < 1).any(), "what is remembered is not used"
