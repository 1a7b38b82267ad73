"""Pictures are well-formed SVG and show everything on the board; docs/board.svg is a real position.

Run as a program, this file draws docs/board.svg anew.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

import jax
import pytest

import ringrift_jax as rr
from ringrift_jax import render

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "board.svg"
POSITIONS = [
    ("square8", 2, "1|place|13,12|1,2|1,2|0,0:1 3,4:1122 7,7:2|1,1:1 2,5:2|4,4:2 5,5:1 5,6:2|lps=2/-1/0/0"),
    ("hex8", 3, "2|place|15,14,17|1,0,1|0,1,0|-4,4:12 0,0:3 1,0:221|0,1:3 4,-4:1|2,2:2|lps=3/1--/0/0"),
]


def position_after(decisions: int) -> tuple[rr.Env, rr.State]:
    """A square8 game of random decisions."""
    env = rr.make("square8")
    play = jax.jit(lambda state, key: env.step(state, rr.random_action(env, state, key)))
    state = env.init()
    for key in jax.random.split(jax.random.key(3), decisions):
        state = play(state, key)
    assert not state.is_over
    return env, state


def text(element: ET.Element) -> str:
    assert element.text
    return element.text


@pytest.mark.parametrize(("board", "num_players", "position"), POSITIONS)
def test_everything_on_the_board_is_drawn(board: str, num_players: int, position: str):
    env = rr.make(board, num_players)
    picture = ET.fromstring(render.board_svg(env, rr.notation.from_state_string(env, position)))
    stacks, markers, collapsed = ([item.split(":") for item in field.split(" ")] for field in position.split("|")[5:8])
    cells = {text(cell[0]).split(":")[0]: cell for cell in picture if cell.tag.endswith("}g")}
    assert len(cells) == env.board.num_cells

    def fills(cell: str, tag: str) -> list[str]:
        return [part.attrib["fill"] for part in cells[cell] if part.tag.endswith("}" + tag)]

    def colours(owners: str) -> list[str]:
        return [render.SEAT_COLOURS[int(owner) - 1] for owner in owners]

    for drawn, tag in ((stacks, "rect"), (markers, "circle"), (collapsed, "polygon")):
        for cell, owners in drawn:
            assert fills(cell, tag) == colours(owners)
    assert sum(bool(fills(cell, "rect")) for cell in cells) == len(stacks)
    assert sum(bool(fills(cell, "circle")) for cell in cells) == len(markers)
    legend = [text(part) for part in picture if part.tag.endswith("}text")]
    assert len(legend) == num_players and sum("to move" in line for line in legend) == 1


def test_the_picture_of_the_readme_is_a_position_of_a_random_game():
    assert PICTURE.read_text(encoding="utf-8") == render.board_svg(*position_after(60))


def test_text_boards():
    square, hexagonal = (render.board_text(rr.make(board, n).board, text) for board, n, text in POSITIONS)
    rows = square.splitlines()
    assert len(rows) == 8
    assert rows[0].split() == ["0,0", "1", *"......."]
    assert rows[4].split() == ["0,4", *"...", "1122", "#2", *"..."]
    assert rows[1].split()[2] == "o1"
    assert rows[5].index("o2") + 6 == rows[4].index("1122")
    rows = hexagonal.splitlines()
    assert [len(row.split()) - 1 for row in rows] == [5, 6, 7, 8, 9, 8, 7, 6, 5]
    assert rows[0].split()[-1] == "o1" and rows[8].split()[:2] == ["-4,4", "12"]
    # Neighbours along the third axis are half a cell apart: 0,0, 0,1 and 1,0.
    centre = rows[4].index(" 3 ") + 1
    assert rows[5].index("o3") == centre + 2 and rows[4].index("221") == centre + 4


if __name__ == "__main__":
    PICTURE.write_text(render.board_svg(*position_after(60)), encoding="utf-8")
