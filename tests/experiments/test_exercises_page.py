"""The pages of the tutorial and the puzzles: requests, and in a browser where there is one."""

import json

import pytest
from board_browser import HOST, PORT, ask, browser_page, shot
from instant_programs import game

from experiments.play.web import server
from experiments.play.web.lessons import lessons
from experiments.play.web.messages import HUMAN
from experiments.play.web.puzzles import Trainer

STATE = "1|place|17,17|0,0|0,0|0,1:2 0,7:1|1,7:1 7,1:2||lps=2/11/0/0"
WIN = ["P 0,6 1", "C 0,6*0,1>0,0", "T 0,0 61 b1", "ET 0,7"]


@pytest.fixture
def trainer(tmp_path) -> Trainer:
    puzzle = {"board": "square8", "players": 2, "state": STATE, "win": WIN, "keep": 45, "of": 183, "source": "a book"}
    other = {"board": "square8", "players": 2, "state": STATE.replace("17,17", "16,17"), "win": WIN}
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(puzzle) + "\n" + json.dumps(other) + "\n")
    return Trainer([file])


@pytest.fixture
def client(desk, trainer):
    return server.make_app(desk, PORT, desk.begin(game(HUMAN, HUMAN)), trainer).test_client()


def test_the_server_judges(client):
    told = ask(client, "exercises/lessons/capture/show", {"moves": []}).get_json()
    assert told["verdict"] == {"state": "open", "says": ""} and len(told["choices"]) == 13 and told["came"] is None
    told = ask(client, "exercises/lessons/capture/show", {"moves": ["C 2,4*4,4>6,4"]}).get_json()
    assert told["verdict"]["state"] == "solved" and told["choices"] == []
    assert told["came"]["says"].startswith("Jumps over 4,4")
    assert ask(client, "exercises/lessons/capture/solution").get_json() == ["C 2,4*4,4>6,4"]
    effect = ask(client, "exercises/lessons/capture/effect", {"moves": [], "move": "C 2,4*4,4>6,4"}).get_json()
    assert effect["marks"]["captured"] == [36]
    why = ask(client, "exercises/lessons/capture/why", {"moves": [], "cell": 18, "origin": 20}).get_json()["why"]
    assert "cap 3 is higher than the attacker's cap 2" in why
    (name, _) = [puzzle["name"] for puzzle in ask(client, "puzzles").get_json()]
    told = ask(client, f"exercises/puzzles/{name}/show", {"moves": ["P 0,0 1"]}).get_json()
    assert told["verdict"]["state"] == "open"
    told = ask(client, f"exercises/puzzles/{name}/check", {"moves": ["P 0,0 1"]}).get_json()
    assert told["state"] == "wrong"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("lessons/none/show", {"moves": []}, 404, "there is no exercise none of lessons"),
        ("games/capture/show", {"moves": []}, 404, "there is no exercise capture of games"),
        ("lessons/capture/show", {}, 400, "missing required field `moves`"),
        ("lessons/capture/show", {"moves": ["M 2,4>2,5"]}, 400, "smaller than the stack's height 2"),
        ("lessons/capture/show", {"moves": ["x"] * 201}, 400, "length <= 200"),
        ("lessons/capture/show", {"moves": [], "state": ""}, 400, "unknown field `state`"),
        ("lessons/capture/effect", {"moves": [], "move": "M 2,4>2,5"}, 400, "smaller than the stack's height 2"),
        ("lessons/capture/why", {"moves": [], "cell": 99}, 400, "99 is not a cell"),
        ("lessons/capture/check", {"moves": [7]}, 400, "Expected `str`, got `int`"),
    ],
)
def test_requests_are_checked(client, path, body, status, message):
    told = ask(client, f"exercises/{path}", body)
    assert told.status_code == status and message in told.get_json()["problem"]


def test_nobody_else_asks_and_no_script_of_others_runs(client):
    assert ask(client, "exercises/lessons/capture/show", {"moves": []}, Origin="http://evil.example").status_code == 403
    for path in ("/learn", "/puzzles"):
        page = client.get(path, headers={"Host": HOST})
        text = page.get_data(as_text=True)
        assert "script-src 'self'" in page.headers["Content-Security-Policy"] and "<script>" not in text
        assert " style=" not in text and " onclick" not in text


