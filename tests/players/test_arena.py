"""Matches: every seat equally often, shared openings, the right scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame, best_reward

from ringrift_jax.players.agents import Planner, random_agent
from ringrift_jax.players.arena import (
    ArenaConfig,
    Match,
    advance,
    judge,
    match_keys,
    new_match,
    next_turn,
    play_match,
    take,
    versus,
)
from ringrift_jax.players.sequential import SequentialConfig, verdict
from ringrift_jax.rules.state import Phase


def first_legal(env):
    """Takes one token, or as few as possible."""
    return lambda states, keys: jnp.argmax(jax.vmap(env.legal_action_mask)(states), axis=-1)


def perfect(env, heap):
    """Plays the two-player game without a mistake."""
    table = np.zeros((heap + 1, 2), np.int32)
    for tokens in range(1, heap + 1):
        for chain in (0, 1):
            results = {}
            for take_ in range(1, min(tokens, 2 if chain else 4) + 1):
                left = tokens - take_
                again = take_ == 1 and not chain
                results[take_ - 1] = 1 if left == 0 else best_reward(left, True) if again else -best_reward(left)
            if chain:
                results[4] = -best_reward(tokens)
            table[tokens, chain] = max(results, key=lambda action: results[action])
    lookup = jnp.array(table)
    return lambda states, keys: lookup[states.heap, (states.phase == 3).astype(int)]


def test_a_perfect_player_wins_every_game_it_can_and_each_seat_is_held_as_often():
    heap = 12
    env = ToyGame(heap=heap)
    match = jax.jit(lambda key: play_match(env, versus(perfect(env, heap), random_agent(env)), 32, key))(
        jax.random.key(0)
    )
    score = np.asarray(match.score).reshape(32, 2)
    winning_seat = 0 if best_reward(heap) == 1 else 1
    assert (score[:, winning_seat] == 1).all()
    assert set(np.unique(score)) <= {-1.0, 1.0}
    assert not match.running.any()


def test_the_two_sides_of_a_match_mirror_each_other():
    env = ToyGame(heap=11)
    one, other = random_agent(env), first_legal(env)
    forward = jax.jit(lambda key: play_match(env, versus(one, other), 40, key))(jax.random.key(3))
    backward = jax.jit(lambda key: play_match(env, versus(other, one), 40, key))(jax.random.key(3))
    # The games of a group share their keys, so exchanging the agents exchanges the games of a pair.
    forward_score = np.asarray(forward.score).reshape(40, 2)
    backward_score = np.asarray(backward.score).reshape(40, 2)
    np.testing.assert_array_equal(forward_score, -backward_score[:, ::-1])
    assert len(np.unique(forward_score)) == 2


@pytest.mark.parametrize("players", [2, 3, 4])
def test_equal_agents_score_nothing(players):
    env = ToyGame(players, heap=13)
    same = first_legal(env)
    match = jax.jit(lambda key: play_match(env, versus(same, same), 3, key))(jax.random.key(0))
    assert np.asarray(match.score).reshape(3, players).mean(axis=1) == pytest.approx(0, abs=1e-6)
    # One player wins them all, and the challenger is each player once in a group.
    assert (np.asarray(match.score).reshape(3, players) == 1).sum(axis=1).tolist() == [1, 1, 1]


def test_truncated_games_score_nothing_and_end_the_match():
    env = ToyGame(heap=30, max_steps=3)
    match = jax.jit(lambda key: play_match(env, versus(first_legal(env), random_agent(env)), 2, key))(jax.random.key(0))
    assert match.score.tolist() == [0, 0, 0, 0]
    assert match.length.tolist() == [3, 3, 3, 3]


def test_each_side_remembers_what_it_likes_of_each_game():
    env = ToyGame(num_players=2, heap=20)

    def counting(agent):
        return Planner(
            lambda states, keys, memory: (agent(states, keys), memory + 1), lambda batch: jnp.zeros(batch, int)
        )

    sides = versus(counting(random_agent(env)), counting(first_legal(env)))
    match = jax.jit(lambda key: play_match(env, sides, 5, key, opening=2))(jax.random.key(1))
    mine, theirs = match.memory
    assert len(set(mine.tolist())) > 1 and mine.min() >= 1 and theirs.min() >= 1
    np.testing.assert_array_equal(mine + theirs, match.length - 2)
    # Whoever remembers nothing plays the same.
    plain = versus(random_agent(env), first_legal(env))
    again = jax.jit(lambda key: play_match(env, plain, 5, key, opening=2))(jax.random.key(1))
    np.testing.assert_array_equal(again.length, match.length)


def test_a_turn_moves_only_games_that_wait_for_its_side():
    env = ToyGame(num_players=2, heap=20)
    match = new_match(env, 3)
    turn = next_turn(env, match, width=4)
    # At the start player 0 decides; it is the challenger in games 0, 2 and 4.
    assert bool(turn.challenging)
    assert turn.games.tolist() == [0, 2, 4, 6]  # and a filler
    states = take(turn, match.state)
    after = advance(env, match, turn, jax.vmap(env.step)(states, jnp.full(4, 3)))
    assert after.length.tolist() == [1, 0, 1, 0, 1, 0]
    assert after.state.heap.tolist() == [16, 20, 16, 20, 16, 20]
    # Now all six wait for the opponent, of which four fit.
    turn = next_turn(env, after, width=4)
    assert not bool(turn.challenging)
    assert turn.games.tolist() == [0, 1, 2, 3]


def test_a_turn_wider_than_the_match_has_fillers():
    env = ToyGame(heap=20)
    match = new_match(env, 2)
    turn = next_turn(env, match, width=7)
    after = advance(env, match, turn, jax.vmap(env.step)(take(turn, match.state), jnp.full(7, 3)))
    assert after.length.tolist() == [1, 0, 1, 0]


def test_the_opening_belongs_to_the_opponent_and_is_shared():
    env = ToyGame(heap=20)
    match = new_match(env, 2)
    turn = next_turn(env, match, width=4, opening=1)
    assert not bool(turn.challenging)
    assert turn.games.tolist() == [0, 1, 2, 3]
    keys = jax.random.key_data(match_keys(jax.random.key(0), 2, 2))
    np.testing.assert_array_equal(keys[0], keys[1])
    assert not np.array_equal(keys[1], keys[2])
    after = Match(jax.vmap(env.step)(match.state, jnp.full(4, 3)), match.score, match.length + 1)
    assert next_turn(env, after, 4, opening=1).games.tolist() == [1, 3, 4, 4]


def test_a_match_is_judged_by_the_groups_before_the_first_that_still_runs():
    env = ToyGame(heap=9)
    config = ArenaConfig(groups=4, held_out=2, test=SequentialConfig(promote_elo=100, rollback_elo=100, error_rate=0.2))
    match = new_match(env, 6)
    score = jnp.array([1, 1, 1, 1, 1, 0, -1, -1, -1, -1, -1, -1], jnp.float32)
    seen = []
    for running in ([5], [0], [], [11]):
        over = jnp.ones(12, bool).at[jnp.array(running, int)].set(False)
        phase = jnp.where(over, Phase.OVER, match.state.phase)
        found = judge(Match(match.state.replace(phase=phase), score, match.length), 2, config)
        seen.append((int(found.read.groups), bool(found.stronger), bool(found.weaker)))
    expected = verdict(score.reshape(6, 2).mean(1), jnp.int32(6), 2, config.test, held_out=2)
    assert seen[0] == (2, False, False)
    assert seen[1] == (0, False, False)
    assert seen[2] == (int(expected.read.groups), bool(expected.stronger), bool(expected.weaker))
    assert seen[3] == seen[2], "the last group is held out"


def test_the_first_games_go_first():
    """On full turns, games beyond twice the width do not move before earlier ones have ended."""
    env = ToyGame(heap=80)
    match = new_match(env, 8)

    def last_moved(match):
        last = 0
        for _ in range(10):
            turn = next_turn(env, match, width=4)
            assert turn.games.max() < 16, "a turn is not full"
            last = max(last, int(turn.games.max()))
            match = advance(env, match, turn, jax.vmap(env.step)(take(turn, match.state), jnp.full(4, 3)))
        return last

    assert last_moved(match) == 6
    phase = jnp.where(jnp.arange(16) < 3, Phase.OVER, match.state.phase)
    assert last_moved(Match(match.state.replace(phase=phase), match.score, match.length)) == 10


@pytest.mark.parametrize("setting", [{"every": 0}, {"groups": 1}, {"held_out": 1}, {"opening": -1}])
def test_settings_are_checked(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=f"{name} is .*; it must be at least"):
        ArenaConfig(**setting)
