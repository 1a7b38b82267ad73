"""The widget without a browser: what it takes, what it says, and what it does with what is sent to it."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import traitlets
from positions import built_positions
from small_search import CONFIG, ENV, searched

import ringrift_jax as rr
from ringrift_jax import boards, reference, render
from ringrift_jax.interactive import effects
from ringrift_jax.interactive.board_widget import one_module
from ringrift_jax.interactive.sources import tree_of

BOARD = boards.standard("square8", 2)
START = reference.new_game(BOARD)


def random_states(seed: int) -> list[rr.State]:
    """A whole game, every decision of it."""
    step, act = jax.jit(ENV.step), jax.jit(lambda state, key: rr.random_action(ENV, state, key))
    states = [ENV.init()]
    while not states[-1].is_over:
        states.append(step(states[-1], act(states[-1], jax.random.fold_in(jax.random.key(seed), len(states)))))
    return states


def heard(shown: Any, content: Any) -> list[Any]:
    """What the browser is told when it sends this."""
    told: list[Any] = []
    shown.send = told.append
    shown._heard(shown, content, [])
    return told


@pytest.mark.parametrize("seed", range(3))
def test_the_moves_of_a_game_are_found_between_its_states(seed):
    states = random_states(seed)
    tree = tree_of(states)
    assert len(tree) == len(states)
    for node, state in enumerate(states[:-1]):
        text = rr.notation.state_string(ENV, state)
        assert reference.state_string(tree.position(node)) == text
    assert tree.position(len(tree) - 1).winner == int(states[-1].winner) + 1 != 0
    assert rr.widget(states[-1]).position.winner == int(states[-1].winner) + 1
    ended = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states, states[-1])
    assert tree_of(ended).moves(len(tree) - 1) == tree.moves(len(tree) - 1), "it may be padded with its end"


def test_a_recovery_is_one_move_or_two():
    pos = next(
        reference.from_state_string(BOARD, text)
        for text in built_positions(BOARD).values()
        if any(action.startswith("R ") for action in reference.actions(reference.from_state_string(BOARD, text)))
    )
    slide = next(action for action in reference.actions(pos) if action.startswith("R "))
    slid = reference.act(pos, slide)
    whole = reference.legal_moves(slid)[0]
    tree = tree_of([pos, slid, reference.act(slid, whole)])
    assert tree.moves(2) == [slide, whole]
    assert tree.view(1)["position"]["slide"] and tree.view(1)["came"]["after"] == {}
    assert tree.view(1)["came"]["says"].endswith("what pays for it is chosen next.")
    assert tree.play(0, whole) == 3
    assert effects.contents(tree.position(2)) == effects.contents(tree.position(3))


@pytest.mark.parametrize(
    ("shown", "problem", "message"),
    [
        (7, TypeError, "int cannot be shown; a State, a Position"),
        ([], TypeError, "an empty sequence cannot be shown"),
        ([START, 7], TypeError, "int cannot be shown"),
        ([START, START], ValueError, "no move leads from state 0 to state 1"),
        ({"board": "square8"}, ValueError, "this is no record of a game: .*missing required field `players`"),
        (
            {"board": "chess", "players": 2, "swap_rule": False, "steps": []},
            ValueError,
            "chess",
        ),
        (
            {"board": "square8", "players": 2, "swap_rule": False, "steps": [{"m": "P 3,3 1"}, {"m": "M 3,3>3,3"}]},
            ValueError,
            "move 2: M 3,3>3,3 is illegal",
        ),
        (
            {"board": "square8", "players": 2, "swap_rule": False, "steps": [], "models": ["one"]},
            ValueError,
            "1 models for 2 players",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(shown, problem, message):
    with pytest.raises(problem, match=message):
        rr.widget(shown)


def test_a_batch_of_separate_states_is_refused():
    start = ENV.init()
    with pytest.raises(ValueError, match="each a decision after the one before"):
        rr.widget(jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), start))
    with pytest.raises(ValueError, match=r"leading axes \(1, 2\)"):
        rr.widget(jax.tree.map(lambda leaf: jnp.stack([leaf, leaf])[None], start))


def test_python_and_the_browser_play_the_same_game():
    shown = rr.widget(ENV.init())
    assert heard(shown, {"ask": "play", "move": "P 0,0 2"}) == [] and shown.moves == ["P 0,0 2"]
    assert rr.notation.state_string(ENV, shown.state) == reference.state_string(shown.position)
    shown.moves = ["P 0,0 2", "M 0,0>2,2"]
    assert shown.view["at"] == 2 and shown.view["position"]["seat"] == 2 and len(shown.tree) == 3
    with pytest.raises(traitlets.TraitError, match="move 3: P 9,9 1 is illegal"):
        shown.moves = [*shown.moves, "P 9,9 1"]
    assert shown.moves == ["P 0,0 2", "M 0,0>2,2"] and len(shown.tree) == 3
    heard(shown, {"ask": "go", "node": 1})
    heard(shown, {"ask": "play", "move": "M 0,0>0,2"})
    assert shown.moves == ["P 0,0 2", "M 0,0>0,2"] and [one["parent"] for one in shown.tree] == [-1, 0, 1, 1]
    assert rr.widget(ENV.init()).moves == [], "widgets have nothing in common"


def test_what_a_move_would_do_is_told_and_changes_nothing():
    shown = rr.widget(START)
    asked = {"ask": "effect", "move": "P 3,3 2"}
    (answer,) = heard(shown, asked)
    assert (answer["at"], answer["asked"]) == (0, asked) and answer["told"]["after"] == {27: "s11"}
    assert shown.moves == [] and len(shown.tree) == 1


def test_it_says_what_one_may_do_and_why_not():
    shown = rr.widget(START)
    assert shown.view["task"]["do"] == "Place 1, 2 or 3 rings on an empty cell."
    shown.moves = ["P 3,3 2"]
    assert shown.view["task"]["do"] == "Move the stack on 3,3 in a straight line."
    for asked, why in (
        ({"ask": "why", "cell": 1}, "0,1 is not on a straight line from 3,3"),
        ({"ask": "why", "cell": 28, "origin": 27}, "smaller than the stack's height 2"),
    ):
        (answer,) = heard(shown, asked)
        assert (answer["at"], answer["asked"]) == (1, asked) and why in answer["told"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ask": "play", "move": "P 3,3 9"}, "P 3,3 9 is illegal"),
        ({"ask": "effect", "move": "NO_LINE"}, "NO_LINE is illegal"),
        ({"ask": "why", "cell": 64}, "64 is not a cell"),
        ({"ask": "go", "node": 5}, "there is no node 5; the last one is 0"),
        ({"ask": "go", "node": -1}, "there is no node -1"),
        ({"ask": "go", "node": "0"}, "Expected `int`, got `str`"),
        ({"ask": "go", "node": 0, "more": 1}, "unknown field `more`"),
        ({"ask": "end"}, "Invalid value 'end'"),
        (None, "Expected `object`, got `null`"),
    ],
)
def test_messages_are_checked(content, message):
    shown = rr.widget(START)
    (told,) = heard(shown, content)
    assert message in told["problem"] and shown.moves == []


def test_a_search_shows_its_numbers_and_can_be_walked():
    root = render.search_nodes(ENV, searched())
    shown = rr.widget(searched())
    line = [node.move for node in root.principal_line()[1:]]
    assert [branch["move"] for branch in shown.tree[1:]] == line, "the main line is the principal one"
    analysis = shown.view["analysis"]
    assert analysis["simulations"] == CONFIG.simulations and analysis["seat"] == root.seat == 2
    for told, child in zip(analysis["candidates"], root.children, strict=True):
        assert (told["move"], told["visits"], told["value"], told["prior"]) == (
            child.move, child.visits, child.value, child.prior,
        )  # fmt: skip
        shown.moves = [child.move]
        below = shown.view["analysis"]
        assert [one["move"] for one in below["candidates"] if below] == [one.move for one in child.children]
    other = next(
        move for move in reference.legal_moves(rr.widget(root).position) if move not in {c.move for c in root.children}
    )
    shown.moves = [other]
    assert shown.view["analysis"] is None and shown.view["line"] == []


def test_the_pie_rule_is_that_of_the_game():
    env = rr.make("square8", swap_rule=True)
    state = rr.notation.play(env, rr.notation.play(env, env.init(), "P 3,3 1"), "M 3,3>3,4")
    assert {"move": "SWAP", "steps": []} in rr.widget(state, swap_rule=True).view["choices"]
    assert {"move": "SWAP", "steps": []} not in rr.widget(state).view["choices"]


def test_without_a_kernel_there_is_a_picture():
    for shown, caption in ((START, ""), (searched(), "visits, in per cent")):
        data, _ = rr.widget(shown)._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        assert data["text/html"].count("<svg") == 1 and caption in data["text/html"]
    assert data["text/plain"] == "BoardWidget of square-3x3-r2-l3 after []"


def test_without_anywidget_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "ringrift_jax.interactive.board_widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install anywidget, .* extra \[notebooks\]"):
        rr.widget(START)


def test_the_modules_of_the_widget_become_one():
    lines = one_module().splitlines()
    exports = [line for line in lines if line.startswith("export ")]
    assert exports == ["export default { render };"] and not any(line.startswith("import ") for line in lines)
