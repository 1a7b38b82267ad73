"""The page of a game: it holds every position, and nothing of a record can break out of it."""

import re

import browsers
import pytest
from played import held, random_record

from ringrift_jax import boards, reference
from ringrift_jax.interactive.bundle import WIDGET, one_module
from ringrift_jax.interactive.effects import contents
from ringrift_jax.interactive.game_page import game_html
from ringrift_jax.interactive.replay import Curve, Mark, replay

GAME: dict = random_record(0, "hex8", 3)
DECISIONS = [number for number, step in enumerate(GAME["steps"], 1) if not step["m"].startswith("NO_")]


def test_every_position_of_the_game_is_in_the_page():
    assert len(DECISIONS) < len(GAME["steps"]), "some moves are forced"
    game = held(game_html(GAME))
    pos = reference.new_game(boards.standard("hex8", 3))
    positions = [pos := reference.play(pos, step["m"]) for step in GAME["steps"]]
    assert [branch["move"] for branch in game["tree"]] == ["", *(GAME["steps"][n - 1]["m"] for n in DECISIONS)]
    # What is forced comes before the next decision.
    for view, before_next in zip(game["views"][1:], [*(n - 1 for n in DECISIONS[1:]), len(positions)], strict=True):
        shown = {int(cell): what for cell, what in view["position"]["contents"].items()}
        assert shown == contents(positions[before_next - 1])
    assert game["views"][-1]["position"]["winner"] == GAME["result"]["winner"]
    assert game_html(GAME) == game_html(GAME)


def test_marks_are_of_decisions():
    assert replay(GAME)["marks"] == {}
    game = held(game_html(GAME, marked={DECISIONS[6]: Mark("??", "P 0,0 1 </script>")}))
    assert game["marks"] == {"7": {"sign": "??", "why": "P 0,0 1 </script>"}}


def test_curves_have_a_value_for_each_decision_that_has_one():
    count = len(GAME["steps"]) + 1
    values = [None, *(number / count for number in range(1, count))]
    *always, chart = held(game_html(GAME, {"value": [Curve("seat 1", values, "#123456")]}))["charts"]
    assert [one["title"].partition(",")[0] for one in always] == ["eliminated rings", "territory"]
    assert chart["title"] == "value" and chart["curves"][0]["colour"] == "#123456"
    before_next = [*(n - 1 for n in DECISIONS), count - 1]
    assert chart["curves"][0]["values"] == [values[n] for n in before_next]
    only = [0.5 if n == DECISIONS[3] else None for n in range(count)]
    assert replay(GAME, {"value": [Curve("x", only, "red")]})["charts"][-1]["curves"][0]["values"][4] == 0.5
    with pytest.raises(ValueError, match=f"value, seat 1: 1 values; there are {count} positions"):
        replay(GAME, {"value": [Curve("seat 1", [0.5], "#123456")]})


def test_charts_show_how_far_each_seat_is():
    rings, lands = (chart["curves"] for chart in replay(GAME)["charts"])
    assert [curve["label"] for curve in rings] == ["seat 1", "seat 2", "seat 3"]
    assert all(len(curve["values"]) == len(DECISIONS) + 1 for curve in (*rings, *lands))
    winner = GAME["result"]["winner"] - 1
    assert max(rings[winner]["values"][-1], lands[winner]["values"][-1]) >= 1
    assert {curve["values"][0] for curve in (*rings, *lands)} == {0}


def test_nothing_of_a_record_is_taken_for_html():
    evil = "</script><script>alert(1)</script>{{data}}"
    page = game_html(GAME | {"id": evil, "models": [evil] * 3})
    assert page.count("<script") == 1 and page.count("</script>") == 1
    assert "&lt;/script&gt;" in page and page.count("alert(1)") == page.count("&gt;alert(1)") > 0


def test_an_illegal_move_is_an_error():
    steps = [GAME["steps"][0] | {"m": "P 9,9 1"}]
    with pytest.raises(ValueError, match="9,9"):
        game_html(GAME | {"steps": steps})


def test_modules_are_put_together_without_imports():
    """Each is there once, and names of one are none of another."""
    text = one_module("replay")
    assert "import {" not in text and text.count("export ") == 1
    declared = re.findall(r"^(?:async )?(?:function|class|const) (\w+)", text, re.MULTILINE)
    assert len(declared) == len(set(declared)) > len(WIDGET)


def test_a_page_is_stepped_through_in_a_browser(tmp_path):
    """From a file, without anything else."""
    path = tmp_path / "game.html"
    curve = Curve("network", [0.5] * (len(GAME["steps"]) + 1), "#888")
    path.write_text(game_html(GAME, {"chance": [curve]}, {DECISIONS[1]: Mark("?", "could win: P 0,0 1")}), "utf-8")
    last = len(DECISIONS)
    with browsers.page() as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(".viewer .cell")
        page.keyboard.press("End")  # without choosing the board first
        assert page.inner_text("output") == f"{last} / {last}"
        assert page.locator(".charts polyline").count() == 3 + 3 + 1
        page.locator(".curves").first.click(position={"x": 1, "y": 20})
        assert page.inner_text("output") == f"0 / {last}"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert "? (could win: P 0,0 1)" in page.inner_text(".says") and page.locator(".moves .mark").count() == 1
        browsers.shot(page, "game-page", tmp_path)
        page.set_viewport_size({"width": 390, "height": 1500})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browsers.shot(page, "game-page-phone", tmp_path)
        assert all(url.startswith(("file:", "data:")) for url in asked)
