"""Quality gates: a healthy chunk passes, and each fault is found by its gate and by no other."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.learning import ring
from ringrift_jax.learning.gates import OPENING, GatesConfig, fingerprint, measure
from ringrift_jax.learning.ring import Rows
from ringrift_jax.learning.selfplay import no_stats
from ringrift_jax.rules.state import Phase

BLOCKS, LANES, CHUNK = 6, 32, 4
CONFIG = GatesConfig(min_games=8, min_length=5, max_length=20, min_unique=0.5, min_openings=0.5, min_entropy=0.1)
STATS = replace(
    no_stats(2), games=jnp.int32(10), decisions=jnp.int32(120), wins=jnp.array([6, 4]), shortest=jnp.int32(9)
)


def chunk(heaps=None, steps=None, weights=(0.75, 0.25, 0.0)):
    """A ring whose last blocks are a chunk of positions ``[CHUNK, LANES]``, after older ones that are all equal."""
    every = np.arange(CHUNK * LANES).reshape(CHUNK, LANES)
    heaps = every if heaps is None else np.broadcast_to(heaps, every.shape)
    steps = np.where(every < LANES, OPENING, every) if steps is None else np.broadcast_to(steps, every.shape)
    start = ToyGame().init()
    actions = jnp.array([0, 3, -1], jnp.int16)
    row = Rows(start, jnp.int16(0), actions, jnp.zeros(3, jnp.float16), jnp.float16(0))
    replay = ring.empty(row, BLOCKS, LANES, 2)
    rows = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (LANES, *leaf.shape)), row)
    for block in range(BLOCKS + 2 - CHUNK):
        replay = ring.append(replay, rows, jnp.full(LANES, block), 1, 0)
    for heap, step in zip(heaps, steps, strict=True):
        state = rows.state.replace(
            heap=jnp.array(heap), steps=jnp.array(step), phase=jnp.where(jnp.array(heap) % 2, Phase.PLACE, Phase.CHAIN)
        )
        filled = replace(rows, state=state, slot_weights=jnp.tile(jnp.array(weights, jnp.float16), (LANES, 1)))
        replay = ring.append(replay, filled, jnp.zeros(LANES), 2, 0)
    return replay


judge = jax.jit(lambda replay, stats: measure(CONFIG, replay, stats, CHUNK))


def failed(report):
    return {name for name, result in report.results.items() if not result.passed}


def test_a_healthy_chunk_passes_and_is_measured():
    report = judge(chunk(), STATS)
    assert failed(report) == set() and bool(report.passed)
    values = {name: float(result.value) for name, result in report.results.items()}
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert values == pytest.approx(
        {
            "length": 12, "unfinished": 0, "unique": 1, "openings": 1, "entropy": entropy, "seat_balance": 0.6,
            "finite": 0,
        },
        rel=1e-3,
    )  # fmt: skip
    seen = np.asarray(report.entropy)
    assert seen[[Phase.PLACE, Phase.CHAIN]] == pytest.approx(entropy, rel=1e-3)
    others = np.delete(np.arange(len(seen)), [Phase.PLACE, Phase.CHAIN])
    assert (seen[others] == 0).all() and (np.asarray(report.choices)[others] == 0).all()
    assert report.choices.sum() == CHUNK * LANES


EVERY = np.arange(CHUNK * LANES).reshape(CHUNK, LANES)
FAULTS = {
    "short games": ("length", 3, {}, {"decisions": 30}),
    "long games": ("length", 30, {}, {"decisions": 300}),
    "truncated games": ("unfinished", 0.2, {}, {"truncated": 2}),
    "equal positions": ("unique", 0.25, {"heaps": EVERY // 4 * 4, "steps": 1}, {}),
    "equal openings": ("openings", 4 / 32, {"heaps": np.where(EVERY < LANES, EVERY // 8, EVERY)}, {}),
    "certain policies": ("entropy", 0, {"weights": (1.0, 0.0, 0.0)}, {}),
    "one seat wins": ("seat_balance", 1, {}, {"wins": [0, 10]}),
    "numbers not finite": ("finite", 1, {}, {"not_finite": 1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_its_gate_alone(fault):
    gate, value, positions, changed = FAULTS[fault]
    stats = replace(STATS, **{name: jnp.array(number) for name, number in changed.items()})
    report = judge(chunk(**positions), stats)
    assert failed(report) == {gate} and not report.passed
    assert float(report.results[gate].value) == pytest.approx(value)


def test_weights_that_are_not_finite_are_counted():
    report = judge(chunk(weights=(np.nan, 0.0, 0.0)), STATS)
    assert "finite" in failed(report)
    assert int(report.results["finite"].value) == CHUNK * LANES


def test_too_little_is_not_judged():
    """Few games and few openings; what every chunk has is judged all the same."""
    few = replace(STATS, games=jnp.int32(7), decisions=jnp.int32(7), truncated=jnp.int32(7), wins=jnp.array([7, 0]))
    report = judge(chunk(steps=np.array([[OPENING - 1], [2], [2], [2]])), few)
    assert bool(report.passed)
    silent = {name for name, result in report.results.items() if not result.judged}
    assert silent == {"length", "unfinished", "openings", "seat_balance"}
    assert all(report.results[name].value == 0 for name in silent)
    same = judge(chunk(heaps=3, steps=3), few)
    assert failed(same) == {"unique"}


def test_fingerprints_tell_states_apart():
    env = ToyGame(heap=1000)
    states = jax.vmap(lambda heap, steps: env.init().replace(heap=heap, steps=steps))(
        jnp.arange(10_000) // 10, jnp.arange(10_000) % 10
    )
    prints = np.asarray(fingerprint(states))
    assert len(np.unique(prints)) == 10_000
    np.testing.assert_array_equal(prints, np.asarray(fingerprint(states)))


@pytest.mark.parametrize("setting", [{"min_games": 0}, {"parity_games": -1}])
def test_settings_are_checked(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=f"gates.{name} is .*; it must be at least"):
        GatesConfig(**setting)
