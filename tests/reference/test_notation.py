"""State strings: both ways, and what is said about malformed ones."""

import random

import parity
import positions
import pytest

from ringrift_jax import boards, reference

SQUARE8 = boards.standard("square8")
START = "1|place|18,18|0,0|0,0||||lps=0/--/0/0"
MIDDLE = "1|chain|6,6|3,3|1,0|3,3:1 3,4:2|0,1:2|0,0:1|at=3,3 act lps=2/11/0/0"


def test_the_start() -> None:
    assert reference.state_string(reference.new_game(SQUARE8)) == START
    assert reference.from_state_string(SQUARE8, START) == reference.new_game(SQUARE8)


@parity.needs_parity
@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_recorded_states_are_read_back(name: str, num_players: int) -> None:
    board = boards.standard(name, num_players)
    for game in parity.games(name, num_players):
        for step in game["steps"][:: 40 if board.size > 9 else 12]:
            pos = reference.from_state_string(board, step["s"], game["swap_rule"])
            assert reference.state_string(pos) == step["s"]


@parity.needs_parity
def test_recorded_games_go_on_from_any_state() -> None:
    for game in parity.games("square8", 3):
        before, after = random.Random(game["id"]).choice(list(zip(game["steps"], game["steps"][1:], strict=False)))
        pos = reference.from_state_string(boards.standard("square8", 3), before["s"])
        assert parity.crc(reference.legal_moves(pos)) == after["h"]
        assert reference.state_string(reference.play(pos, after["m"])) == after["s"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("|at", "at", "a state has 9 fields"),
        ("chain", "chains", "phase is 'chains'"),
        ("1|chain", "0|chain", "player to move is '0'; it must be a number from 1 to 2"),
        ("1|chain", "3|chain", "player to move is '3'"),
        ("|6,6|", "|6,6,6|", "rings in hand is '6,6,6'; it must be 2 numbers"),
        ("|6,6|", "|6,-6|", "rings in hand is '-6'"),
        ("|6,6|", "|06,6|", "rings in hand is '06'"),
        ("|6,6|", "|18,6|", "seat 1 has 19 rings in hand and on the board; it starts with 18"),
        ("|3,3|", "|30,3|", "hold 47 rings; the game has 36"),
        ("|1,0|", "|2,0|", "territory is 2,0; the collapsed cells say 1,0"),
        ("3,4:2", "3,4:3", "stack '3,4:3' must be cell:"),
        ("3,4:2", "3,4:", "stack '3,4:' must be cell:"),
        ("3,4:2", "3,8:2", "'3,8' is not a cell of square8"),
        ("3,3:1 3,4:2", "3,4:2 3,3:1", "'3,3:1' is not in cell order"),
        ("3,4:2", "3,4:212121212", "has 9 rings; the highest possible has 8"),
        ("0,1:2", "0,1:22", "marker '0,1:22'"),
        ("0,1:2", "0,0:2", "0,0 holds more than one thing"),
        ("0,1:2", "3,4:2", "3,4 holds more than one thing"),
        ("0,0:1|", "3,3:1|", "3,3 holds more than one thing"),
        ("act lps", "act what lps", "'what' is not a flag"),
        ("act lps", "act=1 lps", "'act=1' is not a flag"),
        ("at=3,3 act", "act at=3,3", "repeated or out of order"),
        ("act lps", "act act lps", "repeated or out of order"),
        ("at=3,3", "mm=3,3", "flag 'mm' does not occur in phase chain"),
        (" lps=2/11/0/0", "", "the flag lps= is missing"),
        ("lps=2/11/0/0", "lps=2/111/0/0", "lps=2/111/0/0 must be"),
        ("lps=2/11/0/0", "lps=2/11/0/3", "a streak and its seat or neither"),
        ("lps=2/11/0/0", "lps=0/11/0/0", "no first seat"),
        ("at=3,3 act", "act", "phase chain needs the flag at="),
        ("at=3,3", "at=3,4", "seat 1 controls no stack on 3,4"),
        ("at=3,3", "at=5,5", "seat 1 controls no stack on 5,5"),
        ("3,4:2", "4,6:2", "the stack on 3,3 can do nothing in phase chain"),
        ("at=3,3 act", "at=3,3", "need the flag act"),
        ("1|chain", "1|over", "player to move is '1'; it must be a number from 0 to 0"),
        ("1|chain", "0|over", "a finished game has no flags"),
        ("at=3,3 act", "sw", "flag 'sw' does not occur"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, words: str) -> None:
    assert reference.state_string(reference.from_state_string(SQUARE8, MIDDLE)) == MIDDLE
    assert old in MIDDLE
    with pytest.raises(ValueError) as error:
        reference.from_state_string(SQUARE8, MIDDLE.replace(old, new, 1))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1|place|0,18|0,0|0,0|||||", "a state has 9 fields"),
        ("1|place|0,18|0,0|0,0||||lps=0/--/0/0", "seat 1 begins a turn but has no ring"),
        ("1|fe|18,18|0,0|0,0||||lps=0/--/0/0", "seat 1 has none"),
        ("1|line|18,18|0,0|0,0||||pl act lps=0/--/0/0", "no stack can pay"),
        ("1|move|18,18|0,0|0,0||||sl=0,0>0,1 lps=0/--/0/0", "the slide 0,0>0,1 is not a legal recovery"),
        ("2|place|18,18|0,0|0,0||||sw lps=0/--/0/0", "the pie rule (flag sw) is not available"),
    ],
)
def test_positions_without_sense_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError) as error:
        reference.from_state_string(SQUARE8, text)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ("square8", "hex8"))
def test_malformed_strings_never_give_a_wrong_state(name: str) -> None:
    rng = random.Random(name)
    board = boards.standard(name)
    texts = list(positions.built_positions(board).values())
    alphabet = sorted(set("".join(texts)))
    accepted = 0
    for _ in range(5000):
        text = list(rng.choice(texts))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 2)] = rng.choices(alphabet, k=rng.randint(0, 2))
        try:
            pos = reference.from_state_string(board, "".join(text))
        except ValueError as error:
            assert str(error)
            continue
        accepted += 1
        assert reference.state_string(pos) == "".join(text)
        for move in reference.legal_moves(pos)[:3]:
            reference.play(pos, move)
    assert 0 < accepted < 2500
