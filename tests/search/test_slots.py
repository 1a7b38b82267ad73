"""The legal slots of a node hold exactly the legal actions, or the best of them."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax.search.slots import candidates, legal_slots, num_candidates

choose = jax.jit(legal_slots, static_argnums=(0, 3))
LOWEST = np.finfo(np.float32).min


@dataclass(frozen=True)
class FakeEnv:
    """``planes`` action planes of 8 x 8 cells and two actions without a cell."""

    planes: int = 4

    @property
    def num_actions(self):
        return self.planes * 64 + 2

    @property
    def observation_shape(self):
        return 8, 8, 1


ENV: Any = FakeEnv()
SKIP, SWAP = ENV.num_actions - 2, ENV.num_actions - 1


def masks(density, count=40, width=ENV.num_actions, seed=0):
    return np.random.default_rng(seed).random((count, width)) < density


@pytest.mark.parametrize("width", [1, 31, 32, 33, 258, 4802])
def test_candidates_are_the_true_entries(width):
    for density in (0.0, 0.02, 0.3, 1.0):
        batch = masks(density, 10, width)
        found, totals = jax.jit(jax.vmap(lambda mask: candidates(mask, 128)))(batch)
        for mask, actions, total in zip(batch, np.asarray(found), totals, strict=True):
            kept = actions[actions >= 0]
            assert total == mask.sum()
            assert len(kept) == len(set(kept)) == min(mask.sum(), 128)
            assert mask[kept].all()
            assert (actions[len(kept) :] == -1).all(), "empty positions follow all others"


def test_all_legal_actions_fit_in_order_of_their_logits():
    for mask in masks(0.05):
        mask[SKIP:] = False
        logits = np.random.default_rng(1).normal(size=ENV.num_actions).astype(np.float32)
        slots = choose(ENV, mask, logits, 40)
        expected = sorted(np.flatnonzero(mask), key=lambda a: -logits[a])
        assert slots.actions.tolist() == expected + [-1] * (40 - len(expected))
        np.testing.assert_array_equal(slots.logits, [logits[a] for a in expected] + [LOWEST] * (40 - len(expected)))
        assert not slots.overflow


def test_overflow_keeps_skip_and_the_best_priors():
    for mask in masks(0.5):
        mask[SKIP] = True
        logits = np.random.default_rng(2).normal(size=ENV.num_actions).astype(np.float32)
        logits[SKIP] = -100
        slots = choose(ENV, mask, logits, 16)
        kept = set(np.asarray(slots.actions).tolist())
        dropped = set(np.flatnonzero(mask).tolist()) - kept
        assert slots.overflow and len(kept) == 16 and mask[list(kept)].all()
        assert SKIP in kept and (SWAP in kept) == mask[SWAP]
        assert min(logits[a] for a in kept - {SKIP, SWAP}) >= max(logits[a] for a in dropped)


def test_overflow_flag_is_exact():
    mask = np.zeros(ENV.num_actions, bool)
    mask[:16] = True
    logits = jnp.zeros(ENV.num_actions)
    assert not choose(ENV, mask, logits, 16).overflow
    assert choose(ENV, mask, logits, 15).overflow


def test_no_legal_action_gives_no_slot():
    slots = choose(ENV, jnp.zeros(ENV.num_actions, bool), jnp.zeros(ENV.num_actions), 8, jax.random.key(0))
    assert (slots.actions == -1).all() and (slots.gumbel == 0).all() and not slots.overflow


def test_noise_lets_every_action_in():
    mask = np.arange(ENV.num_actions) < 32
    logits = jnp.zeros(ENV.num_actions)
    keys = jax.random.split(jax.random.key(0), 200)
    actions = jax.vmap(lambda key: legal_slots(ENV, jnp.asarray(mask), logits, 8, key).actions)(keys)
    counts = np.bincount(np.asarray(actions).ravel(), minlength=32)
    assert counts.shape == (32,) and counts.min() > 20 and counts.max() < 90, "50 each on average"


def test_more_legal_actions_than_candidates_count_as_overflow():
    env: Any = FakeEnv(planes=40)
    assert num_candidates(env) == 256 < env.num_actions
    slots = choose(env, jnp.ones(env.num_actions, bool), jnp.zeros(env.num_actions), 256)
    assert slots.overflow and (slots.actions >= 0).all()
