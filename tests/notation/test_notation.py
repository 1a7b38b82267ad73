"""What state and move strings mean, and what their errors say."""

import jax
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax import notation
from ringrift_jax.boards import custom

SQUARE = rr.make("square8", 2, swap_rule=True)
START = "1|place|18,18|0,0|0,0||||lps=0/--/0/0"
FIRST_PLACEMENT = "2|place|15,18|0,0|0,0|6,1:111|6,7:1||sw lps=2/-1/0/0"
RECOVERY = "1|move|17,17|0,0|0,0|7,7:12|2,2:1 3,4:1 3,5:1 3,6:1 3,7:1||lps=0/--/0/0"
PENDING = RECOVERY.replace("|lps=", "|sl=2,2>3,3 lps=")


def test_the_start_is_the_initial_state():
    parsed, start = notation.from_state_string(SQUARE, START), SQUARE.init()
    assert notation.state_string(SQUARE, start) == START
    for a, b in zip(jax.tree.leaves(parsed), jax.tree.leaves(start), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_swap_is_known_at_the_first_placement_of_seat_2():
    offered = notation.from_state_string(SQUARE, FIRST_PLACEMENT)
    used = notation.from_state_string(SQUARE, FIRST_PLACEMENT.replace("sw ", ""))
    assert not offered.swapped and "SWAP" in notation.legal_moves(SQUARE, offered)
    assert used.swapped and "SWAP" not in notation.legal_moves(SQUARE, used)


def test_seats_without_rings_lost_them_before():
    text = "1|place|2,0|0,18|0,0|0,0:1|||lps=2/11/0/0"
    state = notation.from_state_string(SQUARE, text)
    assert state.lost_turn.tolist() == [0, 1] and state.turn == 2


def test_a_finished_game_has_no_winner_in_text():
    state = notation.from_state_string(SQUARE, "0|over|0,0|18,3|0,0|0,3:2|||")
    assert state.is_over and state.winner == -1 and state.reason == rr.Reason.NONE and not state.rewards.any()
    assert notation.legal_moves(SQUARE, state) == []


def test_a_recovery_is_two_actions():
    state = notation.from_state_string(SQUARE, RECOVERY)
    slide, pay = notation.actions_of(SQUARE, state, "R 2,2>3,3 1 @7,7")
    assert notation.move_of(SQUARE, state, slide) == "R 2,2>3,3"
    pending = notation.from_state_string(SQUARE, PENDING)
    assert notation.state_string(SQUARE, pending) == PENDING
    assert notation.move_of(SQUARE, pending, pay) == "R 2,2>3,3 1 @7,7"
    assert notation.actions_of(SQUARE, pending, "R 2,2>3,3 1 @7,7") == [pay]
    completions = ["R 2,2>3,3 1 @7,7", "R 2,2>3,3 2 3,3~3,6"]
    assert notation.legal_moves(SQUARE, pending) == completions
    assert set(completions) < set(notation.legal_moves(SQUARE, state))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1|place", "9 fields"),
        (START.replace("place", "wait"), "unknown phase 'wait'; it must be one of place, move"),
        (START.replace("1|", "3|", 1), "player to move is '3'"),
        (START.replace("1|", "0|", 1), "only when"),
        (START.replace("18,18", "18,19"), "rings in hand is '19'; it must be a number from 0 to 18"),
        (START.replace("18,18", "18"), "must be 2 numbers"),
        (FIRST_PLACEMENT.replace("6,1:111", "6,1:1113"), "after the cell and ':' must come 1 to 8 digits 1 to 2"),
        (FIRST_PLACEMENT.replace("6,1:111", "6,8:111"), "6,8 is not a cell of square8"),
        (FIRST_PLACEMENT.replace("6,1:111", "6.1:111"), "'6.1' is not a cell"),
        (FIRST_PLACEMENT.replace("6,1:111", "6,1:111 6,1:1"), "cell 6,1 is listed twice"),
        (FIRST_PLACEMENT.replace("6,7:1", "6,1:1"), "cell 6,1 holds two things"),
        (FIRST_PLACEMENT.replace("6,1:111", "6,1:1111"), "player 1 has 19 rings; there are 18"),
        (FIRST_PLACEMENT.replace("|0,0|0,0|", "|9,9|0,0|"), "are 54 rings; there are fewer"),
        (FIRST_PLACEMENT.replace("|0,0|0,0|", "|0,0|1,0|"), "territory of player 1"),
        (FIRST_PLACEMENT.replace("sw ", "pl "), "flag 'pl' does not fit phase place"),
        (START.replace("|lps", "|sw lps"), "flag sw: SWAP is only possible"),
        (START.replace("|lps=0/--/0/0", "|"), "flag lps=F/MASK/X/K is missing"),
        (START.replace("0/--/0/0", "0/-/0/0"), "MASK is 2 times"),
        (START.replace("0/--/0/0", "0/1-/0/0"), "with F = 0"),
        (START.replace("0/--/0/0", "1/1-/0/2"), "X and K"),
        (RECOVERY.replace("|lps", "|mm=7,7 act lps"), "7,7 holds no stack of player 1"),
        (RECOVERY.replace("|lps", "|mm=7,7 lps"), "flag mm needs flag act"),
        (RECOVERY.replace("|lps", "|act lps"), "flag act in phase move needs flag mm"),
        (RECOVERY.replace("move", "chain"), "phase chain needs the flag at"),
        (PENDING.replace("2,2>3,3", "2,2>2,3"), "is not a legal recovery slide"),
        (PENDING.replace("sl=", "mm=7,7 sl="), "exclude each other"),
        (RECOVERY.replace("2,2:1 3,4:1", "3,4:1 2,2:1"), "out of order"),
        (START.replace("18,18", "018,18"), "not plain"),
        (START.replace("place", "move"), "not a decision: in phase move"),
    ],
)
def test_a_refused_state_says_why(text: str, reason: str):
    with pytest.raises(ValueError) as error:
        notation.from_state_string(SQUARE, text)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("text", "move", "reason"),
    [
        (START, "", "is not a move"),
        (START, "P 1,1", "is not a move"),
        (START, "P 1,8 1", "1,8 is not a cell of square8"),
        (START, "NO_PLACE", "NO_PLACE is forced"),
        (START, "M 1,1>1,2", "belongs to phase move; the phase is place"),
        (START, "SWAP", "SWAP is not legal"),
        (START, "SKIP_PLACE", "SKIP_PLACE is not legal"),
        (RECOVERY, "M 2,2>3,4", "not two cells of a straight ray"),
        (RECOVERY, "M 2,2>3,3", "the legal move like it is R 2,2>3,3"),
        (RECOVERY, "R 2,2>3,3 F @7,7", "the legal move like it is R 2,2>3,3 1 @7,7"),
        (RECOVERY, "R 2,2>3,3 2 3,3~3,5", "has 4 cells, not 3"),
        (RECOVERY, "R 2,2>3,3 2 3,4~3,7", "is not legal"),
        (RECOVERY, "R 2,2>3,3 2 3,6~3,3", "named in cell order"),
        (RECOVERY, "R 2,2>2,1 F @7,7", "R 2,2>2,1 is not legal"),
        (PENDING, "SKIP_RECOVERY", "SKIP_RECOVERY is not legal"),
        (PENDING, "R 3,4>3,3 1 @7,7", "the legal move like it is R 2,2>3,3 1 @7,7"),
        ("0|over|0,0|18,3|0,0|0,3:2|||", "P 1,1 1", "the game is over"),
    ],
)
def test_a_refused_move_says_why(text: str, move: str, reason: str):
    state = notation.from_state_string(SQUARE, text)
    with pytest.raises(ValueError) as error:
        notation.actions_of(SQUARE, state, move)
    assert reason in str(error.value)


@pytest.mark.parametrize("action", (-1, 64, SQUARE.num_actions))
def test_only_legal_actions_have_a_move(action: int):
    state = notation.from_state_string(SQUARE, RECOVERY)
    with pytest.raises(ValueError, match=f"action {action} is not legal"):
        notation.move_of(SQUARE, state, action)


def test_explain_names_the_rule():
    state = notation.from_state_string(SQUARE, RECOVERY)
    assert rr.explain(SQUARE, state, "R 2,2>3,3 1 @7,7") == "R 2,2>3,3 1 @7,7 is legal."
    assert "section" in rr.explain(SQUARE, state, "R 2,2>2,1 F @7,7")


def test_small_boards_speak_too():
    env = rr.make(custom("hex", 3, 4))
    state = env.init()
    for move in ("P -1,0 1", "M -1,0>0,0", "P 1,-1 2", "C 1,-1*0,0>-1,1"):
        assert move in notation.legal_moves(env, state)
        state = notation.play(env, state, move)
        text = notation.state_string(env, state)
        assert notation.state_string(env, notation.from_state_string(env, text)) == text
