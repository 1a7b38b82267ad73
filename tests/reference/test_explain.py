"""Every legal move is explained as legal, every other one by the rule that forbids it."""

import random
import re

import positions
import pytest
from random_play import random_moves

from ringrift_jax import boards, reference
from ringrift_jax.reference import moves
from ringrift_jax.reference.explain import explain


def is_legal(sentence: str) -> bool:
    return sentence.endswith(" is legal.")


def forbids(sentence: str) -> bool:
    return bool(re.fullmatch(r".* is illegal: .* \((rulebook sections? [0-9].*|records section 3)\)\.", sentence))


def random_cell(pos: reference.Position, rng: random.Random) -> str:
    return pos.geometry.names[rng.choice(pos.geometry.cells)]


def random_move_text(pos: reference.Position, rng: random.Random) -> str:
    """A well-formed move of any kind; its cells are mostly those that matter in the position."""
    busy = [*pos.stacks, *pos.markers, *pos.collapsed]

    def cell() -> str:
        return pos.geometry.names[rng.choice(busy)] if busy and rng.random() < 0.6 else random_cell(pos, rng)

    def near(name: str) -> str:
        return pos.geometry.names[rng.choice(pos.geometry.neighbours[pos.geometry.index[name]])]

    a, b, c, d = cell(), cell(), cell(), cell()
    forms = [
        f"P {a} {rng.randint(1, 3)}", f"M {a}>{b}", f"C {a}*{near(a)}>{b}", f"K {a}*{b}>{c}",
        f"R {a}>{near(a)} {rng.choice('FS1')} @{c}", f"R {a}>{b} 2 {c}~{d}", f"R {a}>{near(a)} 2 {c}~{near(c)}",
        f"L {a}~{b}", f"L {a}~{near(a)}", f"L {a}~{b}/{c}~{d}", f"T {a} {rng.randint(1, 30)} b{rng.randint(0, 2)}",
        f"EL {a}", f"ET {a}", f"ER {a}", f"FE {a}", f"R {a}>{near(a)}",
    ]  # fmt: skip
    return rng.choice([*forms, rng.choice(moves.WORDS)])


def mutated(move: str, pos: reference.Position, rng: random.Random) -> str:
    """A legal move with one cell or number replaced."""
    parts = list(re.finditer(r"-?\d+,-?\d+", move))
    if parts and rng.random() < 0.8:
        part = rng.choice(parts)
        return move[: part.start()] + random_cell(pos, rng) + move[part.end() :]
    return re.sub(r"\d$", lambda _: str(rng.randint(0, 4)), move)


def check(pos: reference.Position, rng: random.Random, tries: int) -> None:
    legal = reference.legal_moves(pos)
    for move in rng.sample(legal, min(3, len(legal))):
        assert explain(pos, move) == f"{move} is legal."
    for _ in range(tries):
        move = random_move_text(pos, rng) if rng.random() < 0.5 or not legal else mutated(rng.choice(legal), pos, rng)
        if move in legal:
            continue
        sentence = explain(pos, move)
        if sentence.startswith(f"{move} is legal as the slide"):
            assert any(other.startswith(f"{move} ") for other in legal)
            continue
        assert forbids(sentence) and sentence.startswith(move), sentence
        with pytest.raises(ValueError, match=re.escape(sentence)):
            reference.play(pos, move)


@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_every_move_of_random_games_is_explained(name: str) -> None:
    board = boards.standard(name, 2)
    rng = random.Random(name)
    for pos, _, _ in random_moves(reference.new_game(board), rng, limit=400):
        check(pos, rng, tries=8)


@pytest.mark.parametrize("num_players", (2, 3))
@pytest.mark.parametrize("name", ("square8", "hex8"))
def test_every_move_of_built_positions_is_explained(name: str, num_players: int) -> None:
    board = boards.standard(name, num_players)
    rng = random.Random(f"{name} {num_players}")
    for text in positions.built_positions(board).values():
        pos = reference.from_state_string(board, text)
        check(pos, rng, tries=100)
        for _, _, after in random_moves(pos, rng, limit=6):
            check(after, rng, tries=30)


