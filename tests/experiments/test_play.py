"""Playing: the session, the terminal, the page through Flask's client, and through a browser where there is one."""

import gzip
import json
import os
import re
import shutil
import socket
import threading
from pathlib import Path

import pytest
from rich.console import Console
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from experiments.play import __main__ as command
from experiments.play import terminal, web
from experiments.play.session import Opponent, Session, new_session
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.runs import record_files, records
from ringrift_jax.runs.matches import named

CONFIG = RunConfig("square8", 2, swap_rule=True)
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def env():
    return CONFIG.make_env()


@pytest.fixture(scope="module")
def opponent(env):
    """One for all tests, because it compiles when it first decides."""
    return Opponent(env, CONFIG, named("random"), None)


@pytest.fixture
def session(env, opponent) -> Session:
    return new_session(env, opponent, [1], seed=3)


@pytest.fixture
def table(monkeypatch, opponent):
    monkeypatch.setattr(web, "Opponent", lambda *_: opponent)
    return web.Choice(CONFIG, named("random"), None, (1,), seed=3)


def told_by(answer: TestResponse) -> dict:
    """The object that the page gets."""
    told = answer.get_json()
    assert isinstance(told, dict)
    return told


def until_mine(session: Session) -> None:
    while not session.humans_turn and not session.over:
        session.reply()


@pytest.mark.ci
def test_a_game_to_its_end_is_a_record_that_the_reference_accepts(session):
    for ply in range(400):
        if session.over:
            break
        if session.humans_turn:
            session.play(session.legal()[ply % len(session.legal())])
        else:
            session.reply()
    assert session.over and session.legal() == [] and session.opponent is None
    assert re.fullmatch(r"seat [12] \((human|random)\) wins: [a-z, ]+", session.result())
    record = session.record("game")
    records.verify(record)
    assert record["models"] == ["human", "random"] and not record["result"].get("truncated")
    with pytest.raises(ValueError, match="the game is over"):
        session.play("P 0,0 1")


def test_undo_takes_back_the_answers_too(session):
    first = session.legal()
    assert session.undo() == 0
    session.play("P 3,3 2")
    session.play(session.legal()[0])
    until_mine(session)
    made = len(session.history)
    assert made >= 3 and session.names() == ["human", "random"]
    assert session.undo() == made - 1 and [played.move for played in session.history] == ["P 3,3 2"]
    assert session.undo() == 1 and session.legal() == first
    with pytest.raises(ValueError, match="not legal|no cell|not a cell|9,9"):
        session.play("P 9,9 1")


def test_an_unfinished_game_is_recorded_as_truncated(session, tmp_path):
    session.play("P 3,3 2")
    record = session.record("half")
    record_files.append(tmp_path / "half.jsonl.gz", [record])
    (read,) = record_files.read(tmp_path / "half.jsonl.gz")
    records.verify(read)
    assert read["result"]["truncated"] and [step["m"] for step in read["steps"]] == ["P 3,3 2"]


