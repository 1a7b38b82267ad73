"""Records of finished games: made beside the JAX rules, verified, and refused where anything differs."""

import copy
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import batches
import numpy as np
import parity
import pytest
from played import Game, random_games, random_record

import ringrift_jax as rr
from ringrift_jax import boards, notation
from ringrift_jax.runs import records
from ringrift_jax.runs.records import Disagreement, record_game, record_moves, verify

ROOT = Path(__file__).resolve().parents[2]
ENV = batches.make("square8", 2)


def record(env: rr.Env, game: Game, **provenance) -> dict:
    models = [f"champion {player}" for player in range(env.num_players)]
    return record_game(env, game.states, game.actions, game.rewards, id="a game", models=models, **provenance)


def check_game(env: rr.Env, game: Game) -> dict:
    """The record of a game, which must say what the JAX rules said of its end."""
    made = record(env, game)
    verify(made)
    result = made["result"]
    assert result["winner"] == game.end.winner + 1
    assert result["reason"] == notation.REASON_NAMES[rr.Reason(int(game.end.reason))]
    assert result["ranks"] == game.end.ranks.tolist()
    assert [score["x"] or 0 for score in result["scores"]] == game.end.lost_turn.tolist()
    assert made["steps"][-1]["s"] == notation.state_string(env, game.end)
    moves = [step["m"] for step in made["steps"]]
    recoveries = sum(move.startswith("R ") for move in moves)
    assert sum(not move.startswith("NO_") for move in moves) + recoveries == len(game.actions)
    return made


@pytest.fixture(scope="module")
def games() -> list[Game]:
    """Games of square8: one with each rare thing, and some more."""
    played = random_games(ENV, seed=1, enough=100)
    rare = [
        next(game for game in played if game.states.slide.max() >= 0),
        next(game for game in played if game.end.swapped),
        next(game for game in played if not game.end.swapped),
        next(game for game in played if (game.states.phase == rr.Phase.FORCED_ELIMINATION).any()),
        next(game for game in played if (game.states.phase == rr.Phase.LINE).any()),
    ]
    return rare + played[:5]


def altered(game: Game, index: int, **changes) -> Game:
    """The game with other values in a state or, for ``action``, another action."""
    actions = game.actions.copy()
    if "action" in changes:
        actions[index] = changes.pop("action")
    states = game.states.replace(**{name: getattr(game.states, name).copy() for name in changes})
    for name, value in changes.items():
        getattr(states, name)[index] = value
    return Game(states, actions, game.end)


def test_a_record_agrees_with_the_rules_that_played(games):
    kinds = {step["m"].split(" ")[0] for game in games for step in check_game(ENV, game)["steps"]}
    assert kinds >= {"P", "M", "C", "K", "R", "T", "L", "EL", "ET", "FE", "SWAP", "NO_LINE", "NO_PLACE", "SKIP_PLACE"}


@pytest.mark.slow
@pytest.mark.parametrize(("board", "num_players"), batches.SMALL + batches.LARGE)
def test_records_of_every_configuration(board: str, num_players: int):
    env = batches.make(board, num_players)
    enough, lanes = (24, 64) if board in ("square8", "hex8") else (2, 4)
    for game in random_games(env, seed=2, enough=enough, lanes=lanes):
        check_game(env, game)


def test_a_record_names_models_and_provenance(games):
    made = record(ENV, games[0], run="runs/square8-2p", first_iteration=3)
    assert made["models"] == ["champion 0", "champion 1"]
    assert (made["run"], made["first_iteration"], made["engine"]) == ("runs/square8-2p", 3, "ringrift_jax")
    with pytest.raises(ValueError, match="steps cannot be provenance"):
        record(ENV, games[0], steps=3)


