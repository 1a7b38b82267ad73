"""A recorded game on a page without a kernel, as the site of the documentation has it."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from shutil import copytree

import browsers
import pytest
from played import random_record

from ringrift_jax.interactive import STATIC
from ringrift_jax.interactive.replay import replay

PAGE = """<!doctype html>
<link rel="stylesheet" href="static/board.css"><link rel="stylesheet" href="static/widget.css">
<script type="module" src="static/replay.js"></script>
<body data-md-color-scheme="default">
<div class="ringrift-replay" data-game="game.json">the game</div>
<div class="ringrift-replay" data-game="game.json">the game</div>
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def test_what_is_shown_is_known_in_advance():
    record = random_record(5)
    shown = replay(record)
    assert [branch["move"] for branch in shown["tree"][1:]] == [
        step["m"] for step in record["steps"] if not step["m"].startswith("NO_")
    ]
    assert [view["at"] for view in shown["views"]] == list(range(len(shown["tree"])))
    assert not any(view["choices"] for view in shown["views"])
    assert shown["views"][-1]["position"]["winner"] == record["result"]["winner"]
    with pytest.raises(ValueError, match="move 1: P 9,9 1 is illegal"):
        replay({"board": "square8", "players": 2, "swap_rule": False, "steps": [{"m": "P 9,9 1"}]})


def test_games_are_stepped_through_without_anybody_to_answer(tmp_path):
    copytree(STATIC, tmp_path / "static")
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    game = replay(random_record(5))
    last = len(game["tree"]) - 1
    (tmp_path / "game.json").write_text(json.dumps(game), encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with browsers.page(viewport={"width": 390, "height": 1800}) as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            page.wait_for_selector(".viewer >> nth=1")
            first, second = (page.locator(".viewer").nth(number) for number in (0, 1))
            said = [viewer.locator("output") for viewer in (first, second)]
            assert said[0].inner_text() == f"0 / {last}" and page.locator(".cell.option").count() == 0
            assert not page.locator(".task >> visible=true").count(), "nobody may do anything"
            first.locator("button", has_text="▶|").click()
            assert [output.inner_text() for output in said] == [f"{last} / {last}", f"0 / {last}"]
            first.press("ArrowLeft")
            assert said[0].inner_text() == f"{last - 1} / {last}"
            assert first.get_attribute("data-theme") == "light"
            page.evaluate("document.body.dataset.mdColorScheme = 'slate'")
            page.wait_for_selector(".viewer[data-theme=dark]")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            browsers.shot(page, "replay-phone", tmp_path)
            assert all(url.startswith(f"http://127.0.0.1:{server.server_port}/") for url in asked)
        server.shutdown()
