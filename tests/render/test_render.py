"""Pictures are well-formed SVG and show everything on the board; docs/board.svg is a real position.

Run as a program, this file draws docs/board.svg and the golden pictures anew.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from played import random_record

import ringrift_jax as rr
from ringrift_jax import boards, reference, render
from ringrift_jax.env import sample_mask
from ringrift_jax.reference.position import Position
from ringrift_jax.render import marks
from ringrift_jax.render.board import GRID, position_of

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "board.svg"
GOLDEN = Path(__file__).parents[1] / "golden"
POSITIONS = [
    ("square8", 2, "1|place|13,12|1,2|1,2|0,0:1 3,4:1122 7,7:2|1,1:1 2,5:2|4,4:2 5,5:1 5,6:2|lps=2/-1/0/0"),
    ("hex8", 3, "2|place|15,14,17|1,0,1|0,1,0|-4,4:12 0,0:3 1,0:221|0,1:3 4,-4:1|2,2:2|lps=3/1--/0/0"),
]


def position_after(decisions: int) -> tuple[rr.Env, rr.State]:
    """A square8 game of random decisions."""
    env = rr.make("square8")
    draw = jax.jit(sample_mask)
    state = env.init()
    for key in jax.random.split(jax.random.key(3), decisions):
        state = env.step(state, draw(env.legal_action_mask(state), key))
    assert not state.is_over
    return env, state


def replayed(record: dict) -> Iterator[tuple[Position, str, Position]]:
    """The positions before and after each move."""
    pos = reference.new_game(boards.standard(record["board"], record["players"]), record["swap_rule"])
    for step in record["steps"]:
        before, pos = pos, reference.play(pos, step["m"])
        yield before, step["m"], pos


def golden_pictures() -> Iterator[tuple[str, str]]:
    """Names and pictures of positions with everything that can be drawn over them."""
    for board, players, theme in (("square8", 2, "light"), ("hex8", 3, "dark")):
        moves = list(replayed(random_record(1, board, players)))
        before, move, pos = moves[len(moves) // 2]
        legal = reference.legal_moves(pos)
        weights = {text: 1 / (i + 2) for i, text in enumerate(legal)}
        options: dict = {"previous": before, "move": move, "theme": theme, "caption": f"{board} & <{move}>"}
        yield f"{board}-legal.svg", render.position_svg(pos, legal=legal, **options)
        yield f"{board}-weights.svg", render.position_svg(pos, weights=weights, **options)


def text(element: ET.Element | None) -> str:
    assert element is not None and element.text
    return element.text


def groups(picture: str) -> dict[str, ET.Element]:
    """The group of each cell, by its name."""
    found = {}
    for group in ET.fromstring(picture).findall(".//{*}g"):
        title = group.find("{*}title")
        if title is not None and re.match(r"-?\d+,-?\d+: ", text(title)):
            found[text(title).split(":")[0]] = group
    return found


@pytest.mark.parametrize(("board", "num_players", "position"), POSITIONS)
def test_everything_on_the_board_is_drawn(board: str, num_players: int, position: str):
    env = rr.make(board, num_players)
    picture = render.board_svg(env, rr.notation.from_state_string(env, position))
    stacks, markers, collapsed = ([item.split(":") for item in field.split(" ")] for field in position.split("|")[5:8])
    cells = groups(picture)
    assert len(cells) == env.board.num_cells

    def fills(cell: str, tag: str) -> list[str]:
        return [part.attrib["fill"] for part in cells[cell].findall("{*}" + tag)]

    def colours(owners: str) -> list[str]:
        return [render.SEAT_COLOURS[int(owner) - 1] for owner in owners]

    for drawn, tag in ((stacks, "rect"), (markers, "circle"), (collapsed, "polygon")):
        for cell, owners in drawn:
            assert fills(cell, tag) == colours(owners)
    assert sum(bool(fills(cell, "rect")) for cell in cells) == len(stacks)
    assert sum(bool(fills(cell, "circle")) for cell in cells) == len(markers)
    lines = [part.text for part in ET.fromstring(picture).findall(".//{*}text") if part.text and "seat" in part.text]
    assert len(lines) == num_players + 1 and lines[-1] == f"seat {position[0]} to place rings"


def test_height_and_cap_can_be_read():
    env = rr.make("square8")
    cells = groups(render.board_svg(env, rr.notation.from_state_string(env, POSITIONS[0][2])))
    assert [text(part) for part in cells["3,4"].findall("{*}text")] == ["2", "4"]
    title = "3,4: stack 1122 from bottom to top, height 4, cap 2, controlled by seat 2"
    assert text(cells["3,4"].find("{*}title")) == title


def test_golden_pictures():
    for name, picture in golden_pictures():
        assert picture == (GOLDEN / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize(("board", "players"), [("square8", 2), ("hex8", 4), ("square19", 2), ("hexagonal", 3)])
def test_every_position_of_a_game_can_be_drawn(board: str, players: int):
    """Every move finds the cells it changed, and every kind of move has its mark."""
    for number, (before, move, pos) in enumerate(replayed(random_record(0, board, players))):
        if number % (1 if players == 2 and board == "square8" else 40):
            continue
        legal = reference.legal_moves(pos)
        picture = render.position_svg(pos, previous=before, move=move, legal=legal, weights=dict.fromkeys(legal, 0.1))
        ET.fromstring(picture)
        assert picture.count('class="changed"') == len(marks.changed(before, pos))
        if not move.startswith(("NO_", "SKIP", "SWAP")):
            assert picture.count('class="changed"') > 0


def test_moves_and_weights_are_marked():
    record = random_record(2)
    before, move, pos = next(step for step in replayed(record) if step[1].startswith("M "))
    start, end = (name for name in move[2:].split(">"))
    cells = groups(render.position_svg(pos, previous=before, move=move))
    changed = {name for name, group in cells.items() if any("class" in part.attrib for part in group)}
    assert {start, end} <= changed
    weights = {"P 0,0 2": 0.75, "P 0,0 1": 0.05, "P 3,3 1": 0.2, "SKIP_PLACE": 0.0}
    drawn = render.position_svg(reference.new_game(boards.standard("square8")), weights=weights)
    shares = re.findall(r"<title>(P [^<]*)</title>", drawn)
    assert sorted(shares) == ["P 0,0 1: 5.0%", "P 0,0 2: 75.0%", "P 3,3 1: 20.0%"]
    assert re.findall(r'fill="#fff">(\d+)</text>', drawn) == ["80", "20"]


def test_what_is_pending_is_marked_and_said():
    env = rr.make("square8")
    cases = {
        "1|move|13,12|1,2|0,0|3,4:1122 0,0:11|||mm=0,0 act lps=2/-1/0/0": ("dasharray", "to move a stack"),
        "1|line|13,12|1,2|0,0|3,4:1122 0,0:11|||pl act lps=2/-1/0/0": ("", "must pay for the line with a ring"),
    }
    for position, (mark, doing) in cases.items():
        parts = position.split("|")
        parts[5] = " ".join(sorted(parts[5].split(" ")))
        picture = render.board_svg(env, rr.notation.from_state_string(env, "|".join(parts)))
        assert ("dasharray" in picture) == bool(mark) and f"seat 1 {doing}<" in picture


def test_bad_arguments_are_named():
    env = rr.make("square8")
    with pytest.raises(ValueError, match="unknown theme 'pink'; choose one of light, dark"):
        render.board_svg(env, env.init(), theme="pink")
    with pytest.raises(ValueError, match=rf"shape \(3,\); it must be \({env.num_actions},\)"):
        render.board_svg(env, env.init(), weights=np.ones(3))


def test_notebooks_show_states_and_batches():
    env = rr.make(boards.custom("hex", 5, 3, num_players=3))
    one = env.init()
    assert one._repr_html_().count("<svg") == 1  # pyright: ignore[reportAttributeAccessIssue]
    batch = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (5, 4, *leaf.shape)), jax.device_get(one))
    shown = batch._repr_html_()
    assert shown.count("<svg") == GRID + 1 and "[2, 3] and 8 more" in shown and "[0, 1]" in shown
    ET.fromstring(shown)


def test_a_state_and_the_position_of_the_reference_are_drawn_alike():
    env = rr.make("hex8", 3)
    state = rr.notation.from_state_string(env, POSITIONS[1][2])
    other = reference.from_state_string(env.board, POSITIONS[1][2])
    assert render.position_svg(position_of(state)) == render.position_svg(other)


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
    for name, picture in golden_pictures():
        (GOLDEN / name).write_text(picture, encoding="utf-8")
