"""The page of the board to study on: requests, who may send them, and the page in a browser where there is one."""

import gzip
import json
import os
import random
import socket
import subprocess
import sys
from typing import Any

import pytest
from board_browser import HOST, PORT, ask, shot
from instant_programs import LINE, game, until
from played import held

from experiments.play.web import recorded, server
from experiments.play.web.messages import HUMAN, Analysis, Choice, Player, Program, Rules, Settings
from experiments.play.web.review import Review
from ringrift_jax.reference.turn import legal_moves
from ringrift_jax.runs import records

# Requests.


@pytest.fixture
def client(desk):
    return server.make_app(desk, PORT, desk.begin(game(HUMAN, HUMAN))).test_client()


@pytest.fixture
def id(desk, client) -> str:
    return desk.shelf.all()[0].id


def test_the_page_plays_by_the_rules_only(client, id):
    shown = ask(client, f"games/{id}").get_json()
    assert shown["position"]["seat"] == 1 and len(shown["choices"]) == 192 and shown["task"]["do"].startswith("Place 1")
    assert ask(client, f"games/{id}?seen={shown['version']}").get_json() == {"version": shown["version"]}
    told = ask(client, f"games/{id}/play", {"node": 0, "move": "P 3,3 9"})
    assert told.status_code == 400 and "is not the form of any move" in told.get_json()["problem"]
    shown = ask(client, f"games/{id}/play", {"node": 0, "move": "P 3,3 2"}).get_json()
    assert {"move": "M 3,3>3,5", "steps": [[27], [29]]} in shown["choices"] and shown["at"] == 1
    assert "s11" in shown["position"]["contents"].values() and shown["came"]["says"].startswith("2 rings on 3,3")
    effect = ask(client, f"games/{id}/effect?node=1&move=M 3,3>3,5").get_json()
    assert effect["after"] == {"27": "m1", "29": "s11"}
    assert "smaller than" in ask(client, f"games/{id}/why?node=1&cell=28&origin=27").get_json()["why"]
    for path in ("effect?node=1&move=M 3,3>3,4", "effect?node=9&move=x", "why?node=1&cell=99", "why?node=1&cell=x"):
        assert ask(client, f"games/{id}/{path}").status_code == 400
    assert ask(client, f"games/{id}/remove", {"node": 1}).get_json()["at"] == 0


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("play", {"node": 0}, "missing required field `move`"),
        ("play", {"node": -1, "move": "P 3,3 2"}, "`int` >= 0 - at `$.node`"),
        ("play", {"node": 0, "move": 7}, "Expected `str`, got `int` - at `$.move`"),
        ("go", {"node": 7}, "there is no node 7"),
        ("go", [1], "Expected `object`, got `array`"),
        ("settings", {"pace": 99}, "`float` <= 10.0"),
        ("settings", {"speed": 1}, "unknown field `speed`"),
    ],
)
def test_requests_are_checked(client, id, path, body, message):
    told = ask(client, f"games/{id}/{path}", body)
    assert told.status_code == 400 and message in told.get_json()["problem"]


def test_new_games_are_checked(client):
    good = {"rules": {"board": "hex8", "players": 3}, "seats": [{}, {"name": "random"}, {"name": "heuristic"}]}
    made = ask(client, "games", good)
    assert made.status_code == 201 and ask(client, "games", good).get_json() == made.get_json(), (
        "an unused one is taken"
    )
    for change, message in (
        ({"seats": [{}, {}]}, "2 players for 3 seats"),
        ({"seats": [{}, {"name": "nobody"}, {}]}, "nobody does not play this game; players are human, heuristic"),
        ({"rules": {"board": "chess", "players": 3}}, "Invalid enum value 'chess'"),
        ({"rules": {"board": "hex8", "players": 5}}, "`int` <= 4"),
        ({"rules": {"board": "hex8", "players": 3, "start": "1|place"}}, "9 fields"),
    ):
        told = ask(client, "games", good | change)
        assert told.status_code == 400 and message in told.get_json()["problem"]
    assert ask(client, "games/zzz").status_code == 404
    listed = ask(client, "games").get_json()
    assert [one["board"] for one in listed["games"]] == ["hex8", "square8"] or len(listed["games"]) == 2


