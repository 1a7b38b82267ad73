"""Quiet moves: none of them goes on, and none wins; and most moves that do neither are known to be quiet."""

from functools import partial

import batches
import jax
import numpy as np
import pytest
from positions import built_positions

import ringrift_jax as rr
from ringrift_jax import boards, notation
from ringrift_jax.rules import quiet
from ringrift_jax.rules.arrays.lanes import unbatched

PLIES = 90
CONFIGURATIONS = [
    pytest.param(board, n, marks=batches.marks(board, n, quick={("square8", 2)}, often=()))
    for board in boards.BOARD_NAMES
    for n in (2, 3, 4)
]


def quiet_actions(env: rr.Env, states, masks: np.ndarray) -> np.ndarray:
    """``bool[B, num_actions]``: legal decisions of travelling stacks that are not loud. All loud ones are legal."""
    loud = jax.device_get(jax.jit(jax.vmap(unbatched(partial(quiet.loud, env.board))))(states))
    layout, (rows,) = env.layout, np.nonzero(quiet.travels(states))
    bits = loud.distances[..., None] >> np.arange(env.board.max_distance) & 1 != 0
    actions = (layout.rays + np.arange(bits[0].size)) * layout.cells + np.asarray(states.focus)[rows, None]
    louds = np.zeros_like(masks)
    louds[rows[:, None], actions] = bits.reshape(len(bits), -1)[rows]
    louds[rows, layout.skip] = loud.skip[rows]
    assert not (louds & ~masks).any()
    found = np.zeros_like(masks)
    found[rows] = masks[rows] & ~louds[rows]
    return found


def check(env: rr.Env, states, masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plays a quiet move of each state that has one, and any other of a travelling stack where there is none; how many
    quiet ones there were, and how many others that end the turn too."""
    calm = quiet_actions(env, states, masks)
    any_of = np.where(calm.any(axis=1, keepdims=True), calm, masks)
    actions = np.argmax(np.where(any_of, rng.random(masks.shape, np.float32), -1), axis=1)
    after, _ = batches.advance(env, states, actions)
    goes_on = ~after.is_over & (after.turn == states.turn)
    ends = ~goes_on & (after.winner != states.current_seat)
    is_quiet = calm.any(axis=1)
    assert ends[is_quiet].all(), [
        notation.state_string(env, batches.take(states, i)) for i in np.flatnonzero(is_quiet & ~ends)
    ]
    return np.array([is_quiet.sum(), (ends & ~is_quiet & np.asarray(quiet.travels(states))).sum()])


@pytest.mark.parametrize(("board", "players"), CONFIGURATIONS)
def test_quiet_moves_end_the_turn_and_do_not_win(board, players):
    env, rng = batches.make(board, players), np.random.default_rng(players)
    states = batches.stack([env.init()] * batches.LANES)
    _, masks = batches.advance(env, states, np.full(batches.LANES, batches.NO_ACTION))
    seen = np.zeros(2, int)
    for ply in range(PLIES):
        if ply % 3 == 0:
            seen += check(env, states, masks, rng)
        actions = np.argmax(np.where(masks, rng.random(masks.shape, np.float32), -1), axis=1)
        states, masks = batches.advance(env, states, actions)
    quiet_ones, others = seen
    assert quiet_ones > 200 and quiet_ones > others, seen


@pytest.mark.parametrize(("board", "players"), CONFIGURATIONS)
def test_in_rare_positions_too(board, players):
    env, rng = batches.make(board, players), np.random.default_rng(players)
    texts = list(built_positions(env.board).values())
    for first in range(0, len(texts), batches.LANES):
        some = [notation.from_state_string(env, text) for text in texts[first : first + batches.LANES]]
        states = batches.stack(some + some[:1] * (batches.LANES - len(some)))
        states, masks = batches.advance(env, states, np.full(batches.LANES, batches.NO_ACTION))
        for _ in range(4):
            for _ in range(3):
                check(env, states, masks, rng)
            actions = np.argmax(np.where(masks, rng.random(masks.shape, np.float32), -1), axis=1)
            states, masks = batches.advance(env, states, actions)
