"""Wins of a turn in words."""

import jax
import pytest

import ringrift_jax as rr

ENV = rr.make("square8")
# Seat 1 lacks one eliminated ring, which only the third capture of a chain gives.
CHAIN = "1|move|0,0|17,0|0,0|0,1:12 1,6:2 3,5:2 4,6:2 5,2:11 6,3:2|1,3:2||lps=0/--/0/0"


@pytest.mark.ci
def test_a_win_a_proof_and_a_search_that_ended_early():
    state = rr.notation.from_state_string(ENV, CHAIN)
    text = rr.explain_win(ENV, state)
    line, end = text.split(": ")
    assert end == "seat 1 wins by ring_elimination"
    for move in line.split(", "):
        assert not state.is_over and int(state.current_seat) == 0
        state = rr.notation.play(ENV, state, move)
    assert int(state.winner) == 0
    assert rr.explain_win(ENV, state) == "the game is over"

    proved = rr.explain_win(ENV, ENV.init())
    assert proved.startswith("seat 1 cannot win before its turn passes: ") and proved.endswith(" tried, which are all")
    early = rr.explain_win(ENV, ENV.init(), nodes=8)
    assert early.startswith("no win of seat 1 before its turn passes is known: ") and early.endswith("are not all")


def test_one_position_is_explained():
    states = jax.tree.map(lambda leaf: leaf[None], ENV.init())
    with pytest.raises(ValueError, match=r"the state has leading axes \(1,\); explain_win takes one position"):
        rr.explain_win(ENV, states)
