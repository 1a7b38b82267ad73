"""Reviews of whole games, and what they say."""

import random
from pathlib import Path
from typing import Any, cast

import pytest
from instant_programs import LINE, Slow, desk_of, game, played, until
from played import held

from experiments.play.web import recorded, review
from experiments.play.web.messages import (
    HUMAN,
    Analysis,
    Choice,
    Judge,
    Player,
    Program,
    Rules,
    Settings,
)
from experiments.play.web.review import Review
from experiments.play.web.study import Found, Study, begin
from experiments.play.web.view import view
from ringrift_jax.reference.turn import legal_moves


def reviewed(*found: Any, moves: list[str] = LINE) -> Study:
    """A game whose positions were judged: chances of seat 1, or a win, or nothing, of each."""
    study = played(moves)
    for node, one in enumerate(found):
        if one is not None:
            chances, win = ([0.5, 0.5], one) if isinstance(one, list) else ([one, round(1 - one, 3)], [])
            study.document.tree[node].found = Found("net", review.SIMULATIONS, chances, win)
    return study


def test_a_review_judges_the_main_line_and_survives_a_restart(tmp_path):
    desk = desk_of(tmp_path, Slow, [Program(Player("/runs/net"), Rules("square8"))])
    id = desk.begin(game(HUMAN, HUMAN))
    for node, move in enumerate(LINE):
        desk.play(id, node, move)
    desk.play(id, 1, "M 3,3>5,5")
    desk.go(id, 3)
    desk.set(id, Settings(reviewing=True))
    running = cast(Any, desk.programs.get(desk.analyst(desk.shelf.find(id))))
    running.answer(running.asked[-1])
    assert view(desk, id)["review"]["done"] == 1 and len(running.asked) == 2
    desk.set(id, Settings(reviewing=False))
    running.answer(running.asked[-1])
    assert len(running.asked) == 2 and view(desk, id)["review"]["done"] == 2, "it stops; what was asked is kept"
    desk.close()
    desk = desk_of(tmp_path, offered=[Program(Player("/runs/net"), Rules("square8"))])
    assert view(desk, id)["review"]["done"] == 2 and not view(desk, id)["reviewing"]
    desk.set(id, Settings(reviewing=True))
    until(lambda: not view(desk, id)["reviewing"])
    shown = view(desk, id)
    asked = cast(Any, desk.programs.get(desk.analyst(desk.shelf.find(id)))).asked
    assert len([one for one in asked if isinstance(one, Judge)]) == 3, "what is known is not asked again"
    assert shown["review"]["done"] == shown["review"]["positions"] == 5 and shown["at"] == 3
    assert sorted(shown["chances"]) == [0, 1, 2, 3, 4], "variations are not of the main line"
    desk.remove(id, 5)
    assert view(desk, id)["review"]["done"] == 5
    desk.remove(id, 4)
    assert view(desk, id)["review"]["done"] == 4, "what was found goes with its node"
    desk.close()


def test_a_removed_node_gets_no_answer_of_another(tmp_path):
    desk = desk_of(tmp_path, Slow)
    id = desk.begin(game(HUMAN, HUMAN))
    for node, move in enumerate(LINE):
        desk.play(id, node, move)
    desk.set(id, Settings(reviewing=True))
    running = cast(Any, desk.programs.get(desk.analyst(desk.shelf.find(id))))
    first = running.asked[-1]
    desk.remove(id, 4)
    again = running.asked[-1]
    assert again.id != first.id
    running.answer(first)
    assert view(desk, id)["review"] is None
    running.answer(again)
    assert view(desk, id)["review"]["done"] == 1
    desk.close()


def test_a_review_that_cannot_be_kept_ends(desk, monkeypatch, capsys):
    id = desk.begin(game(HUMAN, HUMAN))

    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.shelf, "save", full)
    with pytest.raises(OSError, match="No space left"):
        desk.set(id, Settings(reviewing=True))
    desk.look(id)
    until(lambda: not desk.state(id).reviewing)
    assert "the review has ended, since it cannot be kept" in capsys.readouterr().out


def test_marks_of_a_review():
    study = reviewed(0.5, 0.45, 0.34, 0.44, 0.65)
    signs = {node: mark["sign"] for node, mark in Review(study, {}).marks.items()}
    assert signs == {2: "?!", 4: "??"}, "10 points by seat 1, 20 by seat 2"
    assert Review(study, {}).marks[4]["why"] == "the own chance falls from 56% to 35%"
    told = Review(study, {}).summary("net")
    assert told and [player["decisions"] for player in told["players"]] == [2, 2]
    assert [player["loss"] for player in told["players"]] == pytest.approx([0.08, 0.155])
    assert [player["signs"] for player in told["players"]] == [{"?": 0, "??": 0, "?!": 1}, {"?": 0, "??": 1, "?!": 0}]
    assert told["turning"] == {"node": 4, "before": 0.56, "after": 0.35}
    flat = Review(reviewed(0.5, 0.45, 0.46), {}).summary("net")
    assert flat and flat["turning"] is None and flat["done"] == 3 and flat["positions"] == 5
    assert Review(played(LINE), {}).summary("net") is None


