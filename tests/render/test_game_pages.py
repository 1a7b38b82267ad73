"""The page of a game: it holds every position, and nothing of a record can break out of it."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from played import random_record

from ringrift_jax import boards, reference, render
from ringrift_jax.render import pieces, themes

GAME: dict = random_record(0, "hex8", 3)


def data(page: str) -> dict:
    match = re.search(r"const data = (.*);\n", page)
    assert match
    return json.loads(match[1])


def test_every_position_of_the_game_is_in_the_page():
    page = render.game_html(GAME)
    told, board = data(page), boards.standard("hex8", 3)
    pos = reference.new_game(board)
    assert [move[2] for move in told["moves"]] == [step["m"] for step in GAME["steps"]]
    for number in range(len(GAME["steps"]) + 1):
        if number:
            pos = reference.play(pos, GAME["steps"][number - 1]["m"])
        for cell, history in told["cells"].items():
            shown = [drawn for step, drawn in history if step <= number][-1]
            assert shown == pieces.cell_svg(board, pos, int(cell), themes.theme("light"), changed=True)
    assert len(told["over"]) == len(told["lines"]) == len(told["changes"]) == len(GAME["steps"]) + 1
    assert told["lines"][-1][-1][1] == f"seat {GAME['result']['winner']} wins: {GAME['result']['reason']}"


def test_marks_are_in_the_page():
    page = render.game_html(GAME, marked={3: render.Mark("??", "P 0,0 1 </script>")})
    assert data(page)["marked"] == {"3": ["??", "P 0,0 1 </script>"]} and page.count("</script>") == 1
    assert data(render.game_html(GAME))["marked"] == {}


def test_curves_are_drawn_where_there_is_a_value():
    count = len(GAME["steps"]) + 1
    values = [None, *[0.25] * (count - 1)]
    page = render.game_html(GAME, {"value": [render.Curve("seat 1", values, "#123456")]}, "dark")
    (path,) = re.findall(r'<path d="([^"]*)" fill="none" stroke="#123456"', page)
    assert path.count("L") == count - 2
    with pytest.raises(ValueError, match=f"value, seat 1: 1 values; there are {count} positions"):
        render.game_html(GAME, {"value": [render.Curve("seat 1", [0.5], "#123456")]})


def test_nothing_of_a_record_is_taken_for_html():
    evil = "</script><script>alert(1)</script>{{data}}"
    page = render.game_html(GAME | {"id": evil, "models": [evil] * 3})
    assert page.count("<script>") == 1 and page.count("</script>") == 1
    assert page.count("const data = {") == 1 and "&lt;/script&gt;" in page


def test_an_illegal_move_is_an_error():
    steps = [GAME["steps"][0] | {"m": "P 9,9 1"}]
    with pytest.raises(ValueError, match="9,9"):
        render.game_html(GAME | {"steps": steps})


def test_the_pictures_in_the_page_are_well_formed():
    page = render.game_html(GAME)
    (board,) = re.findall(r'<div id="board">(.*?)</div>', page, re.DOTALL)
    ET.fromstring(board)
    for history in data(page)["cells"].values():
        for _, drawn in history:
            ET.fromstring(drawn)
