"""A board small enough to be solved exactly: search approaches the solution, and training learns it.

3 x 3 cells and two rings each is lost for the player who begins. Half of its positions have winning and losing
decisions side by side, so that playing them right takes right signs, targets and search together.
"""

import random
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax import boards, notation, reference
from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig, make_iterate, new_loop
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.players.agents import make_evaluate, network_agent
from ringrift_jax.players.arena import ArenaConfig
from ringrift_jax.reference.solve import Solver
from ringrift_jax.search import SearchConfig, search
from ringrift_jax.search.network import NetworkConfig

BOARD = boards.custom("square", 3, rings_per_player=2)
ENV = rr.make(BOARD)
POSITIONS = 256


@pytest.fixture(scope="module")
def solved():
    """States ``[P]`` in which the decision matters, and the winning actions of each as ``bool[P, num_actions]``."""
    solver, rng = Solver(), random.Random(0)
    assert solver.solve(reference.new_game(BOARD)) == -1
    found: dict[str, tuple] = {}
    while len(found) < POSITIONS:
        pos = reference.settle(reference.new_game(BOARD))
        while reference.result(pos) is None:
            values = solver.action_values(pos)
            text = reference.state_string(pos)
            if len(set(values.values())) == 2 and " sl=" not in text and "|sl=" not in text:
                state = notation.from_state_string(ENV, text)
                winning = np.zeros(ENV.num_actions, bool)
                for action, value in values.items():
                    winning[notation.encode(ENV, state, complete(pos, action))[0]] |= value == 1
                found.setdefault(text, (state, winning))
            pos = reference.settle(reference.play(pos, rng.choice(reference.legal_moves(pos))))
    states, winning = zip(*list(found.values())[:POSITIONS], strict=True)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), np.stack(winning)


def complete(pos, action: str) -> str:
    """A whole move that begins with an action: a slide alone is not a move."""
    if action.startswith("R ") and action.count(" ") == 1:
        return next(move for move in reference.legal_moves(pos) if move.startswith(f"{action} "))
    return action


def accuracy(winning: np.ndarray, actions: jax.Array) -> float:
    """Share of positions in which the chosen action keeps the win."""
    return float(winning[np.arange(len(winning)), np.asarray(actions)].mean())


def know_nothing(params, observations):
    batch = observations.shape[0]
    return jnp.zeros((batch, ENV.num_actions)), jnp.zeros((batch, ENV.num_players))


@pytest.mark.ci
@pytest.mark.optimised
def test_search_approaches_the_solution(solved):
    states, winning = solved
    keys = jax.random.split(jax.random.key(0), POSITIONS)
    chance = float((winning.sum(1) / np.asarray(jax.vmap(ENV.legal_action_mask)(states)).sum(1)).mean())
    found = []
    for simulations in (8, 256):
        config = SearchConfig(simulations=simulations, considered=32, gumbel_scale=1.0)
        output = jax.jit(lambda states, keys, config=config: search(ENV, know_nothing, None, states, keys, config))
        found.append(accuracy(winning, output(states, keys).action))
    print(f"right decisions: {chance:.3f} by chance, {found} with 8 and 256 simulations")
    assert chance < 0.6 < found[0] < found[1]
    assert found[1] >= 0.8


@pytest.mark.ci
@pytest.mark.optimised
def test_training_learns_the_solution(solved):
    states, winning = solved
    config = LoopConfig(
        network=NetworkConfig(channels=32, blocks=2),
        search=SearchConfig(simulations=16, considered=4),
        self_play=SelfPlayConfig(lanes=128, chunk=32),
        learner=replace(LearnerConfig(), replay_blocks=512, min_rows=512, warmup=20),
        arena=ArenaConfig(every=1000, groups=2),
    )
    iterate, state = make_iterate(ENV, config), new_loop(ENV, config, jax.random.key(0))
    evaluate = make_evaluate(ENV, config.network)

    @jax.jit
    def choose(params):
        return network_agent(ENV, evaluate, params)(states, jax.random.split(jax.random.key(0), POSITIONS))

    untrained = accuracy(winning, choose(state.learner.params))
    for _ in range(24):
        state, metrics = iterate(state)
    trained = accuracy(winning, choose(state.learner.params))
    print(f"right decisions of the network alone: {untrained:.3f} untrained, {trained:.3f} trained")
    assert trained >= 0.85 and trained >= untrained + 0.2
