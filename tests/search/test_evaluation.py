"""A network that returns what it must not is refused, by name, wherever one is asked, before anything is computed."""

import jax
import jax.numpy as jnp
import pytest
from toy_game import ToyGame

from ringrift_jax.learning import ring
from ringrift_jax.learning.learner import LearnerConfig, losses
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import network_agent, search_agent
from ringrift_jax.search import SearchConfig, search, search_tree
from ringrift_jax.search.evaluation import evaluate_observations

ENV, GAMES = ToyGame(heap=9), 3
CONFIG = SearchConfig(simulations=2, considered=2)
STATES = jax.vmap(lambda _: ENV.init())(jnp.arange(GAMES))
KEYS = jax.random.split(new_key(0), GAMES)


def network(logits, values, dtype=jnp.float32):
    return lambda _, observations: (
        jnp.zeros((len(observations), logits), dtype),
        jnp.zeros((len(observations), values), dtype),
    )


WRONG = {
    "one value": (network(6, 1), r"values float32\[{n}, 1\]; they must be float32\[{n}, 2\]"),
    "exchanged": (network(2, 6), r"logits float32\[{n}, 2\]; they must be float32\[{n}, 6\]"),
    "too few logits": (network(5, 2), r"logits float32\[{n}, 5\]; they must be float32\[{n}, 6\]"),
    "integers": (network(6, 2, jnp.int32), r"logits int32\[{n}, 6\]; they must be float32"),
    "values without an axis": (
        lambda _, seen: (jnp.zeros((len(seen), 6)), jnp.zeros(len(seen))),
        r"values float32\[{n}\]; they must be float32\[{n}, 2\]",
    ),
    "logits alone": (
        lambda _, seen: jnp.zeros((len(seen), 6)),
        r"float32\[{n}, 6\]; it must return \(logits, values\)",
    ),
    "four results": (
        lambda _, seen: (*network(6, 2)(_, seen), seen, seen),
        r"a tuple of 4; it must return \(logits, values\)",
    ),
    "one barren value": (
        lambda _, seen: (*network(6, 2)(_, seen), jnp.zeros((len(seen), 1))),
        r"barren_values float32\[{n}, 1\]; they must be float32\[{n}, 2\]",
    ),
}


def by_search(evaluate):
    return search(ENV, evaluate, None, STATES, KEYS, CONFIG)


def by_search_agent(evaluate):
    return search_agent(ENV, evaluate, None, CONFIG)(STATES, KEYS)


def by_network_agent(evaluate):
    return network_agent(ENV, evaluate, None)(STATES, KEYS)


def by_learner(evaluate):
    slots = jnp.array([0, 3, -1])
    rows = jax.vmap(lambda state: ring.make_rows(state, slots[0], slots, jnp.ones(3) / 3, jnp.float32(0), 6))(STATES)
    sample = ring.Sample(rows, jnp.zeros((GAMES, 2)), jnp.ones(GAMES, jnp.int32))
    return losses(ENV, evaluate, LearnerConfig(), None, sample, KEYS)


# A search evaluates one position at a time, under vmap.
ENTRIES = {by_search: 1, by_search_agent: 1, by_network_agent: GAMES, by_learner: GAMES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_outputs_are_refused_when_traced(entry, wrong):
    evaluate, said = WRONG[wrong]
    with pytest.raises(ValueError, match=said.replace("{n}", str(ENTRIES[entry]))):
        jax.eval_shape(lambda: entry(evaluate))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
def test_right_outputs_are_taken(entry):
    jax.eval_shape(lambda: entry(network(6, 2)))
    jax.eval_shape(lambda: entry(lambda _, seen: (*network(6, 2)(_, seen), network(6, 2)(_, seen)[1])))


def test_narrow_floats_become_float32():
    observations = jnp.zeros((GAMES, *ENV.observation_shape))
    found = evaluate_observations(ENV, network(6, 2, jnp.bfloat16), None, observations)
    assert [numbers.dtype for numbers in found[:2]] == [jnp.float32] * 2 and found.barren_values is None


def test_states_and_keys_of_different_batches_are_refused():
    look = network(6, 2)
    with pytest.raises(ValueError, match=r"states.heap has shape \[3\]; its leading axis must be 2"):
        search(ENV, look, None, STATES, KEYS[:2], CONFIG)
    with pytest.raises(ValueError, match=r"keys are key<fry>\[\]; they must be typed keys \[B\]"):
        search(ENV, look, None, ENV.init(), KEYS[0], CONFIG)
    with pytest.raises(ValueError, match=r"keys are uint32\[3, 2\]; they must be typed keys \[B\]"):
        search(ENV, look, None, STATES, jax.random.key_data(KEYS), CONFIG)
    with pytest.raises(ValueError, match=r"the state has leading axes \(3,\); search_tree takes one position"):
        search_tree(ENV, look, None, STATES, KEYS[0], CONFIG)