# Positions of square8 with two players by the fields that vary: seat, phase, hands, stacks, markers, collapsed, flags.
PLACING = ("1", "place", "6,6", "1,1:22 3,3:1", "1,0:2 4,3:1 5,3:2", "0,0:1 0,1:2", "")
MOVING = ("1", "move", "6,6", "1,1:22 3,3:1 3,5:121 6,6:2 7,7:12", "4,3:1 5,3:2", "3,1:1", "")
PLACED = ("1", "move", "6,6", "3,3:1 5,5:1 6,6:2", "", "", "mm=3,3 act")
CAPTURING = ("1", "capture", "6,6", "3,3:1 3,4:2 5,5:1 5,6:2", "", "", "at=3,3 act")
CHAINING = ("1", "chain", "6,6", "3,3:1 3,4:2 5,5:1 5,6:2", "", "", "at=3,3 act")
RECOVERING = ("1", "move", "0,6", "0,0:12 7,7:212", "2,2:1 2,3:1 2,4:1 3,5:1 5,5:2 6,7:1", "1,5:2", "")
FALLING_BACK = ("1", "move", "0,6", "0,0:12 7,7:212", "2,2:1 5,5:2 6,7:1", "", "")
OVERLONG = ("1", "move", "0,6", "0,0:12 7,7:212", "2,1:1 2,2:1 2,4:1 2,5:1 3,3:1", "", "")
PENDING = (*OVERLONG[:-1], "sl=3,3>2,3")
LINES = (
    "1",
    "line",
    "6,6",
    "0,0:1 7,7:2",
    "2,1:1 2,2:1 2,3:1 2,4:1 2,5:1 4,1:1 4,2:1 4,3:1 4,4:1 6,1:1 6,2:1",
    "",
    "act",
)
OWING = ("1", "line", "6,6", "0,0:1 7,7:2", "", "", "pl act")
REGIONS = ("1", "terr", "6,6", "0,0:2 4,4:1 7,7:1", "0,1:2 1,0:2 6,7:1 7,6:1", "", "act")
PAYING = ("1", "terr", "6,6", "4,4:1 7,7:2", "", "", "pt act")
PAYING_BACK = ("1", "terr", "6,6", "4,4:12 7,7:2", "", "", "pt rec act")
NO_REGION = ("1", "terr", "6,6", "4,4:1 7,7:2", "", "", "act")
FORCED = ("1", "fe", "0,0", "0,0:1 7,7:2", "", "0,1:2 1,0:2 1,1:2", "")
FRESH = ("1", "place", "18,18", "", "", "", "")
STUCK = ("1", "move", "0,0", "0,0:2 7,7:2", "", "", "")


def position(fields: tuple[str, ...], swap_rule: bool = False) -> reference.Position:
    seat, phase, hands, stacks, markers, collapsed, flags = fields
    land = ",".join(str(len(re.findall(f":{s}", collapsed))) for s in (1, 2))
    text = "|".join((seat, phase, hands, "1,1", land, stacks, markers, collapsed, f"{flags} lps=0/--/0/0".strip()))
    if hands == "18,18":
        text = text.replace("|1,1|", "|0,0|", 1)
    return reference.from_state_string(boards.standard("square8"), text, swap_rule)