def test_what_cannot_be_recorded_is_refused_at_once():
    board = boards.standard("square8")
    for models in ((), ["a"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match=f"there are {len(models)} models; there are 2 players"):
            record_moves(board, [], id="x", models=models)
    with pytest.raises(ValueError, match="move 1 is NO_LINE, which is forced; leave forced moves out"):
        record_moves(board, ["P 0,0 1", "NO_LINE"], id="x", models="ab")
    with pytest.raises(ValueError, match="steps cannot be provenance"):
        record_moves(board, [], id="x", models="ab", steps=3)


def test_a_truncated_game_has_no_winner(games):
    game, length = games[0], 12
    states = batches.take(game.states, np.s_[:length])
    limited = rr.make("square8", 2, swap_rule=True, max_steps=length)
    made = record_game(limited, states, game.actions[:length], [0, 0], id="cut", models=["a", "b"])
    verify(made)
    assert made["result"]["winner"] is None and made["result"]["truncated"] and made["cap"] == length
    with pytest.raises(Disagreement) as found:
        record_game(ENV, states, game.actions[:length], [0, 0], id="cut", models=["a", "b"])
    assert (found.value.index, found.value.what) == (length, "end")


def test_a_difference_is_found_where_it_is(games):
    game, at = games[0], 20
    ground = game.states.ground[at].copy()
    ground.flat[np.flatnonzero(ground > 0)[0]] = 0
    for name, changed, what in (
        ("ground", ground, "state (markers)"),
        ("hand", game.states.hand[at] + 1, "state (rings in hand)"),
        ("turn", 99, "turn"),
        ("lost_turn", 1, "turns in which seats lost their last ring"),
        ("swapped", not game.states.swapped[at], "seats exchanged"),
        ("steps", at - 1, "decisions made"),
    ):
        with pytest.raises(Disagreement) as found:
            record(ENV, altered(game, at, **{name: changed}))
        assert (found.value.index, found.value.what) == (at, what)
    text = notation.state_string(ENV, batches.take(game.states, at))
    with pytest.raises(Disagreement, match=r"decision 20, state \(markers\)\n  game .*\n  reference ") as found:
        record(ENV, altered(game, at, ground=ground))
    assert found.value.expected == text and found.value.found != text


def legal_mask(state: rr.State) -> np.ndarray:
    _, masks = batches.advance(ENV, batches.stack([state]), np.array([batches.NO_ACTION]))
    return masks[0]


def test_every_illegal_action_is_refused(games):
    """Also those that would get the name of a legal move: every cell of a line names it, and one is its key."""
    game = games[4]
    at = int(np.flatnonzero((game.states.phase == rr.Phase.LINE) & ~game.states.owed)[0])
    state = batches.take(game.states, at)
    legal = legal_mask(state)
    names = set(notation.moves_of(ENV, state, np.flatnonzero(legal)))
    layout = ENV.layout
    lines = np.arange(layout.lines * layout.cells, layout.regions * layout.cells)
    confusing = [a for a in lines[~legal[lines]] if notation.moves_of(ENV, state, [a])[0] in names]
    assert confusing
    others = np.random.default_rng(0).choice(np.flatnonzero(~legal), 60, replace=False)
    for action in (-1, ENV.num_actions, 10**9, *confusing, *others):
        with pytest.raises(Disagreement) as found:
            record(ENV, altered(game, at, action=action))
        assert (found.value.index, found.value.what) == (at, "move")


def test_another_legal_action_is_found_at_the_next_decision(games):
    game, at = games[0], 20
    legal = np.flatnonzero(legal_mask(batches.take(game.states, at)))
    other = next(action for action in legal if action != game.actions[at])
    with pytest.raises(Disagreement) as found:
        record(ENV, altered(game, at, action=other))
    assert found.value.index == at + 1


def test_wrong_rewards_are_found(games):
    for game in games[1:3]:  # with and without an exchange of seats
        with pytest.raises(Disagreement, match="rewards by player"):
            record_game(ENV, game.states, game.actions, -game.rewards, id="", models=["a", "b"])


def test_arguments_that_do_not_fit_are_refused(games):
    game = games[0]
    for actions, rewards, models in (
        (game.actions[1:], game.rewards, "ab"),
        (game.actions, [1, 0, 0], "ab"),
        (game.actions, game.rewards, "abc"),
    ):
        with pytest.raises(ValueError, match="there (are|must)"):
            record_game(ENV, game.states, actions, rewards, id="", models=models)
    small = rr.make(boards.custom("square", 3, 2))
    with pytest.raises(ValueError, match="unknown board"):
        record_game(small, game.states, game.actions, game.rewards, id="", models="ab")


def test_records_are_made_without_a_jax_backend(games, tmp_path):
    """With a platform that does not exist, whatever runs a JAX program fails."""
    game = games[0]
    np.savez(tmp_path / "states.npz", **{name: leaf for name, leaf in vars(game.states).items() if name != "board"})
    np.savez(tmp_path / "rest.npz", actions=game.actions, rewards=game.rewards)
    code = """
import jax, numpy as np, ringrift_jax as rr
from ringrift_jax.runs import records
env = rr.make("square8", 2, True)
states, rest = rr.State(**np.load("states.npz"), board=env.board), np.load("rest.npz")
made = records.record_game(env, states, rest["actions"], rest["rewards"], id="", models="ab")
records.verify(made)
try:
    jax.devices()
except RuntimeError:
    print(len(made["steps"]))
"""
    environment = os.environ | {"JAX_PLATFORMS": "no_such_platform", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(len(record(ENV, game)["steps"])), done.stderr


@parity.needs_parity
@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("board", boards.BOARD_NAMES)
def test_public_games_are_verified(board: str, num_players: int):
    some = 8 if board in ("square8", "hex8") else 1
    for game in islice(parity.games(board, num_players), some):
        verify(game)


@parity.needs_parity
@pytest.mark.slow
def test_all_public_games_are_verified():
    counts = [
        sum(verify(game) is None for game in parity.games(board, players))
        for board in boards.BOARD_NAMES
        for players in (2, 3, 4)
    ]
    assert min(counts) >= 10


def test_every_change_of_a_step_is_found():
    game = random_record(1)
    verify(game)
    for at in (0, 40, len(game["steps"]) - 1):
        for key, value in game["steps"][at].items():
            changed = copy.deepcopy(game)
            other = {str: f"{value}1", int: 5, list: value[:-1] if key == "L" else None}[type(value)]
            changed["steps"][at][key] = other
            with pytest.raises(Disagreement) as found:
                verify(changed)
            assert (found.value.index, found.value.what, found.value.found) == (at, key, other)
            assert found.value.expected == value or key == "m" and "illegal" in str(found.value)


def test_every_change_of_the_result_is_found():
    game = random_record(2, num_players=3)
    verify(game)
    steps = len(game["steps"])
    for key, value in (("winner", None), ("winner", 9), ("reason", "x"), ("ranks", [1, 1, 1]), ("truncated", True)):
        with pytest.raises(Disagreement) as found:
            verify(game | {"result": game["result"] | {key: value}})
        assert (found.value.index, found.value.what) == (steps, f"{key} of the result")
    for key in ("p", "t", "e", "m", "x"):
        changed = copy.deepcopy(game)
        changed["result"]["scores"][1][key] = 77
        with pytest.raises(Disagreement, match="scores of the result"):
            verify(changed)


def test_a_game_ends_where_its_record_ends():
    game = random_record(3)
    with pytest.raises(Disagreement) as found:
        verify(game | {"steps": game["steps"][:-1]})
    assert found.value.index == len(game["steps"]) - 1
    with pytest.raises(Disagreement, match="the game is over") as found:
        verify(game | {"steps": game["steps"] + game["steps"][-1:]})
    assert found.value.index == len(game["steps"])
    with pytest.raises(Disagreement, match="step 0, s0"):
        verify(game | {"s0": game["s0"].replace("18", "17")})


def test_a_malformed_record_is_no_disagreement():
    with pytest.raises(ValueError, match="has no 'steps'") as found:
        verify({key: value for key, value in random_record(4).items() if key != "steps"})
    assert not isinstance(found.value, records.Disagreement)
