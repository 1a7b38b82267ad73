"""The ring with hand-made games: written once, complete only after the end of the game, with its true outcome, and
sampled only once they are approved."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false
# (states are plain numbers here)

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax.learning import ring
from ringrift_jax.learning.ring import Rows, Status

LANES, PLAYERS = 2, 2


def one_row():
    """A row whose 'state' is a number that names it."""
    return Rows(jnp.int32(0), jnp.int16(0), jnp.zeros(3, jnp.int16), jnp.zeros(3, jnp.float16), jnp.float16(0))


def play(script, blocks):
    """Appends plies and completes games; each ply is an iteration of its own, and none is approved.

    Args:
      script: for each ply and lane, the rewards of the game that ends with it, or None while it goes on. Row names
        are ``10 * ply + lane``.
      blocks: of the ring.
    """
    replay = ring.empty(one_row(), blocks, LANES, PLAYERS)
    game = np.zeros(LANES, np.int32)
    history = []
    for ply, ends in enumerate(script):
        names = jnp.array([10 * ply + lane for lane in range(LANES)])
        rows = jax.tree.map(lambda leaf: jnp.zeros((LANES, *leaf.shape), leaf.dtype), one_row())
        rows = replace(rows, state=names)
        replay = ring.append(replay, rows, jnp.array(game), ply + 1, 0)
        ended = np.array([end is not None for end in ends])
        rewards = np.array([end or (0, 0) for end in ends], np.float32)
        turn = jnp.full(LANES, 100 + ply)
        replay = ring.complete(replay, jnp.array(game), jnp.array(ended), jnp.array(rewards), turn, ply + 1)
        game = game + ended
        history.append(replay)
    return replay, history


def contents(replay, status):
    """Outcome by name of the rows of a status; fails if a name is there twice."""
    here = np.asarray(replay.status == status)
    names = np.asarray(replay.rows.state)[here].tolist()
    assert len(set(names)) == len(names)
    return dict(zip(names, map(tuple, np.asarray(replay.outcome)[here].tolist()), strict=True))


def test_rows_are_complete_from_the_end_of_their_game_on_with_its_outcome():
    win, loss = (1, -1), (-1, 1)
    script = [(None, None), (None, loss), (win, None), (None, None), (loss, win)]
    replay, history = play(script, blocks=8)

    assert contents(history[0], Status.COMPLETE) == {}
    assert contents(history[1], Status.COMPLETE) == {1: loss, 11: loss}
    assert contents(history[2], Status.COMPLETE) == {1: loss, 11: loss, 0: win, 10: win, 20: win}
    assert contents(history[2], Status.PENDING) == {21: (0, 0)}
    assert contents(replay, Status.COMPLETE) == {
        0: win, 10: win, 20: win, 30: loss, 40: loss,
        1: loss, 11: loss, 21: win, 31: win, 41: win,
    }  # fmt: skip
    assert int(replay.lost) == 0


def test_the_oldest_rows_are_overwritten_and_lost_while_pending():
    win = (1, -1)
    script = [(None, win), (None, None), (None, None), (None, None), (win, None), (None, None)]
    replay, history = play(script, blocks=3)

    # Lane 0 plays one game of five decisions through a ring of three; its first two rows are gone when it ends.
    assert contents(history[3], Status.PENDING).keys() == {10, 20, 30, 11, 21, 31}
    assert contents(history[4], Status.COMPLETE) == {20: win, 30: win, 40: win}
    # Rows 0, 10, 11 and 21 were pending when overwritten; row 1 was complete, and so was 20.
    assert int(history[4].lost) == 3
    assert int(replay.lost) == 4
    assert contents(replay, Status.PENDING).keys() == {50, 31, 41, 51}


def test_sampling_is_uniform_over_approved_rows_and_takes_no_other():
    win, loss = (1, -1), (-1, 1)
    replay, _ = play([(None, None), (win, None), (None, None), (loss, None), (None, loss), (win, None)], blocks=8)
    # The games of lane 0 ended in iterations 2, 4 and 6, that of lane 1 in iteration 5. The one of 4 is rejected.
    for iteration, accepted in ((1, True), (2, True), (3, True), (4, False), (5, True)):
        replay = ring.drop(replay, iteration, not accepted)
        replay, released = ring.approve(replay, iteration)
        assert int(released) == {2: 2, 5: 5}.get(iteration, 0)
    approved = {0: win, 10: win} | {10 * ply + 1: loss for ply in range(5)}
    assert contents(replay, Status.COMPLETE) == approved | {40: win, 50: win}

    rows, outcome, last_turn = ring.sample(replay, ring.give_tickets(replay), jax.random.key(0), 7000)
    names, counts = np.unique(rows.state, return_counts=True)
    assert names.tolist() == sorted(approved)
    assert counts.min() > 880  # 1000 expected each, standard deviation 29
    for name, got in zip(rows.state.tolist(), outcome.tolist(), strict=True):
        assert tuple(got) == approved[name]
    ended = {0: 101, 10: 101} | {10 * ply + 1: 104 for ply in range(5)}
    assert last_turn.tolist() == [ended[name] for name in rows.state.tolist()]


@pytest.mark.parametrize("surprise", [0.0, 0.5, 1.0])
def test_rows_are_drawn_by_their_surprise(surprise):
    """Three rows with surprises of 0, 1 and 3 nats; one more that is larger may not be learned from."""
    replay, _ = play([(None, None), (None, (1, -1)), (None, None), (None, (1, -1))], blocks=8)
    replay, _ = ring.approve(replay, 2)
    block = jax.tree.map(lambda leaf: leaf[0], replay.rows)
    sample = ring.Sample(replace(block, state=jnp.array([70, 71])), replay.outcome[0], replay.last_turn[0])
    replay = ring.insert(replay, sample, 1)
    numbers = {1: 0.0, 11: 1.0, 70: 3.0}
    found = jax.tree.map(lambda name: numbers.get(int(name), 50.0), np.asarray(replay.rows.state).tolist())
    replay = replace(replay, rows=replace(replay.rows, surprise=jnp.array(found, jnp.float16)))
    rows = jax.jit(ring.sample, static_argnums=3)(
        replay, ring.give_tickets(replay, surprise), jax.random.key(0), 9000
    ).rows
    drawn = {name: int(np.sum(np.asarray(rows.state) == name)) / 9000 for name in numbers}
    assert sum(drawn.values()) == 1
    for name, nats in numbers.items():
        # The standard deviation of a share is at most 0.0053.
        assert drawn[name] == pytest.approx((1 - surprise) / 3 + surprise * nats / 4, abs=0.02)


def test_rows_without_any_surprise_are_drawn_evenly():
    replay, _ = ring.approve(play([(None, None), ((1, -1), None)], blocks=4)[0], 2)
    rows = ring.sample(replay, ring.give_tickets(replay, surprise=1.0), jax.random.key(0), 1000).rows
    assert np.unique(rows.state, return_counts=True)[1] == pytest.approx([500, 500], abs=80)


@pytest.mark.parametrize(("num_actions", "dtype"), [(4802, jnp.int16), (100_000, jnp.int32)])
def test_rows_are_stored_narrow(num_actions, dtype):
    actions = jnp.array([num_actions - 1, -1])
    rows = ring.make_rows(jnp.int32(0), actions[0], actions, jnp.array([1.0, 0.0]), jnp.float32(0.5), num_actions)
    assert rows.slot_actions.dtype == rows.action.dtype == dtype
    assert int(rows.action) == num_actions - 1
    assert rows.slot_weights.dtype == rows.surprise.dtype == jnp.float16
    assert rows.slot_actions.tolist() == actions.tolist()


def test_rows_from_elsewhere_may_be_learned_from_at_once_and_their_padding_never():
    replay, _ = play([(None, None), ((1, -1), None)], blocks=4)
    replay, _ = ring.approve(replay, 2)
    before = contents(replay, Status.COMPLETE)
    rows = jax.tree.map(lambda leaf: jnp.zeros((LANES, *leaf.shape), leaf.dtype), one_row())
    rows = replace(rows, state=jnp.array([70, 71]))
    outcome = jnp.array([(-1.0, 1.0), (-1.0, 1.0)])
    replay = jax.jit(ring.insert)(replay, ring.Sample(rows, outcome, jnp.array([170, 171])), 1)
    assert contents(replay, Status.COMPLETE) == before | {70: (-1, 1)}
    drawn = ring.sample(replay, ring.give_tickets(replay), jax.random.key(0), 200)
    assert set(drawn.rows.state.tolist()) == {*before, 70}
    assert set(drawn.last_turn[drawn.rows.state == 70].tolist()) == {170}

    # A game that runs on is completed without them; what is rejected later does not concern them.
    replay = ring.append(replay, replace(rows, state=jnp.array([20, 21])), jnp.array([1, 0]), 3, 0)
    ended = jnp.array([False, True])
    replay = ring.complete(replay, jnp.array([1, 0]), ended, outcome[::-1] * 0 + 0.5, jnp.array([103, 103]), 3)
    replay = ring.drop(replay, 3, True)
    assert contents(replay, Status.COMPLETE) == before | {70: (-1, 1)}
    assert int(ring.approve(replay, 3)[1]) == 0
