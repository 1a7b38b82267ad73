"""The parity gate: the games it takes are those that were played, and a wrong one is found."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from played import random_games
from toy_game import ToyGame

import ringrift_jax as rr
from ringrift_jax.learning.games import PlayedGame, games_of_lanes, games_to_verify
from ringrift_jax.learning.gates import GatesConfig
from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig, make_iterate, new_loop, release
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.players.arena import ArenaConfig
from ringrift_jax.runs import parity
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig

TOY = ToyGame(heap=13)
CONFIG = LoopConfig(
    network=NetworkConfig(channels=4, blocks=1),
    search=SearchConfig(simulations=2, considered=2),
    self_play=SelfPlayConfig(lanes=8, chunk=6),
    learner=LearnerConfig(replay_blocks=16, batch_size=8, min_rows=8),
    arena=ArenaConfig(every=1000, groups=2),
    gates=GatesConfig(parity_games=3, min_unique=0, max_seat_share=1),
)


@pytest.fixture(scope="module")
def states():
    """The loop after each of 6 iterations, games released one iteration late."""
    iterate, state, seen = make_iterate(TOY, CONFIG), new_loop(TOY, CONFIG, jax.random.key(1)), []
    for _ in range(6):
        state, metrics = iterate(state)
        if state.iteration > 1:
            state = release(CONFIG, state, True)
        seen.append((jax.tree.map(lambda leaf: leaf.copy(), state), jax.device_get(metrics)))
    return seen


def test_games_are_whole_and_lead_to_their_outcome(states):
    step, seen, several = jax.jit(TOY.step), set(), 0
    for iteration, (state, metrics) in enumerate(states, start=1):
        games = games_of_lanes(CONFIG, state.replay, range(8), iteration)
        assert len(games) == int(metrics.self_play.games)
        assert sum(len(game.actions) for game in games) == int(metrics.self_play.decisions)
        for game in games:
            position = TOY.init()
            for ply, action in enumerate(game.actions):
                for a, b in zip(jax.tree.leaves(game.states), jax.tree.leaves(position), strict=True):
                    np.testing.assert_array_equal(a[ply], b)
                assert action in game.slot_actions[ply]
                position = step(position, int(action))
            assert position.is_over
            np.testing.assert_array_equal(position.rewards, game.rewards)
            assert (game.lane, game.number) not in seen
            seen.add((game.lane, game.number))
            assert game.last_iteration == iteration
            several += game.first_iteration < iteration
            first, last = game.first_iteration - 1, iteration - 1
            model = f"iteration {last}" if first == last else f"iteration {first} to iteration {last}"
            assert game.models == (model, model)
    assert several > 3 and len(seen) > 20


def test_the_sample_is_of_the_first_iteration_that_is_not_approved_and_of_other_lanes_each_time(states):
    lanes = []
    for iteration, (state, _) in enumerate(states, start=1):
        everything = games_of_lanes(CONFIG, state.replay, range(8), iteration)
        games = games_to_verify(CONFIG, state)
        assert int(state.replay.approved) == iteration - 1
        assert 0 < len({game.lane for game in games}) <= 3
        known = {(game.lane, game.number): game for game in everything}
        for game in games:
            np.testing.assert_array_equal(game.actions, known[game.lane, game.number].actions)
        lanes.append({game.lane for game in games})
    assert len(set().union(*lanes)) > 5
    nothing = replace(CONFIG, gates=replace(CONFIG.gates, parity_games=0))
    assert games_to_verify(nothing, states[0][0]) == []


def test_games_by_the_champion_name_its_versions(states):
    state, _ = states[3]
    config = replace(CONFIG, self_play=replace(CONFIG.self_play, network="champion"))
    marked = replace(state, replay=replace(state.replay, version=state.replay.iteration // 2))
    for game in games_of_lanes(config, marked.replay, range(8), 4):
        first, last = game.first_iteration // 2, 2
        assert game.models[0] == ("champion 2" if first == last else f"champion {first} to champion {last}")


def test_games_whose_beginning_was_overwritten_are_left_out(states):
    state, _ = states[5]
    ended = np.asarray(state.replay.ended)
    old = [iteration for iteration in range(1, 7) if (ended == iteration).any()]
    partly = [games_of_lanes(CONFIG, state.replay, range(8), iteration) for iteration in old]
    assert sum(map(len, partly)) < len({(lane, number) for lane in range(8) for number in _numbers(state, lane)})
    assert all((game.states.steps == np.arange(len(game.actions))).all() for games in partly for game in games)


def _numbers(state, lane):
    return np.unique(np.asarray(state.replay.game)[np.asarray(state.replay.ended)[:, lane] > 0, lane]).tolist()


@pytest.fixture(scope="module")
def played():
    """A finished game on a published board."""
    env = rr.make("square8", swap_rule=True)
    game = random_games(env, seed=2, enough=1)[0]
    slots = np.zeros((len(game.actions), 1))
    models = "iteration 1", "b"
    return env, PlayedGame(game.states, game.actions, slots, slots, slots[:, 0], game.rewards, 5, 7, 2, 3, models)


def test_a_right_game_is_accepted_and_recorded(played):
    env, game = played
    found = parity.check(env, [game], config_hash="abc")
    assert found.accepted and found.games == 1 and found.problem is None
    (record,) = found.records
    assert record["id"] == "5-7" and record["models"] == ["iteration 1", "b"]
    assert (record["lane"], record["number"], record["first_iteration"], record["last_iteration"]) == (5, 7, 2, 3)
    assert record["config_hash"] == "abc"
    assert record["result"]["winner"] in (1, 2)


def test_a_wrong_game_is_found(played):
    """Each fault alone: another action, a ring that comes from nowhere, the other winner, a part that is missing."""
    env, game = played
    other = game.actions.copy()
    other[3] = game.actions[2]
    hands = game.states.hand.copy()
    hands[4:, 0] += 1
    short = jax.tree.map(lambda leaf: leaf[:-1], game.states)
    for fault in (
        replace(game, actions=other),
        replace(game, states=game.states.replace(hand=hands)),
        replace(game, rewards=game.rewards[::-1]),
        replace(game, states=short, actions=game.actions[:-1]),
        replace(game, states=game.states.replace(phase=np.full_like(game.states.phase, 77))),
    ):
        found = parity.check(env, [game, fault])
        assert not found.accepted and found.games == 2 and len(found.records) == 1
        assert found.problem is not None and found.problem.startswith("lane 5, game 7: ")


def test_what_the_reference_does_not_know_is_accepted_unseen(states):
    games = games_to_verify(CONFIG, states[0][0])
    found = parity.check(TOY, games)
    assert found.accepted and found.games == 0 and found.records == []