def test_a_position_can_be_set_up(client):
    start = "1|terr|13,14|0,0|0,0|0,0:2 4,4:11 7,7:22|0,2:1 1,2:1 2,0:1 2,1:1 2,2:1||act lps=0/--/0/0"
    made = ask(client, "games", {"rules": {"board": "square8", "start": f" {start}\n"}, "seats": [{}, {}]}).get_json()
    shown = ask(client, f"games/{made['id']}").get_json()
    assert shown["position"]["text"] == start and shown["task"]["do"] == "Claim a region, or leave it."
    told = ask(client, f"games/{made['id']}/record.jsonl.gz")
    assert told.status_code == 400 and "starts from a position" in told.get_json()["problem"]


def test_others_are_kept_out(client, id):
    for host in ("evil.example", f"evil.example:{PORT}", "127.0.0.1:9999"):
        assert client.get("/api/games", headers={"Host": host}).status_code == 403
        told = ask(client, f"games/{id}/go", {"node": 0}, Host=host, Origin=f"http://{host}")
        assert told.status_code == 403, "a name of another site that leads here"
    assert ask(client, "games", Origin="http://evil.example").status_code == 403
    assert ask(client, f"games/{id}/go", {"node": 0}, Origin="http://127.0.0.1:9999").status_code == 403
    assert ask(client, f"games/{id}/go", {"node": 0}, Origin="null").status_code == 403
    assert client.post(f"/api/games/{id}/go", json={"node": 0}, headers={"Host": HOST}).status_code == 403
    plain = client.post(f"/api/games/{id}/go", data='{"node": 0}', headers={"Host": HOST, "Origin": f"http://{HOST}"})
    assert plain.status_code == 415
    assert ask(client, f"games/{id}", Host=f"localhost:{PORT}", Origin=f"http://localhost:{PORT}").status_code == 200


def test_no_script_of_others_runs(client, id):
    page = client.get(f"/games/{id}", headers={"Host": HOST})
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and page.headers["X-Content-Type-Options"] == "nosniff"
    text = page.get_data(as_text=True)
    assert "<script type=" in text and "<script>" not in text and " style=" not in text and " onclick" not in text
    for name in ("app.js", "style.css", "icon.svg"):
        assert client.get(f"/static/{name}", headers={"Host": HOST}).status_code == 200
    assert client.get("/", headers={"Host": HOST}).headers["Location"] == f"/games/{id}"


def test_records_are_saved_and_loaded(desk, client, id):
    for node, move in enumerate(LINE):
        desk.play(id, node, move)
    desk.play(id, 1, "M 3,3>5,5")
    data = ask(client, f"games/{id}/record.jsonl.gz").data
    (line,) = gzip.decompress(data).splitlines()
    records.verify(json.loads(line))
    headers = {"Host": HOST, "Origin": f"http://{HOST}", "Content-Type": "application/octet-stream"}

    def load(data: bytes, number: int | str = 1) -> Any:
        return client.post(f"/api/records?game={number}", data=data, headers=headers)

    for sent in (data, gzip.decompress(data)):
        study = desk.shelf.find(load(sent).get_json()["id"])
        assert study.moves(4) == LINE and study.document.paused
    for sent, number, message in (
        (data, 2, "the file has no game 2"),
        (data, 0, "games count from 1"),
        (data, "x", "Expected `int`"),
        (data[:40], 1, "the file"),
        (b"{}", 1, "the file, line 1"),
        (line.replace(b"M 3,3>3,5", b"M 3,3>3,6"), 1, "reference  1|line|16,18|0,0|0,0|3,6:11"),
    ):
        told = load(sent, number)
        assert told.status_code == 400 and message in told.get_json()["problem"], told.get_json()


def test_a_game_is_shared_as_one_page(desk, client, id):
    for node, move in enumerate(LINE):
        desk.play(id, node, move)
    page = ask(client, f"games/{id}/game.html")
    shared = held(page.get_data(as_text=True))
    assert "attachment" in page.headers["Content-Disposition"] and len(shared["charts"]) == 2
    assert [branch["move"] for branch in shared["tree"]] == ["", *LINE]
    study = desk.shelf.find(id)
    found = {
        node: Analysis("net", 8, chances, [], [], more=False) for node, chances in ((0, [0.5, 0.5]), (4, [0.7, 0.3]))
    }
    chart = held(recorded.to_page(study, id, Review(study, found)))["charts"][-1]
    assert chart["title"] == "chance of winning, as the program sees it"
    assert [curve["values"][:5] for curve in chart["curves"]] == [[0.5, *[None] * 3, 0.7], [0.5, *[None] * 3, 0.3]]


