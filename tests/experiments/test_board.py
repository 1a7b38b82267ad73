"""The board to study on: its tree, files, sentences and requests, its programs, and the page in a browser."""

import gzip
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from werkzeug.serving import make_server

from experiments.play.web import effects, recorded, server, words
from experiments.play.web.desk import Desk
from experiments.play.web.messages import (
    HUMAN,
    Analyse,
    Analysis,
    Answer,
    Ask,
    Candidate,
    NewGame,
    Player,
    Problem,
    Program,
    Rules,
    Settings,
    Stage,
)
from experiments.play.web.programs import Programs, Running
from experiments.play.web.shelf import Shelf
from experiments.play.web.study import Branch, Study, begin
from experiments.play.web.view import view
from ringrift_jax import boards, reference
from ringrift_jax.reference.turn import apply, legal_moves
from ringrift_jax.runs import records

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
PORT = 8000
HOST = f"127.0.0.1:{PORT}"
LINE = ["P 3,3 2", "M 3,3>3,5", "P 0,0 1", "M 0,0>0,1"]
"""The first turns of a game on square8."""


class Instant:
    """A program that answers at once with the first legal move, without a process."""

    def __init__(self, program: Program, heard: Any, delay: bool = False):
        self.program, self.name, self.problem, self.stage = program, program.player.name, "", ""
        self.since, self.heard, self.asked = time.monotonic(), heard, []
        self.delay = delay

    def ask(self, question: Any) -> None:
        self.asked.append(question)
        if self.delay:
            return
        # As a process does, it answers from another thread.
        threading.Thread(target=self.answer, args=[question], daemon=True).start()

    def answer(self, question: Any) -> None:
        rules = self.program.rules
        if not isinstance(question, Ask | Analyse):
            return
        board = boards.standard(rules.board, rules.players)
        legal = legal_moves(reference.from_state_string(board, question.state, rules.swap_rule))
        if isinstance(question, Ask):
            self.heard(self, Answer(question.id, legal[0]))
        else:
            shares = 8, 4, 2
            likely = [
                Candidate(m, [m, "then"], n, 0.25, n / 14)
                for m, n in zip(legal[:: len(legal) // 3 + 1], shares, strict=False)
            ]
            chances = [0.7, *[0.3 / (rules.players - 1)] * (rules.players - 1)]
            self.heard(self, Analysis(question.id, 14, chances, likely, [legal[0]], more=False))


class InstantPrograms:
    """Stands for :class:`Programs`."""

    delay = False

    def __init__(self, heard: Any):
        self.heard, self.made = heard, {}

    def get(self, program: Program) -> Instant:
        return self.made.setdefault(program, Instant(program, self.heard, self.delay))

    def find(self, program: Program) -> Instant | None:
        return self.made.get(program)

    def close(self) -> None:
        pass


class Slow(InstantPrograms):
    delay = True


def desk_of(path: Path, programs: Any = InstantPrograms, offered: list[Program] | None = None) -> Desk:
    return Desk(Shelf(path), offered or [], cast(Any, programs))


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    made = desk_of(tmp_path / "games")
    yield made
    made.close()


def game(*names: str, board: Any = "square8", **rules: Any) -> NewGame:
    return NewGame(Rules(board, len(names), **rules), [Player(name) for name in names])


def until(condition: Any, seconds: float = 20) -> None:
    """Waits for another thread."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def played(moves: list[str], *names: str) -> Study:
    study = begin(Rules("square8"), [Player(name) for name in names or (HUMAN, HUMAN)])
    for move in moves:
        study.play(study.at, move)
    return study


# The tree.


def test_a_study_has_variations():
    study = played(LINE)
    assert (study.moves(study.at), len(study), study.at) == (LINE, 5, 4)
    assert study.play(1, "M 3,3>3,5") == 2, "a move that is known is not made again"
    assert study.play(1, "M 3,3>5,5") == 5 and study.children(1) == [2, 5]
    assert list(study.main_line()) == [0, 1, 2, 3, 4] and study.path(5) == [0, 1, 5]
    with pytest.raises(ValueError, match="smaller than the stack's height 2"):
        study.play(1, "M 3,3>3,4")
    with pytest.raises(ValueError, match="nodes are 0 to 5"):
        study.go(6)
    study.go(4)
    study.remove(2)
    assert (study.at, len(study), study.moves(2), list(study.main_line())) == (
        1,
        3,
        ["P 3,3 2", "M 3,3>5,5"],
        [0, 1, 2],
    )
    assert reference.state_string(study.position(2)).split("|")[5] == "5,5:11"
    with pytest.raises(ValueError, match="the start cannot be removed"):
        study.remove(0)


def test_the_swap_changes_who_sits_where():
    study = begin(Rules("square8", 2, True), [Player(), Player("random")])
    for move in ("P 3,3 2", "M 3,3>3,5"):
        study.play(study.at, move)
    assert study.program_to_move() == Player("random")
    study.play(study.at, "SWAP")
    assert study.position(study.at).seat == 2 and study.program_to_move() is None, "seat 2 is the person's now"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tree": [Branch(-1, ""), Branch(0, "M 3,3>3,5")]}, "belongs to phase move"),
        ({"tree": [Branch(-1, ""), Branch(5, "P 3,3 2")]}, "follows node 5"),
        ({"tree": [Branch(-1, ""), Branch(0, "NO_PLACE")]}, "forced"),
        ({"tree": []}, "begin with its root"),
        ({"at": 3}, "nodes are 0 to 0"),
        ({"seats": [Player()]}, "1 players for 2 seats"),
        ({"rules": Rules("square8", 2, False, "1|place|nonsense")}, "9 fields"),
        ({"rules": Rules("square8", 3, True), "seats": [Player()] * 3}, "the pie rule is for 2 players"),
    ],
)
def test_a_document_that_is_no_game_is_refused(change, message):
    document = msgspec.structs.replace(begin(Rules("square8"), [Player()] * 2).document, **change)
    with pytest.raises(ValueError, match=message):
        Study(document)


# Files.


def test_studies_survive_a_restart(tmp_path):
    first = desk_of(tmp_path)
    id = first.begin(game(HUMAN, HUMAN))
    for node, move in enumerate(LINE):
        first.play(id, node, move)
    first.go(id, 2)
    with pytest.raises(BlockingIOError, match="open in another program"):
        Shelf(tmp_path)
    (tmp_path / "0123abcd.json").write_text('{"rules": 3}')
    first.close()
    again = desk_of(tmp_path)
    study = again.shelf.find(id)
    assert (study.at, study.moves(4)) == (2, LINE)
    damaged = [kept for kept in again.shelf.all() if kept.problem]
    assert [kept.id for kept in damaged] == ["0123abcd"] and "is damaged: Expected `object`" in damaged[0].problem
    with pytest.raises(LookupError, match="is damaged"):
        again.shelf.find("0123abcd")
    again.delete(id)
    assert {path.name for path in tmp_path.iterdir()} == {"0123abcd.json", "lock"}
    again.close()


def test_a_game_that_cannot_be_written_is_told(desk, monkeypatch):
    id = desk.begin(game(HUMAN, HUMAN))
    before = (desk.shelf.directory / f"{id}.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    client = server.make_app(desk, PORT, id).test_client()
    told = ask(client, f"games/{id}/play", {"node": 0, "move": "P 3,3 2"})
    assert told.status_code == 507 and "No space left" in told.get_json()["problem"]
    assert (desk.shelf.directory / f"{id}.json").read_bytes() == before


# Programs.


def test_programs_answer_what_is_played_and_nothing_else(desk):
    id = desk.begin(game(HUMAN, "random"))
    desk.set(id, Settings(pace=0.0))
    desk.play(id, 0, "P 3,3 2")
    desk.play(id, 1, "M 3,3>3,5")
    study = desk.shelf.find(id)
    until(lambda: study.position(study.at).seat == 1)
    answered = len(study)
    assert answered > 3 and study.position(study.at).turn == 3
    desk.go(id, 2)
    desk.look(id)
    time.sleep(0.1)
    assert (study.at, len(study)) == (2, answered), "looking back moves nobody"
    desk.reply(id, 2)
    time.sleep(0.1)
    assert len(study) == answered, "the same move is no variation"
    desk.play(id, 1, "M 3,3>5,5")
    until(lambda: study.position(study.at).turn == 3)
    assert study.children(1) == [2, answered]


def test_a_paused_program_waits_and_others_may_move_for_it(tmp_path):
    desk = desk_of(tmp_path, Slow)
    id = desk.begin(game(HUMAN, "random"))
    desk.play(id, 0, "P 3,3 2")
    desk.play(id, 1, "M 3,3>3,5")
    with pytest.raises(ValueError, match="the program is to move; pause it"):
        desk.play(id, 2, "P 0,0 1")
    running = desk.programs.get(Program(Player("random"), Rules("square8")))
    (question,) = running.asked
    desk.set(id, Settings(paused=True))
    running.answer(question)
    assert len(desk.shelf.find(id)) == 3, "an answer that nobody waits for is not played"
    desk.play(id, 2, "P 0,0 1")
    assert desk.shelf.find(id).moves(3)[-1] == "P 0,0 1"
    desk.close()


def test_a_program_takes_its_time(desk):
    id = desk.begin(game("random", "random"))
    desk.set(id, Settings(pace=0.3))
    start = time.monotonic()
    desk.look(id)
    until(lambda: len(desk.shelf.find(id)) > 3)
    assert time.monotonic() - start >= 0.85
    desk.set(id, Settings(paused=True))


def test_a_program_that_fails_is_told(desk, capsys):
    id = desk.begin(game(HUMAN, "random"))
    desk.look(id)
    running = desk.programs.get(Program(Player("random"), Rules("square8")))
    running.problem = "it is broken"
    running.heard(running, Problem("it is broken"))
    assert view(desk, id)["program"]["problem"] == "it is broken"
    assert "random cannot play: it is broken" in capsys.readouterr().out


def test_analysis_follows_the_position(desk):
    id = desk.begin(game(HUMAN, HUMAN))
    assert view(desk, id)["analysis"] is None
    desk.set(id, Settings(analysing=True))
    until(lambda: view(desk, id)["analysis"])
    desk.play(id, 0, "P 3,3 2")
    until(lambda: view(desk, id)["analysis"])
    shown = view(desk, id)
    assert shown["analysis"].candidates[0].move.startswith("M 3,3>") and list(shown["chances"]) == [0, 1]
    assert shown["analyst"] == "heuristic"


def test_a_network_analyses_where_there_is_one(tmp_path):
    champion = Program(Player("/runs/mine"), Rules("square8"))
    desk = desk_of(tmp_path, offered=[champion])
    ids = [desk.begin(game("heuristic", HUMAN)), desk.begin(game("random", HUMAN, board="hex8"))]
    analysts = [desk.analyst(desk.shelf.find(id)) for id in ids]
    assert analysts == [champion, Program(Player("heuristic"), Rules("hex8"))]
    with pytest.raises(ValueError, match="/runs/mine does not play this game; players are human, heuristic"):
        desk.begin(game("/runs/mine", HUMAN, board="hex8"))
    desk.close()


@pytest.mark.ci
def test_a_process_answers_and_analyses():
    heard: list[Any] = []
    programs = Programs(lambda _, told: heard.append(told))
    running = programs.get(Program(Player("random"), Rules("square8")))
    study = played(LINE[:3])
    running.ask(Ask("one", reference.state_string(study.position(3)), 7))
    running.ask(Analyse("two", reference.state_string(study.position(3))))
    until(lambda: any(isinstance(told, Analysis) and not told.more for told in heard) or running.problem, 600)
    stages = [told.text for told in heard if isinstance(told, Stage)]
    assert stages[0] == "starting JAX" and "" in stages and any("step 3 of 3" in text for text in stages)
    (answer,) = [told for told in heard if isinstance(told, Answer)]
    assert answer.id == "one" and answer.move in legal_moves(study.position(3))
    seen = [told for told in heard if isinstance(told, Analysis)]
    assert {one.move for one in seen[-1].candidates} <= {*legal_moves(study.position(3))}
    assert seen[-1].candidates[0].score is not None
    programs.close()
    assert running._process.poll() is not None


@pytest.mark.ci
def test_a_process_without_a_player_says_why():
    heard: list[Any] = []
    running = Running(Program(Player("runs/none"), Rules("square8")), lambda _, told: heard.append(told))
    until(lambda: running.problem, 120)
    assert "runs/none is neither a run with champions" in running.problem
    running.close()


# Sentences.


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
        do, why = words.task(pos)
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
                assert words.why_not(pos, cell) == "The game is over."
            elif cell not in first and pos.focus is None:
                assert words.why_not(pos, cell).endswith(")."), (reference.state_string(pos), cell)
        begun = [choice["steps"] for choice in choices if len(choice["steps"]) > 1]
        if begun:
            (origin,) = chance.choice(begun)[0]
            second = {cell for steps in begun if steps[0] == [origin] for cell in steps[1]}
            for cell in chance.sample(pos.geometry.cells, 4):
                if cell not in second and cell not in first:
                    assert words.why_not(pos, cell, origin).endswith(")."), (reference.state_string(pos), cell, origin)


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
    assert why in words.why_not(pos, index[cell], origin and index[origin])


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
        return effects.clicks(pos, reference.moves.parse_move(board, move))

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


# Requests.


def ask(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    """What the page would get."""
    sent = {"Host": HOST, "Origin": f"http://{HOST}"} | headers
    if body is None:
        return client.get(f"/api/{path}", headers=sent)
    return client.post(f"/api/{path}", json=body, headers=sent)


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
    assert ask(client, "games", Host="evil.example").status_code == 403
    assert ask(client, "games", Host="127.0.0.1:9999").status_code == 403
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
    text = page.get_data(as_text=True)
    assert "attachment" in page.headers["Content-Disposition"] and "P 3,3 2" in text and "chance of winning" not in text
    study = desk.shelf.find(id)
    text = recorded.to_page(study, id, {0: [0.5, 0.5], 4: [0.7, 0.3]})
    assert "chance of winning, as the program sees it" in text


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


@pytest.fixture
def page(desk) -> Iterator[Any]:
    """A page of Chromium, and where the server is."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = server.make_app(desk, port, desk.begin(game(HUMAN, HUMAN)))
        serving = make_server("127.0.0.1", port, app, threaded=True, fd=listening.fileno())
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            shown = browser.new_page(viewport={"width": 1250, "height": 860}, base_url=f"http://127.0.0.1:{port}")
            problems: list[str] = []
            shown.on("pageerror", lambda problem: problems.append(str(problem)))
            # A refusal is no fault; Chromium notes each that it gets.
            expected = "Failed to load resource"
            shown.on(
                "console",
                lambda line: problems.append(line.text) if line.type == "error" and expected not in line.text else None,
            )
            yield shown
            browser.close()
        serving.shutdown()
    assert not problems


def shot(page: Any, name: str, tmp_path: Path) -> None:
    page.screenshot(path=Path(os.environ.get("RINGRIFT_SCREENSHOTS") or tmp_path) / f"board-{name}.png")


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
    page.wait_for_selector("#ghosts .mark-landing")
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
    assert page.locator("#overlay .share").count() == 3 and page.locator(".heat").count() == 3
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


def test_a_win_that_was_overlooked_is_marked(page):
    """Seat 1 could win at the start, its first move keeps the win, its second does not, and its turn ends."""
    page.goto("/")
    missed = page.evaluate(
        """async () => {
          const { overlooked } = await import("/static/analysis.js"), { followers } = await import("/static/moves.js");
          const tree = [[-1, "", 0, 0], [0, "A", 1, 1], [1, "B", 1, 1], [2, "C", 2, 2]]
            .map(([parent, move, seat, turn]) => ({ parent, move, seat, turn }));
          const game = { tree, wins: { 0: ["X", "Y"], 1: ["Y"] } };
          return tree.map((_, node) => overlooked(game, node, followers(tree)));
        }"""
    )
    assert missed == ["", "", "could win: Y", ""]


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