@pytest.mark.parametrize(
    ("fields", "move", "words"),
    [
        (PLACING, "Q 1,1", "not the form of any move"),
        (PLACING, "P 1,1", "not the form of any move"),
        (PLACING, "P 8,1 1", "'8,1' is not a cell of square8"),
        (PLACING, "P 01,1 1", "'01,1' is not a cell"),
        (PLACING, "M 3,3>3,4", "belongs to phase move and the phase is place (rulebook section 2)"),
        (PLACING, "P 0,0 1", "0,0 is collapsed"),
        (PLACING, "P 1,0 1", "a marker is on 1,0"),
        (PLACING, "P 1,1 2", "on a stack exactly one ring"),
        (PLACING, "NO_PLACE", "SKIP_PLACE is available"),
        (FRESH, "NO_PLACE", "a placement is available"),
        (FRESH, "SKIP_PLACE", "may not recover: the player owns no marker"),
        (FRESH, "SWAP", "without the pie rule"),
        (("1", "place", "2,6", "3,3:1", "", "", ""), "P 0,0 3", "seat 1 has 2 rings in hand"),
        (("1", "place", "0,6", "3,3:1", "", "", ""), "SKIP_PLACE", "no ring in hand"),
        (("1", "place", "1,6", "0,0:1 7,7:2", "", "0,1:2 1,0:2 1,1:2", ""), "SKIP_PLACE", "no stack of the player has"),
        (("1", "place", "1,6", "0,0:1 7,7:2", "", "0,1:2 1,0:2 1,1:2", ""), "P 0,0 1", "no-dead-placement"),
        (MOVING, "M 4,4>4,5", "no stack on 4,4"),
        (MOVING, "M 1,1>1,3", "controlled by seat 2"),
        (MOVING, "M 3,3>4,5", "4,5 is not on a straight line from 3,3"),
        (MOVING, "M 3,3>3,3", "not on a straight line"),
        (MOVING, "M 3,3>3,6", "path is blocked: 3,5 holds a stack"),
        (MOVING, "M 3,3>3,0", "path is blocked: 3,1 holds a collapsed cell"),
        (MOVING, "M 3,5>4,5", "distance 1 is smaller than the stack's height 3"),
        (MOVING, "C 3,3*2,2>0,0", "no stack to capture on 2,2"),
        (MOVING, "C 3,3*1,1>0,0", "target's cap 2 is higher than the attacker's cap 1"),
        (MOVING, "C 3,3*6,6>7,7", "beyond the target is blocked: 7,7 holds a stack"),
        (MOVING, "C 3,3*6,6>5,5", "6,6 is not between 3,3 and 5,5"),
        (MOVING, "C 3,3*3,5>4,7", "not on a straight line"),
        (MOVING, "C 3,5*3,3>3,2", None),
        (MOVING, "K 3,3*3,5>3,6", "belongs to phase chain"),
        (MOVING, "R 4,3>5,4 F @3,5", "recovery is not available: the player controls a stack"),
        (MOVING, "SKIP_RECOVERY", "recovery is not available: the player controls a stack"),
        (MOVING, "NO_MOVE", "a move or capture is available"),
        (("1", "move", "6,6", "3,3:121 3,4:2 6,6:2", "", "", ""), "C 3,3*3,4>3,5", "distance 2 is smaller"),
        (("1", "move", "6,6", "3,3:1 3,5:2", "", "3,4:2", ""), "C 3,3*3,5>3,6", "path to the target is blocked: 3,4"),
        (PLACED, "M 5,5>5,6", "only the stack on 3,3 may act, it was placed on this turn"),
        (CAPTURING, "C 5,5*5,6>5,7", "only the stack on 3,3 may act, it has just moved"),
        (CAPTURING, "M 3,3>3,2", "belongs to phase move and the phase is capture"),
        (CHAINING, "SKIP_CAPTURE", "chain of the stack on 3,3 must be continued with a K"),
        (CHAINING, "C 3,3*3,4>3,5", "must be continued with a K"),
        (CHAINING, "K 5,5*5,6>5,7", "only the stack on 3,3 may act, it must continue its chain"),
        (RECOVERING, "NO_MOVE", "the player may recover or skip it"),
        (RECOVERING, "R 2,5>2,6 F @0,0", "no own marker on 2,5"),
        (RECOVERING, "R 3,5>5,5 F @0,0", "5,5 is not next to 3,5"),
        (RECOVERING, "R 2,4>1,5 F @0,0", "1,5 holds a collapsed cell"),
        (RECOVERING, "R 2,2>2,3 F @0,0", "2,3 holds a marker"),
        (RECOVERING, "R 6,7>5,7 F @0,0", "a slide that completes a line exists"),
        (RECOVERING, "R 6,7>7,7 S @0,0", "a slide that completes a line exists"),
        (RECOVERING, "R 3,5>2,5 F @0,0", "it is no fallback"),
        (RECOVERING, "R 3,5>2,5 S @0,0", "no stack to strike on 2,5"),
        (RECOVERING, "R 3,5>2,5 1 @4,4", "the stack on 4,4 has no buried ring of seat 1"),
        (RECOVERING, "R 3,5>2,5 2 2,2~2,5", "the line is not longer than 4"),
        (FALLING_BACK, "R 2,2>2,3 1 @0,0", "completes no line of 4"),
        (FALLING_BACK, "R 6,7>7,7 F @0,0", "a slide onto the stack on 7,7 is a strike S"),
        (OVERLONG, "R 3,3>2,3 2 2,1~2,5", "the window must be 4 cells"),
        (PENDING, "SKIP_RECOVERY", "the slide 3,3>2,3 is made"),
        (PENDING, "R 3,3>2,3", "the slide 3,3>2,3 is made"),
        (STUCK, "R 2,2>2,3 F @0,0", "the player owns no marker"),
        (("1", "move", "0,0", "7,7:2", "2,2:1", "", ""), "R 2,2>2,3 F @7,7", "the player has no buried ring"),
        (LINES, "NO_LINE", "a line, which must be processed"),
        (LINES, "L 2,1~3,3", "not on a straight line"),
        (LINES, "L 2,1~2,6", "no own marker on 2,6"),
        (LINES, "L 6,1~6,2", "2 markers are fewer than the 4 of a line"),
        (LINES, "L 2,5~2,1", "written in cell order"),
        (LINES, "L 2,1~2,4", "the line goes on to 2,5"),
        (LINES, "L 4,1~4,4/4,1~4,4", "a line of exactly 4 is collapsed whole"),
        (LINES, "L 2,1~2,5/2,1~2,3", "the window must be 4 consecutive cells"),
        (LINES, "EL 0,0", "no elimination is owed for a line"),
        (OWING, "NO_LINE", "EL is owed for a line and is the only kind"),
        (OWING, "EL 7,7", "the player controls no stack on 7,7"),
        (REGIONS, "T 0,1 1 b2", "0,1 is a wall of the region"),
        (REGIONS, "T 0,0 1 b3", "there is no marker of colour 3"),
        (REGIONS, "T 0,0 2 b2", "with border colour 2 the region of 0,0 has 1 cells"),
        (REGIONS, "T 1,1 61 b2", "the first cell of that region is 0,2"),
        (REGIONS, "T 0,0 1 b23", "the border colours of that region are 2"),
        (REGIONS, "T 0,0 64 b0", "2 players control stacks inside"),
        (REGIONS, "T 0,0 61 b1", "every player with a ring in a stack controls a stack inside"),
        (REGIONS, "NO_TERR", "there is a region to process or skip"),
        (REGIONS, "ET 4,4", "no elimination is owed for a region"),
        (("1", "terr", "6,6", "0,0:2 4,4:1", "0,1:2 1,0:2", "", "act"), "T 0,2 61 b2", "outside the region to pay"),
        (PAYING, "SKIP_TERR", "ET is owed for a region and is the only kind"),
        (PAYING, "ER 4,4", "paid with ET in this turn"),
        (PAYING, "ET 7,7", "7,7 is not a stack controlled by the player"),
        (PAYING_BACK, "ET 4,4", "paid with ER in this turn"),
        (PAYING_BACK, "ER 7,7", "7,7 has no buried ring of the player"),
        (NO_REGION, "SKIP_TERR", "there is no region to skip"),
        (FORCED, "FE 7,7", "the player controls no stack on 7,7"),
    ],
)
def test_the_rule_that_forbids(fields: tuple[str, ...], move: str, words: str | None) -> None:
    sentence = explain(position(fields), move)
    if words is None:
        assert is_legal(sentence), sentence
    else:
        assert forbids(sentence) and words in sentence, sentence


def test_the_pie_rule_is_explained() -> None:
    pos = position(FRESH, swap_rule=True)
    assert "only player 2 may swap" in explain(pos, "SWAP")
    for move in ("P 0,0 1", "M 0,0>0,1", "NO_LINE", "NO_TERR"):
        pos = reference.play(pos, move)
    assert is_legal(explain(pos, "SWAP"))
    assert "only player 2 may swap" in explain(reference.play(pos, "SWAP"), "SWAP")


def test_a_finished_game_is_explained() -> None:
    over = reference.from_state_string(boards.standard("square8"), "0|over|0,0|18,18|0,0||||")
    assert "the game is over" in explain(over, "P 0,0 1")


def test_a_slide_is_explained() -> None:
    assert "as the slide of a recovery" in explain(position(RECOVERING), "R 3,5>2,5")