def test_a_game_that_cannot_be_written_is_told(desk, monkeypatch):
    id = desk.begin(game(HUMAN, HUMAN))
    before = (desk.shelf.directory / f"{id}.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    client = server.make_app(desk, PORT, id).test_client()
    told = ask(client, f"games/{id}/play", {"node": 0, "move": "P 3,3 2"})
    assert told.status_code == 507 and "No space left" in told.get_json()["problem"]
    assert (desk.shelf.directory / f"{id}.json").read_bytes() == before


def test_the_server_does_without_jax():
    code = """
import sys
import experiments.play.__main__
from experiments.play.web import server, view
sys.exit("jax" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_port_that_is_taken_is_refused(desk, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], 70_000):
            with pytest.raises(SystemExit) as stop:
                server.serve(desk, "", port)
            (line,) = capsys.readouterr().err.splitlines()
            assert stop.value.code == 2 and f"--port {port} cannot be used" in line


# In a browser.


def test_a_person_plays_in_a_browser(desk, page, tmp_path):
    id = desk.begin(game(HUMAN, "random"))
    desk.set(id, Settings(pace=0.0))
    page.goto(f"/games/{id}")
    page.wait_for_selector("text=Place 1, 2 or 3 rings on an empty cell.")
    page.hover("[data-cell='27']")
    page.wait_for_selector("text=1 ring on 3,3: a stack of 1")
    page.click("[data-cell='27']")
    page.hover("[data-move='P 3,3 2']")
    page.wait_for_selector("text=2 rings on 3,3: a stack of 2")
    page.keyboard.press("2")
    page.wait_for_selector("text=Move the stack on 3,3 in a straight line.")
    page.click("[data-cell='28']")
    page.wait_for_selector("text=The distance 1 is smaller than the stack's height 2 (rulebook section 4).")
    page.hover("[data-cell='29']")
    page.wait_for_selector(".ghosts .mark-landing")
    shot(page, "preview", tmp_path)
    page.click("[data-cell='29']")
    page.wait_for_selector("#turn:has-text('Turn 3, seat 1')")
    shot(page, "answered", tmp_path)
    count = page.locator(".move").count()
    page.keyboard.press("u")
    page.wait_for_selector(".move.now:has-text('P 3,3 2')")
    page.click("[data-cell='45']")
    page.wait_for_selector("#turn:has-text('Turn 3, seat 1')")
    assert page.locator(".variation .move").first.inner_text() == "M 3,3>5,5" and page.locator(".move").count() > count
    page.keyboard.press("Home")
    page.wait_for_selector("#came:has-text('The start.')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".move.now:has-text('P 3,3 2')")
    page.reload()
    page.wait_for_selector(".move.now:has-text('P 3,3 2')")
    shot(page, "variation", tmp_path)


def test_the_keyboard_is_enough(page, tmp_path):
    page.goto("/")
    page.wait_for_selector(".cell.option")
    page.evaluate("document.querySelector('[tabindex=\"0\"].cell').focus()")
    for key in ("ArrowUp", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    name = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert name == "3,3: empty, can be chosen"
    page.keyboard.press("Enter")
    page.keyboard.press("3")
    page.wait_for_selector(".move.now:has-text('P 3,3 3')")
    label = page.get_attribute("[data-cell='27']", "aria-label")
    assert label == "3,3: stack 1 1 1 from bottom to top, height 3, cap 3, controlled by seat 1"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("#help-dialog[open]")
    shot(page, "help", tmp_path)


def test_what_a_program_thinks_is_drawn(desk, page, tmp_path):
    page.goto("/")
    page.check("#analysing")
    page.wait_for_selector("#candidates tbody tr")
    page.check("#heat")
    assert page.locator(".overlay .share").count() == 3 and page.locator(".heat").count() == 3
    assert page.inner_text("#chances") == "70 %30 %" or "70 %" in page.inner_text("#chances")
    assert "wins this turn" in page.inner_text("#win")
    shot(page, "analysis", tmp_path)
    page.locator("#candidates button").nth(1).click()
    page.wait_for_selector(".move.now")
    page.wait_for_selector("#curve polyline", state="attached")
    shot(page, "curve", tmp_path)
    page.uncheck("#analysing")
    until(lambda: not any(desk.state(kept.id).analysing for kept in desk.shelf.all()))


@pytest.mark.parametrize(
    ("board", "players", "cells"), [("square8", 2, 64), ("hex8", 3, 61), ("square19", 2, 361), ("hexagonal", 4, 469)]
)
def test_all_boards_in_both_themes_and_on_a_phone(desk, page, board, players, cells, tmp_path):
    id = desk.begin(game(*[HUMAN] * players, board=board))
    chance = random.Random(1)
    for _ in range(60):
        study = desk.shelf.find(id)
        legal = legal_moves(study.position(study.at))
        desk.play(id, study.at, chance.choice([move for move in legal if move[0] != "P"] or legal))
    page.goto(f"/games/{id}")
    page.wait_for_selector(".cell.option")
    assert page.locator(".cell").count() == cells
    shot(page, f"{board}-light", tmp_path)
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.set_viewport_size({"width": 375, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, "nothing is wider than the screen"
    shot(page, f"{board}-dark-phone", tmp_path)


def test_a_board_with_cells_too_small_for_a_finger_is_enlarged(desk, page, tmp_path):
    def width(cell: int) -> float:
        return page.evaluate(f"document.querySelector('[data-cell=\"{cell}\"]').getBoundingClientRect().width")

    def in_view(cell: int) -> bool:
        return page.evaluate(
            f"""() => {{
              const at = document.querySelector('[data-cell="{cell}"]').getBoundingClientRect();
              const frame = document.getElementById("board").getBoundingClientRect();
              return at.left >= frame.left && at.right <= frame.right
                && at.top >= frame.top && at.bottom <= frame.bottom;
            }}"""
        )

    large, small = (desk.begin(game(HUMAN, HUMAN, board=board)) for board in ("square19", "square8"))
    page.goto(f"/games/{large}")
    page.wait_for_selector(".cell.option")
    assert page.locator("#enlarge").is_hidden(), "there is room for the board"
    page.set_viewport_size({"width": 375, "height": 740})
    page.wait_for_selector("#enlarge:not([hidden])")
    assert width(0) < 26
    page.click("#enlarge")
    assert width(0) == pytest.approx(44, abs=1) and page.text_content("#enlarge") == "Whole board"
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, "the board is scrolled, not the page"
    assert in_view(19 * 9 + 9) and not in_view(0), "it begins with the middle"
    desk.play(large, 0, "P 0,0 1")
    until(lambda: in_view(0))  # what happens is shown
    shot(page, "square19-phone-enlarged", tmp_path)
    page.click("#enlarge")
    assert width(0) < 26 and page.text_content("#enlarge") == "Enlarge the board"
    page.goto(f"/games/{small}")
    page.wait_for_selector(".cell.option")
    assert page.locator("#enlarge").is_hidden(), "its cells are large enough"


def test_a_game_is_reviewed_by_a_key(desk, page, tmp_path):
    champion = Program(Player("/runs/net"), Rules("square8"))
    desk.offered.append(champion)
    id = desk.shelf.all()[0].id
    desk.play_line(id, 0, LINE)
    page.goto(f"/games/{id}")
    page.wait_for_selector(".move")
    page.keyboard.press("r")
    page.wait_for_selector("#review:disabled")
    page.wait_for_selector("#review-told:has-text('By net, 64 simulations for each position.')")
    # By chances that always favour seat 1, its own moves cost nothing.
    page.wait_for_selector("text=Seat 1 (a person): lost 0.0 points of its chance a decision, nothing is marked")
    assert page.inner_text("#review") == "Review this game"
    assert page.locator("#curve polyline").count() == 2
    found = desk.shelf.find(id).document.tree[3].found
    found.chances, found.line = [0.2, 0.8], ["P 5,5 1", "M 5,5>5,6"]
    found.choices = [Choice("P 5,5 1", 0.5), Choice(LINE[3], 0.25)]
    desk.set(id, Settings(paused=True))
    page.wait_for_selector("[data-node='4']:has-text('??')")
    assert page.locator(".mark").count() == 1
    page.click("#review-told button:has-text('turn 2, M 0,0>0,1')")
    page.wait_for_selector(".move.now[data-node='4']")
    page.wait_for_selector('#judged:has-text("The own chance goes from 80% to 30%. The network\'s 2nd choice (25%);")')
    shot(page, "judged", tmp_path)
    page.locator("#curve").click(position={"x": 1, "y": 40})
    page.wait_for_selector("#came:has-text('The start.')")
    assert page.locator("#judged").is_hidden()
    page.reload()
    page.wait_for_selector("#review-told:has-text('where seat 2 fell from 80\u00a0% to 30\u00a0%')")
    shot(page, "review", tmp_path)


def test_a_line_is_looked_at_and_entered(desk, page, tmp_path):
    page.goto("/")
    page.check("#analysing")
    first = page.locator("#candidates tbody tr").first.locator(".move")
    page.wait_for_selector("#candidates tbody tr")
    first.nth(1).hover()
    page.wait_for_selector("#says:has-text('Seat 1: The stack')")
    shown = page.evaluate("[...document.querySelectorAll('.rim')].length")
    assert shown == 2, "the marker it left and its stack"
    shot(page, "line", tmp_path)
    page.hover("#turn")
    page.wait_for_function("document.querySelectorAll('.rim').length === 0")
    id = page.url.split("/")[-1]
    assert len(desk.shelf.find(id)) == 1, "looking plays nothing"
    first.nth(1).focus()
    page.wait_for_selector("#says:has-text('Seat 1: The stack')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".move.now[data-node='2']")
    assert len(desk.shelf.find(id)) == 3


def test_a_late_answer_about_a_move_does_not_replace_the_line_that_is_looked_at(desk, page):
    late: list[Any] = []
    page.route("**/effect?*", lambda route: late.append(route))
    page.goto("/")
    page.check("#analysing")
    page.wait_for_selector("#candidates tbody tr")
    page.locator("#candidates tbody tr").first.locator(".move").nth(1).hover()
    page.wait_for_selector("#says:has-text('Seat 1: The stack')")
    assert late, "the row asks what its move would do"
    with page.expect_response("**/effect?*"):
        late[0].continue_()
    page.wait_for_timeout(300)
    assert page.inner_text("#says").startswith("Seat 1: The stack")


def test_a_line_is_looked_at_before_it_is_entered_where_people_want_that(desk, page):
    page.goto("/")
    page.click("#help")
    page.check("#confirm")
    page.click("#help-dialog button")
    page.check("#analysing")
    move = page.locator("#candidates tbody tr").first.locator(".move").nth(1)
    move.click()
    page.wait_for_selector("#says:has-text('Seat 1: The stack')")
    page.wait_for_timeout(300)  # nothing happens, however long one waits
    id = page.url.split("/")[-1]
    assert len(desk.shelf.find(id)) == 1
    move.click()
    page.wait_for_selector(".move.now[data-node='2']")
    assert len(desk.shelf.find(id)) == 3


def test_a_line_that_cannot_be_played_ends_there(client, id):
    path = f"games/{id}/line?node="
    (one,) = ask(client, f"{path}0&move=P 3,3 2&move=then").get_json()
    assert (one["seat"], one["contents"], one["changed"]) == (1, {"27": "s11"}, [27])
    for wrong, message in (("0", "length >= 1"), ("0&move=", "length >= 1"), ("9&move=x", "there is no node")):
        told = ask(client, f"{path}{wrong}")
        assert told.status_code == 400 and message in told.get_json()["problem"]
    told = ask(client, f"games/{id}/line", {"node": 0, "moves": ["P 3,3 2", "then"]})
    assert told.status_code == 400 and len(ask(client, f"games/{id}").get_json()["tree"]) == 1


def test_a_new_game_from_the_page(page):
    page.goto("/")
    page.wait_for_selector(".cell.option")
    page.click("#new")
    page.select_option("#new-board", "hex8")
    page.select_option("#new-players", "3")
    page.locator("#new-seats select").nth(1).select_option(label="random")
    page.fill("#new-start", "nonsense")
    page.click("#new-begin")
    page.wait_for_selector("#new-problem:has-text('9 fields')")
    page.fill("#new-start", "")
    page.click("#new-begin")
    page.wait_for_selector("#title:has-text('hex8, 3 players')")
    page.click("#open")
    page.wait_for_selector("#games li >> nth=1")
    page.click("#games a:has-text('square8')")
    page.wait_for_selector("#title:has-text('square8, 2 players')")


def test_a_touch_shows_before_it_plays(desk, page):
    id = desk.shelf.all()[0].id
    page.goto(f"/games/{id}")
    page.click("#help")
    page.check("#confirm")
    page.click("#help-dialog button")
    page.click("[data-cell='27']")
    page.click("[data-move='P 3,3 1']")
    page.wait_for_selector("text=1 ring on 3,3")
    assert len(desk.shelf.find(id)) == 1
    page.click("[data-move='P 3,3 1']")
    page.wait_for_selector(".move.now")
    page.click("[data-cell='29']")
    page.wait_for_selector("text=The stack of 1 goes from 3,3 to 3,5")
    assert len(desk.shelf.find(id)) == 2
    page.click("[data-cell='29']")
    page.wait_for_selector(".move.now:has-text('M 3,3>3,5')")


def test_the_page_waits_for_a_server_that_is_gone(desk, page):
    page.goto("/")
    page.wait_for_selector(".cell.option")
    page.route("**/api/**", lambda route: route.abort())
    page.wait_for_selector("#problem:has-text('does not answer')")
    page.unroute("**/api/**")
    page.wait_for_selector("#problem", state="hidden")
