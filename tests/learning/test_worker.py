"""The worker on a small game: it plays what it says, with the network that its games name."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.learning.worker import Network, Worker
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.search import SearchConfig, search
from ringrift_jax.search.network import NetworkConfig, make_network

ENV, LANES = ToyGame(heap=13), 4
# Without noise, so that the policy depends on the network and the position alone.
CONFIG = LoopConfig(
    network=NetworkConfig(channels=4, blocks=1),
    search=SearchConfig(simulations=2, considered=2, gumbel_scale=0),
    self_play=SelfPlayConfig(opening=4),
    learner=LearnerConfig(replay_blocks=32),
)
NAMES = ("champion 0", "champion 1", "champion 2")


@cache
def params(name: str):
    network, seed = make_network(ENV, CONFIG.network), NAMES.index(name)
    return jax.jit(network.init)(jax.random.key(seed), jnp.zeros((1, *ENV.observation_shape)))


@pytest.fixture(scope="module")
def searched():
    """``bool[T]``: whether the policies of a game are those of a network in its positions."""
    evaluate, length = make_evaluate(ENV, CONFIG.network), 16

    @jax.jit
    def policies(network, states):
        return search(ENV, evaluate, network, states, jax.random.split(jax.random.key(0), length), CONFIG.search)

    def by(name, game):
        filled = jax.tree.map(lambda leaf: np.resize(leaf, (length, *leaf.shape[1:])), game.states)
        weights = policies(params(name), filled).slot_weights[: len(game.actions)]
        return np.abs(weights - game.slot_weights).max(axis=-1) < 2e-3

    return by


def start(finish_games: bool, config: LoopConfig = CONFIG) -> Worker:
    return Worker(ENV, config, LANES, network(0), jax.random.key(1), finish_games)


def network(number: int) -> Network:
    return Network(f"champion {number}", params(f"champion {number}"))


def play(worker: Worker, plies: int) -> list:
    return [game for _ in range(plies) for game in worker.ply()]


def test_games_are_whole_and_lead_to_their_outcome():
    worker = start(False, replace(CONFIG, search=SearchConfig(simulations=2, considered=2)))
    games, step = play(worker, 30), jax.jit(ENV.step)
    assert len(games) > 2 * LANES
    assert len({(game.lane, game.number) for game in games}) == len(games)
    for game in games:
        position = ENV.init()
        for ply, action in enumerate(game.actions):
            for a, b in zip(jax.tree.leaves(game.states), jax.tree.leaves(position), strict=True):
                np.testing.assert_array_equal(a[ply], b)
            position = step(position, int(action))
        assert position.is_over
        np.testing.assert_array_equal(position.rewards, game.rewards)
        assert game.last_iteration - game.first_iteration == len(game.actions) - 1
        assert game.models == ("champion 0", "champion 0")


def test_by_default_running_games_go_on_with_the_new_network(searched):
    worker = start(False)
    before = play(worker, 7)
    worker.offer(network(1))
    switch = worker.plies + 1
    after = play(worker, 30)
    assert all(searched("champion 0", game).all() for game in before)
    names = {game.models[0] for game in after}
    assert names == {"champion 0 to champion 1", "champion 1"}
    assert not worker.former
    told_apart = 0
    for game in after:
        old = np.arange(game.first_iteration, game.last_iteration + 1) < switch
        assert game.models[0] == ("champion 0 to champion 1" if old.any() else "champion 1")
        by = {name: searched(name, game) for name in NAMES}
        assert (by["champion 0"] | ~old).all() and (by["champion 1"] | old).all()
        told_apart += (by["champion 0"] != by["champion 1"]).sum()
    assert told_apart > 20


def test_games_are_finished_with_the_network_they_began_with_and_a_third_waits(searched, monkeypatch):
    worker = start(True)
    searches, search = [], worker._search

    def counted(*arguments):
        searches.append(worker.plies)
        return search(*arguments)

    monkeypatch.setattr(worker, "_search", counted)
    games = play(worker, 7)
    worker.offer(network(2))
    worker.offer(network(1))  # of those that wait the last one counts
    games += worker.ply()
    assert worker.network.name == "champion 1" and worker.former and worker.former.name == "champion 0"
    worker.offer(network(2))
    twice = [worker.plies]
    while worker.network.name == "champion 1" and worker.plies < 100:
        games += worker.ply()
        twice += [worker.plies] if worker.former else []
    assert worker.former and worker.former.name == "champion 1"
    while worker.former and worker.plies < 100:
        games += worker.ply()
        twice += [worker.plies] if worker.former else []
    games += play(worker, 20)
    assert worker.network.name == "champion 2"
    assert [ply for ply in sorted(set(searches)) if searches.count(ply) == 2] == twice
    assert twice[0] > 7 and twice[-1] < worker.plies - 15

    assert {game.models[0] for game in games} == set(NAMES)
    for game in games:
        assert searched(game.models[0], game).all()
    others = sum((~searched(name, game)).sum() for game in games for name in NAMES if name != game.models[0])
    assert others > 50
    old = [game.last_iteration for game in games if game.models[0] == "champion 0"]
    third = [game.first_iteration for game in games if game.models[0] == "champion 2"]
    assert max(old) < min(third)
