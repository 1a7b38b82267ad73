"""The board to study on: its tree, its files, its programs and its sentences. test_board_page.py is about the page."""

import random
import time
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from instant_programs import LINE, Slow, desk_of, game, played, until

import ringrift_jax as rr
from experiments.play import __main__ as command
from experiments.play.web import words
from experiments.play.web.messages import (
    HUMAN,
    Analyse,
    Analysis,
    Answer,
    Ask,
    Judge,
    Judged,
    Player,
    Problem,
    Program,
    Rules,
    Settings,
    Stage,
)
from experiments.play.web.programs import Programs, Running, in_the_box
from experiments.play.web.review import SIMULATIONS
from experiments.play.web.shelf import Shelf
from experiments.play.web.study import Branch, Study, begin
from experiments.play.web.view import view
from ringrift_jax import boards, reference
from ringrift_jax.interactive import effects
from ringrift_jax.reference.moves import parse_move
from ringrift_jax.reference.turn import apply, legal_moves
from ringrift_jax.runs import box

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
    running = cast(Any, desk.programs.get(Program(Player("random"), Rules("square8"))))
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


def test_the_command_line_finds_the_game_before_jax_does(tmp_path, monkeypatch):
    boxed = in_the_box()
    assert sorted(box.boxed()) == [program.player.name for program in boxed] and boxed
    for program in boxed:
        assert program.rules.board == rr.champion(program.rules.board, program.rules.players).config.board
    monkeypatch.setattr(command, "_find_player", lambda _: pytest.fail("it should be known already"))
    square8 = Rules("square8", 2)

    def found(opponent: str, **more: Any) -> Any:
        return command._name_and_rules(command.Args(opponent, web=True, **more))

    assert found("square8") == found("square8-2p") == found("square8", players=2) == ("square8-2p", square8)
    assert found("heuristic", board="hex8", players=3) == ("heuristic", Rules("hex8", 3))
    run = tmp_path / "run"
    (run / "champions" / "1").mkdir(parents=True)
    (run / "config.json").write_text('{"board": "hexagonal", "num_players": 2, "swap_rule": true}')
    monkeypatch.chdir(tmp_path)
    assert found("run") == (str(run), Rules("hexagonal", 2, True))


def test_a_line_is_played_whole_or_not_at_all(desk):
    id = desk.begin(game(HUMAN, HUMAN))
    with pytest.raises(ValueError, match="smaller than the stack's height 2"):
        desk.play_line(id, 0, ["P 3,3 2", "M 3,3>3,4"])
    assert len(desk.shelf.find(id)) == 1
    desk.play_line(id, 0, LINE)
    assert desk.shelf.find(id).moves(desk.shelf.find(id).at) == LINE


@pytest.mark.ci
def test_a_process_answers_and_analyses():
    heard: list[Any] = []
    programs = Programs(lambda _, told: heard.append(told))
    running = programs.get(Program(Player("random"), Rules("square8")))
    study = played(LINE[:3])
    running.ask(Ask("one", reference.state_string(study.position(3)), 7))
    running.ask(Judge("three", reference.state_string(study.position(3)), SIMULATIONS))
    running.ask(Analyse("two", reference.state_string(study.position(3))))
    until(lambda: any(isinstance(told, Analysis) and not told.more for told in heard) or running.problem, 600)
    stages = [told.text for told in heard if isinstance(told, Stage)]
    assert stages[0] == "starting JAX" and "" in stages and any("step 3 of 3" in text for text in stages)
    (answer,) = [told for told in heard if isinstance(told, Answer)]
    assert answer.id == "one" and answer.move in legal_moves(study.position(3))
    (judged,) = [told for told in heard if isinstance(told, Judged)]
    assert judged == Judged("three", None, [])
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