def test_the_terminal(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = iter(
        ["help", "? 3,3", "p 3", "P 9,9 1", "P 3,3 2", "board", "undo", "1", "1000", "save", "save game.txt", "quit"]
    )
    console = Console(record=True, width=200, force_terminal=False)
    terminal.play(session, console, lambda _: next(lines))
    said = console.export_text()
    for expected in (
        "take back your last move",
        "P 3,3 2\n",
        "p 3 could be P 3,0 1",
        "? lists the legal moves",
        "took back 1 moves",
        "seat 1: 17 in hand",
        "there are",
        "saved square8-2p-",
        "not saved: ",
    ):
        assert expected in said, expected
    (saved,) = tmp_path.glob("*.jsonl.gz")
    records.verify(next(iter(record_files.read(saved))))


def test_the_terminal_ends_with_its_input(session):
    def ask(_: str) -> str:
        raise EOFError

    console = Console(record=True, force_terminal=False)
    terminal.play(session, console, ask)
    assert "end of input" in console.export_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["random"], "random needs --board"),
        (["nobody"], "nobody is neither a run with champions"),
        (["random", "--board", "square8", "--seat", "3"], "--seat is 3; seats are 1 to 2"),
        (["random", "--board", "square8", "--simulations", "4"], "--simulations needs a run"),
        (["random", "--board", "square8", "--players", "3", "--swap-rule"], "swap_rule needs 2 players"),
        (["heuristic:none", "--board", "square8"], "unknown player 'heuristic:none'"),
    ],
)
def test_bad_command_lines_are_one_line(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(argv)
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and message in line


def test_the_page_plays_by_the_rules_only(table):
    client = web.make_app(table).test_client()
    state = told_by(client.get("/state"))
    assert state["yours"] and state["ply"] == 0 and "<svg" in state["picture"] and len(state["points"]) == 64
    told = client.post("/move", json={"move": "P 3,3 9", "ply": 0})
    assert told.status_code == 400 and told_by(told)["ply"] == 0 and "problem" in told_by(told)
    told = told_by(client.post("/move", json={"move": "P 3,3 2", "ply": 0}))
    assert told["ply"] == 1 and {"move": "M 3,3>3,5", "steps": [[27], [29]]} in told["moves"]
    assert "gone on" in told_by(client.post("/move", json={"move": "M 3,3>3,5", "ply": 0}))["problem"]
    told = told_by(client.post("/move", json={"move": "M 3,3>3,5", "ply": 1}))
    assert not told["yours"] and told["seat"] == 2 and told["moves"] == []
    assert "not your turn" in told_by(client.post("/move", json={"move": "P 0,0 1"}))["problem"]
    while not told["yours"]:
        told = told_by(client.post("/reply", json={}))
    assert "not the program's turn" in told_by(client.post("/reply", json={}))["problem"]
    assert told_by(client.post("/undo", json={}))["ply"] == 1


def test_the_page_answers_to_itself_only(table):
    client = web.make_app(table).test_client()
    assert client.get("/state", headers={"Host": "evil.example"}).status_code == 403
    assert client.post("/undo", data="{}", content_type="text/plain").status_code == 415
    assert client.post("/undo", json=[1]).status_code == 400
    for wanted in ({}, {"seats": ["1"]}, {"opponent": "random", "board": "none", "players": 2, "seats": [1]}):
        told = client.post("/new", json=wanted)
        assert told.status_code == 400 and told_by(told)["problem"]
    told = client.post("/new", json={"opponent": "random", "board": "hex8", "players": 3, "seats": [5]})
    assert "seats are 1 to 3" in told_by(told)["problem"]


def test_games_can_be_downloaded(table):
    client = web.make_app(table).test_client()
    client.post("/move", json={"move": "P 3,3 2", "ply": 0})
    (line,) = gzip.decompress(client.get("/game.jsonl.gz").data).splitlines()
    records.verify(json.loads(line))
    assert b"const data = " in client.get("/game.html").data


def test_clicks_lead_to_each_kind_of_move():
    from ringrift_jax import boards, reference
    from ringrift_jax.reference.moves import parse_move

    board = boards.standard("square8", 2)
    text = "1|line|15,15|0,0|0,0|2,2:11 4,4:12 7,0:2|0,6:1 1,6:1 2,6:1 3,6:1 4,6:1||act lps=0/--/0/0"
    pos = reference.from_state_string(board, text)
    run = [board.cell_index(x, 6) for x in range(5)]
    assert web.clicks(pos, parse_move(board, "L 0,6~4,6")) == [run]
    assert web.clicks(pos, parse_move(board, "L 0,6~4,6/1,6~4,6")) == [run[1:]]
    text = "1|terr|13,14|0,0|0,0|0,0:2 4,4:11 7,7:22|0,2:1 1,2:1 2,0:1 2,1:1 2,2:1||act lps=0/--/0/0"
    region = [board.cell_index(x, y) for x in (0, 1) for y in (0, 1)]
    pos = reference.from_state_string(board, text)
    assert web.clicks(pos, parse_move(board, "T 0,0 4 b1")) == [region]
    for move, cells in (
        ("C 2,2*4,4>6,6", [[(2, 2)], [(6, 6)]]),
        ("R 4,2>4,1 1 @4,4", [[(4, 2)], [(4, 1)], [(4, 4)]]),
        ("P 3,4 2", [[(3, 4)]]),
        ("SKIP_TERR", []),
    ):
        expected = [[board.cell_index(x, y) for x, y in step] for step in cells]
        assert web.clicks(pos, parse_move(board, move)) == expected


def test_a_port_that_is_taken_is_refused(table, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], 70_000):
            with pytest.raises(SystemExit) as stop:
                web.serve(table, port)
            (line,) = capsys.readouterr().err.splitlines()
            assert stop.value.code == 2 and f"--port {port} cannot be used" in line


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_a_person_plays_in_a_browser(table, tmp_path):
    from playwright.sync_api import sync_playwright

    server = make_server("127.0.0.1", 0, web.make_app(table), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shots = Path(os.environ.get("RINGRIFT_SCREENSHOTS") or tmp_path)
    try:
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1150, "height": 760})
            problems: list[str] = []
            page.on("pageerror", lambda problem: problems.append(str(problem)))
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.wait_for_selector("text=your turn, seat 1")
            page.screenshot(path=shots / "play-start.png")
            page.click("[data-cell='27']")
            page.click("button:has-text('P 3,3 2')")
            page.wait_for_selector("li:has-text('P 3,3 2')")
            page.click("[data-cell='27']")
            page.screenshot(path=shots / "play-choice.png")
            page.click("[data-cell='29']")
            page.wait_for_function("document.querySelectorAll('#history li').length > 2")
            page.wait_for_selector("text=your turn, seat 1")
            moves = page.locator("#history li").all_inner_texts()
            assert moves[:2] == ["P 3,3 2", "M 3,3>3,5"] and len(moves) > 2
            page.click("#theme")
            page.wait_for_selector("body.dark")
            page.screenshot(path=shots / "play-answered.png")
            page.click("#undo")
            page.wait_for_function("document.querySelectorAll('#history li').length === 1")
            with page.expect_download() as download:
                page.click("#record")
            records.verify(json.loads(gzip.decompress(Path(download.value.path()).read_bytes())))
            page.select_option("#boards", "hex8")
            page.select_option("#players", "3")
            page.click("#begin")
            page.wait_for_function("document.querySelectorAll('[data-cell]').length === 61")
            page.screenshot(path=shots / "play-hex8.png")
            assert not problems
            browser.close()
    finally:
        server.shutdown()
