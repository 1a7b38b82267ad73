"""The sentences about phases, cells and moves, on positions of random games of all kinds."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ringrift_jax import boards, reference
from ringrift_jax.interactive import effects
from ringrift_jax.interactive.words import task, why_not
from ringrift_jax.reference.moves import parse_move
from ringrift_jax.reference.turn import apply, legal_moves


def games() -> Iterator[Any]:
    """Positions of random games on small and large boards, with and without the pie rule."""
    for seed in range(24):
        chance = random.Random(seed)
        board = boards.standard(("square8", "hex8")[seed % 2], 2 + seed % 3)
        pos = reference.settle(reference.new_game(board, board.num_players == 2))
        while True:
            yield pos, chance
            if pos.phase == "over":
                break
            pos = reference.settle(apply(pos, chance.choice(legal_moves(pos))))


def test_every_phase_says_what_one_may_do_and_why():
    phases, kinds = set(), set()
    for pos, chance in games():
        phases.add(pos.phase)
        do, why = task(pos)
        assert do.endswith(".") and do[0].isupper() and ("rulebook section" in why or not pos.winner)
        offered = {move.split(" ")[0] for move in legal_moves(pos)}
        assert ("skip placing" in do.lower()) == ("SKIP_PLACE" in offered)
        assert ("swap" in do) == ("SWAP" in offered)
        legal = legal_moves(pos)
        for move in {*chance.sample(legal, min(3, len(legal))), *(move for move in legal if " " not in move)}:
            kinds.add(move.split(" ")[0])
            told = effects.effect(pos, move)
            assert told["says"].endswith(".") and "{" not in told["says"]
            about = effects.effect(pos, move, to_mover=False)["says"].lower()
            assert not {"you", "your", "yours"} & {*about.replace(".", " ").replace(",", " ").split()}, about
            after = effects.contents(apply(pos, move))
            shown = effects.contents(pos) | told["after"]
            assert {cell: what for cell, what in shown.items() if what} == after
    assert phases == {"place", "move", "capture", "chain", "line", "terr", "fe", "over"}
    assert {"P", "M", "C", "K", "L", "EL", "T", "ET", "FE", "R", "SWAP", "SKIP_TERR"} <= kinds


def test_every_cell_that_cannot_be_chosen_says_why():
    for pos, chance in games():
        choices = effects.choices(pos)
        first = {cell for choice in choices for cell in (choice["steps"] or [[]])[0]}
        for cell in chance.sample(pos.geometry.cells, 4):
            if pos.winner:
                assert why_not(pos, cell) == "The game is over."
            elif cell not in first and pos.focus is None:
                assert why_not(pos, cell).endswith(")."), (reference.state_string(pos), cell)
        begun = [choice["steps"] for choice in choices if len(choice["steps"]) > 1]
        if begun:
            (origin,) = chance.choice(begun)[0]
            second = {cell for steps in begun if steps[0] == [origin] for cell in steps[1]}
            for cell in chance.sample(pos.geometry.cells, 4):
                if cell not in second and cell not in first:
                    assert why_not(pos, cell, origin).endswith(")."), (reference.state_string(pos), cell, origin)


@pytest.mark.parametrize(
    ("state", "cell", "origin", "why"),
    [
        ("1|place|15,18|0,0|0,0|3,3:111|0,0:2||lps=0/--/0/0", "0,0", None, "A marker is on 0,0 (rulebook section 3)."),
        ("1|move|15,18|0,0|0,0|3,3:111|||mm=3,3 act lps=0/--/0/0", "3,4", "3,3", "smaller than the stack's height 3"),
        ("1|move|15,16|0,0|0,0|3,3:1 3,5:22|||act lps=0/--/0/0", "3,5", "3,3", "cap 2 is higher than the attacker's"),
        ("1|move|15,16|0,0|0,0|3,3:1 3,5:22|||act lps=0/--/0/0", "3,5", None, "controlled by seat 2"),
        ("1|line|15,15|0,0|0,0|2,2:11|0,6:1 1,6:1 2,6:1 3,6:1||act lps=0/--/0/0", "5,5", None, "no marker of yours"),
    ],
)
def test_why_not(state, cell, origin, why):
    pos = reference.from_state_string(boards.standard("square8"), state)
    index = pos.geometry.index
    assert why in why_not(pos, index[cell], origin and index[origin])


def test_effects_are_told_before_the_click():
    board = boards.standard("square8")
    state = "1|move|10,10|0,0|0,0|0,0:11 0,5:12|0,1:1 0,2:2 0,6:2||act lps=0/--/0/0"
    pos = reference.from_state_string(board, state)
    told = effects.effect(pos, "M 0,0>0,4")
    assert told["says"] == (
        "The stack of 2 goes from 0,0 to 0,4. 1 marker of yours becomes territory on the way. "
        "1 other marker becomes yours. It may then capture."
    )
    cell = pos.geometry.index
    assert told["after"] == {cell["0,0"]: "m1", cell["0,1"]: "c1", cell["0,2"]: "m1", cell["0,4"]: "s11"}
    assert effects.effect(pos, "M 0,0>0,4", to_mover=False)["says"] == (
        "The stack of 2 goes from 0,0 to 0,4. 1 marker of its own becomes territory on the way. "
        "1 other marker becomes its own. It may then capture."
    )
    told = effects.effect(pos, "C 0,0*0,5>0,6")
    assert "takes seat 2's ring" in told["says"] and "its top ring is eliminated, for you" in told["says"]
    assert told["marks"]["captured"] == [cell["0,5"]] and told["marks"]["landing"] == [cell["0,6"]]


def test_clicks_lead_to_each_kind_of_move():
    board = boards.standard("square8", 2)
    text = "1|line|15,15|0,0|0,0|2,2:11 4,4:12 7,0:2|0,6:1 1,6:1 2,6:1 3,6:1 4,6:1||act lps=0/--/0/0"
    pos = reference.from_state_string(board, text)
    run = [board.cell_index(x, 6) for x in range(5)]

    def clicks(move: str) -> list[list[int]]:
        return effects.clicks(pos, parse_move(board, move))

    assert clicks("L 0,6~4,6") == [run] and clicks("L 0,6~4,6/1,6~4,6") == [run[1:]]
    text = "1|terr|13,14|0,0|0,0|0,0:2 4,4:11 7,7:22|0,2:1 1,2:1 2,0:1 2,1:1 2,2:1||act lps=0/--/0/0"
    region = [board.cell_index(x, y) for x in (0, 1) for y in (0, 1)]
    pos = reference.from_state_string(board, text)
    assert clicks("T 0,0 4 b1") == [region]
    for move, cells in (
        ("C 2,2*4,4>6,6", [[(2, 2)], [(6, 6)]]),
        ("R 4,2>4,1 1 @4,4", [[(4, 2)], [(4, 1)], [(4, 4)]]),
        ("P 3,4 2", [[(3, 4)]]),
        ("SKIP_TERR", []),
    ):
        assert clicks(move) == [[board.cell_index(x, y) for x, y in step] for step in cells]
