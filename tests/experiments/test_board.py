"""The board to study on: its tree, its files, its programs and its sentences. test_board_page.py is about the page."""

import time
from typing import Any, cast

import msgspec
import pytest
from instant_programs import LINE, Slow, desk_of, game, played, until

import ringrift_jax as rr
from experiments.play import __main__ as command
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
from ringrift_jax import reference
from ringrift_jax.reference.turn import legal_moves
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
def test_a_network_says_what_it_expects():
    heard: list[Any] = []
    programs = Programs(lambda _, told: heard.append(told))
    running = programs.get(Program(Player("square8", simulations=0), Rules("square8")))
    position = played(LINE[:3]).position(3)
    running.ask(Judge("one", reference.state_string(position), SIMULATIONS))
    until(lambda: any(isinstance(told, Judged) for told in heard) or running.problem, 600)
    (judged,) = [told for told in heard if isinstance(told, Judged)]
    assert judged.chances and sum(judged.chances) == pytest.approx(1)
    priors = [choice.prior for choice in judged.choices]
    assert len(priors) > 1 and priors == sorted(priors, reverse=True) and sum(priors) <= 1.001
    assert {judged.line[0], *(choice.move for choice in judged.choices)} <= {*legal_moves(position)}
    programs.close()


@pytest.mark.ci
def test_a_process_without_a_player_says_why():
    heard: list[Any] = []
    running = Running(Program(Player("runs/none"), Rules("square8")), lambda _, told: heard.append(told))
    until(lambda: running.problem, 120)
    assert "runs/none is neither a run with champions" in running.problem
    running.close()