def test_a_win_that_was_overlooked_is_marked():
    """Seat 1 could win at the start."""
    win = ["P 3,3 2", "M 3,3>3,6"]
    signs = {node: mark for node, mark in Review(reviewed(win, 0.5, 0.5), {}).marks.items()}
    assert signs == {2: {"sign": "?", "why": "could win this turn: M 3,3>3,6"}}, "its first move keeps the win"
    assert list(Review(reviewed(["P 0,0 1"], 0.5), {}).marks) == [1]
    assert Review(reviewed(["P 0,0 1"], moves=LINE[:1]), {}).marks == {}, "the turn goes on, and so may the win"
    live = {0: Analysis("", 0, None, [], ["P 0,0 1"], more=False)}
    assert list(Review(played(LINE), live).marks) == [1], "an analysis of this position alone says so too"
    told = Review(reviewed(["P 0,0 1"], 0.5), {}).summary("net")
    assert told and told["players"][0]["signs"]["?"] == 1 and told["players"][0]["loss"] == 0.5, "the win was certain"


def test_marks_are_in_the_page_that_is_shared():
    """A record has forced steps too, which are no moves of the tree."""
    study = reviewed(0.5, 0.45, 0.34, 0.44, 0.65)
    assert any(step["m"].startswith("NO_") for step in recorded.to_record(study, "1")["steps"])
    told = held(recorded.to_page(study, "1", Review(study, {})))
    shown = {told["tree"][int(node)]["move"]: mark for node, mark in told["marks"].items()}
    assert shown == {
        LINE[1]: {"sign": "?!", "why": "the own chance falls from 45% to 34%"},
        LINE[3]: {"sign": "??", "why": "the own chance falls from 56% to 35%"},
    }


def test_a_program_without_chances_marks_overlooked_wins_only():
    study = reviewed(["P 0,0 1"], 0.5, 0.1)
    for branch in study.document.tree[:3]:
        cast(Found, branch.found).chances = None
    told = Review(study, {}).summary("net")
    assert Review(study, {}).chances == {} and list(Review(study, {}).marks) == [1]
    assert told and [player["loss"] for player in told["players"]] == [None, None]


def test_the_end_is_certain_for_who_has_chances():
    chance, study = random.Random(0), played([])
    while study.position(study.at).seat:
        study.play(study.at, chance.choice(legal_moves(study.position(study.at))))
    winner = study.position(study.at).winner
    assert Review(study, {}).chances == {}, "nobody has judged it"
    study.document.tree[0].found = Found("net", review.SIMULATIONS, [0.5, 0.5], [])
    assert Review(study, {}).chances == {0: [0.5, 0.5], study.at: [float(winner == 1), float(winner == 2)]}


def test_who_swaps_keeps_the_own_chance():
    study = begin(Rules("square8", 2, True), [Player(), Player()])
    for move in ("P 3,3 2", "M 3,3>3,5", "SWAP"):
        study.play(study.at, move)
    for node, mine in ((2, 0.7), (3, 0.7)):
        study.document.tree[node].found = Found("net", review.SIMULATIONS, [mine, 1 - mine], [])
    assert Review(study, {}).losses[3] == pytest.approx((0.3, 0.7)), "it sits in the better seat now"


def test_what_was_expected_is_told():
    study = reviewed(0.5, 0.25)
    assert Review(study, {}).says(0) == "" and Review(study, {}).says(3) == ""
    assert Review(study, {}).says(1) == "The own chance goes from 50% to 25%."
    found = cast(Found, study.document.tree[0].found)
    moves = ["P 0,0 1", "P 1,0 1", LINE[0], "P 2,0 1"]
    found.choices = [Choice(move, prior) for move, prior in zip(moves, (0.5, 0.25, 0.125, 0.0625), strict=True)]
    found.line = ["P 0,0 1", "M 0,0>0,1", "P 5,5 1", "M 5,5>5,6"]
    assert Review(study, {}).says(1) == (
        "The own chance goes from 50% to 25%. The network's 3rd choice (12%); its first is P 0,0 1 (50%)."
        " The search expects P 0,0 1, M 0,0>0,1, P 5,5 1."
    )
    found.choices[2], found.line = Choice("P 3,0 1", 0.125), [LINE[0]]
    assert (
        Review(study, {}).says(1).endswith("The network's first 4 choices do not have it; its first is P 0,0 1 (50%).")
    )
    found.choices = [Choice(LINE[0], 0.5), Choice("P 0,0 1", 0.25)]
    assert Review(study, {}).says(1).endswith("The network's 1st choice (50%).")
    recovery = reviewed(0.5, 0.25)
    recovery.document.tree[1].move = "R 1,1>2,2 EL 2,2"
    cast(Found, recovery.document.tree[0].found).choices = [Choice("R 1,1>2,3", 0.5), Choice("R 1,1>2,2", 0.25)]
    assert "The network's 2nd choice (25%)" in Review(recovery, {}).says(1)
    found.choices = found.choices[:1]
    assert Review(study, {}).says(1) == "The own chance goes from 50% to 25%.", "there was no choice"


def test_what_a_mark_means_is_told():
    here = Path(review.__file__).parent / "templates" / "index.html"
    for text in (here.read_text(), (Path(__file__).parents[2] / "docs" / "study-board.md").read_text()):
        for share in (review.BLUNDER, review.DOUBTFUL):
            assert f" {share * 100:.0f} " in text