def test_a_newcomer_learns_in_a_browser(page, tmp_path):
    page.goto("/")
    page.click("nav a:has-text('Learn')")
    page.wait_for_selector("h2:has-text('1. Rings, stacks and moving')")
    page.click("[data-cell='27']")
    page.click("[data-move='P 3,3 3']")
    page.wait_for_selector("#verdict.wrong:has-text('Those are three rings.')")
    shot(page, "lesson-wrong", tmp_path)
    page.click("#again")
    page.click("[data-cell='27']")
    page.keyboard.press("2")
    page.wait_for_selector("text=Move the stack on 3,3 in a straight line.")
    page.click("[data-cell='28']")
    page.wait_for_selector("#says:has-text('The distance 1 is smaller than the stack')")
    page.hover("[data-cell='29']")
    page.wait_for_selector(".ghosts .mark-landing")
    page.click("[data-cell='29']")
    page.wait_for_selector("#verdict.solved")
    page.click("#next")
    page.wait_for_selector("h2:has-text('2. Height and cap')")
    page.reload()
    page.wait_for_selector("h2:has-text('2. Height and cap')")
    assert page.inner_text("#progress") == f"1 of {len(lessons())} solved"
    assert page.locator("#steps .done").all_inner_texts() == ["1"]
    page.click("#hint")
    page.wait_for_selector("#hint-text:has-text('its top ring is blue')")
    page.click("#solution")
    page.wait_for_selector("#verdict.solved:has-text('So it is done.')")
    assert page.locator("#steps .done").count() == 1, "what was shown is not solved"
    page.go_back()
    page.wait_for_selector("h2:has-text('1. Rings, stacks and moving')")
    page.goto("/learn")
    page.wait_for_selector("h2:has-text('2. Height and cap')")


def test_puzzles_are_solved_in_a_browser(desk, trainer, tmp_path):
    with browser_page(desk, trainer) as page:
        page.goto("/puzzles")
        page.wait_for_selector("#puzzle-task:has-text('blue is to move, and wins in this turn.')")
        assert "45 of 183 first decisions can win" in page.inner_text("#puzzle-facts")
        page.click("[data-cell='0']")
        page.click("[data-move='P 0,0 1']")
        page.wait_for_selector("#verdict.wrong:has-text('After this the turn cannot be won any more.')")
        shot(page, "puzzle-wrong", tmp_path)
        page.click("#again")
        page.click("[data-cell='6']")
        page.click("[data-move='P 0,6 1']")
        for cell in ("0", "0", "7"):
            page.wait_for_selector(f".option[data-cell='{cell}']")
            page.click(f"[data-cell='{cell}']")
        page.wait_for_selector("#verdict.solved:has-text('Seat 1 has won')")
        assert page.inner_text("#progress") == "1 of 2 solved" and page.inner_text("#streak") == "1 in a row, 1 at best"
        page.reload()
        page.wait_for_selector("#streak:has-text('1 in a row, 1 at best')")
        page.click("#next")
        page.wait_for_selector("h2:has-text('Puzzle 2 of 2')")
        page.click("#solution")
        page.wait_for_selector("#streak:has-text('0 in a row, 1 at best')")
        page.wait_for_selector("#verdict.solved", timeout=30_000)
        assert page.inner_text("#progress") == "1 of 2 solved"
        page.select_option("#level", "easy")
        page.wait_for_selector("h2:has-text('Puzzle 1 of 1')")


def test_a_defence_is_found_in_a_browser(desk, tmp_path):
    corner = {"board": "square8", "players": 2, "state": "2|place|17,18|0,0|0,0|0,7:1|1,7:1||lps=2/-1/0/0", "win": None}
    corner |= {"defence": ["P 0,7 1", "M 0,7>0,0"], "keep": 4, "of": 32}
    file = tmp_path / "mine-defence.jsonl"
    file.write_text(json.dumps(corner))
    with browser_page(desk, Trainer([file])) as page:
        page.goto("/puzzles")
        page.wait_for_selector("#puzzle-task:has-text('orange is to move, cannot win in this turn, and must leave')")
        assert "Medium: of 32 turns played at random 4 leave no win." in page.inner_text("#puzzle-facts")
        page.click("[data-cell='36']")
        page.click("[data-move='P 4,4 1']")
        page.click(".option[data-cell='32']")
        page.wait_for_selector("#verdict.wrong:has-text('Seat 1 can win now: ')")
        assert not page.locator(".option").count(), "the answer is not for the reader to make"
        shot(page, "defence-wrong", tmp_path)
        page.click("#solution")
        page.wait_for_selector("#verdict.solved:has-text('So it is done. No answer of seat 1 wins')", timeout=30_000)
        page.click("#restart")
        for choice in (".option[data-cell='7']", ".option[data-cell='0']"):
            page.click(choice)
        page.wait_for_selector("#verdict.solved:has-text('Right. No answer of seat 1 wins')")
        assert page.inner_text("#progress") == "1 of 1 solved"


@pytest.mark.parametrize("path", ["/learn", "/puzzles"])
def test_both_pages_on_a_phone_and_in_the_dark(page, path, tmp_path):
    page.goto(path)
    page.wait_for_selector(".cell.option")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is wider than the screen"
    top = {name: page.locator(name).bounding_box()["y"] for name in ("#text", "#board", "#task")}
    assert top["#text"] < top["#board"] < top["#task"]
    shot(page, f"{path[1:]}-dark-phone", tmp_path)
