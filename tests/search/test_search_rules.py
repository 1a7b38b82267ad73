"""The search on the real rules."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax import notation, reference
from ringrift_jax.env import make
from ringrift_jax.search import SearchConfig, search
from ringrift_jax.search.ply import no_memory, play_ply

# Seat 1 lacks one eliminated ring. Only landing on the marker on 1,3 eliminates one, which takes a chain of 3 captures.
CHAIN_TO_WIN = "1|move|0,0|17,0|0,0|0,1:12 1,6:2 3,5:2 4,6:2 5,2:11 6,3:2|1,3:2||lps=0/--/0/0"


def evaluate(env, _, observations):
    """Knows nothing: a flat prior, and every position even."""
    batch = observations.shape[0]
    return jnp.zeros((batch, env.num_actions)), jnp.zeros((batch, env.num_players))


def wins_within(pos, seat, decisions):
    """First moves of a position that can win for a seat within so many decisions of the running turn."""
    winning = []
    for move in reference.decisions(pos):
        after = reference.act(pos, move)
        if result := reference.result(after):
            won = result.winner == seat
        else:
            won = decisions > 1 and after.seat == seat and bool(wins_within(after, seat, decisions - 1))
        winning += [move] * won
    return winning


@pytest.mark.ci
def test_finds_a_forced_win_through_a_capture_chain():
    env = make("square8")
    pos = reference.from_state_string(env.board, CHAIN_TO_WIN)
    assert wins_within(pos, 1, 2) == []
    (first,) = wins_within(pos, 1, 3)

    config = SearchConfig(simulations=300, considered=16, gumbel_scale=0)
    run = jax.jit(partial(search, env, partial(evaluate, env), None, config=config))
    state = notation.from_state_string(env, CHAIN_TO_WIN)
    searched = []
    for _ in range(3):
        output = run(jax.tree.map(lambda x: x[None], state), jax.random.key(0)[None])
        move = notation.move_of(env, state, output.action[0])
        searched.append(move)
        assert np.asarray(output.slot_weights[0]).argmax() == list(output.slot_actions[0]).index(output.action[0])
        if len(searched) == 1:
            assert move == first and output.max_depth[0] >= 3
        state = notation.play(env, state, move)
    assert [move[0] for move in searched] == ["C", "K", "K"]
    assert state.winner == 0 and output.value[0] > 0.2


@pytest.mark.ci
@pytest.mark.parametrize("slots", [None, 2])
def test_a_win_of_the_turn_is_played_and_learned(slots):
    env = make("square8")
    (first,) = wins_within(reference.from_state_string(env.board, CHAIN_TO_WIN), 1, 3)
    win, start = notation.from_state_string(env, CHAIN_TO_WIN), env.init()
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), win, start)
    keys, drawn = jax.random.split(jax.random.key(0), 2), jnp.array([True, True])

    config = SearchConfig(simulations=2, considered=2, slots=slots, turn_nodes=2000)
    ply = jax.jit(partial(play_ply, env, partial(evaluate, env), config))
    fresh = no_memory(config, 2)
    after, found, memory = jax.device_get(ply(None, states, keys, drawn, jnp.ones(2), fresh))
    # A turn's start on an empty board has no win, which is proved once for the whole turn.
    assert memory.barren.tolist() == [False, True]
    _, unasked, memory = jax.device_get(ply(None, states, keys, drawn, jnp.ones(2), fresh._replace(barren=drawn)))
    assert unasked.value[0] < 1 and memory.barren.all()
    assert notation.move_of(env, win, int(found.action[0])) == first and found.value[0] == 1
    assert found.slot_actions[0][found.slot_weights[0] == 1] == [found.action[0]] and found.slot_weights[0].sum() == 1
    for leaf, expected in zip(jax.tree.leaves(after), jax.tree.leaves(env.step(win, found.action[0])), strict=True):
        np.testing.assert_array_equal(leaf[0], expected)
    assert found.value[1] < 1 and (found.slot_weights[1] > 0).sum() > 1 and after.steps[1] == 1

    # The network finds every slot as likely, and with two of them the tree does not look at the win.
    assert (found.action[0] in unasked.slot_actions[0]) == (slots is None)
    number = slots or int(env.legal_action_mask(win).sum())
    assert found.surprise[0] == pytest.approx(np.log(number)) and unasked.surprise[0] != found.surprise[0]
    assert found.surprise[1] == unasked.surprise[1]
