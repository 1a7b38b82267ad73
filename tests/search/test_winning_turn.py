"""The search of the own turn: it has the answers of exhaustive search by the reference, or says that it has none."""

import json
import random
from functools import cache
from itertools import takewhile
from pathlib import Path

import batches
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from positions import built_positions
from random_play import random_moves

import ringrift_jax as rr
from ringrift_jax import boards, notation, reference
from ringrift_jax.players.agents import random_agent, tactician
from ringrift_jax.search.winning_turn import _compiled, _portions, _Sizes, winning_lines

PUZZLES = Path(__file__).resolve().parents[3] / "shared" / "puzzles"
CONFIGURATIONS = [
    pytest.param(board, n, marks=batches.marks(board, n, quick={("square8", 2)}, often=()))
    for board in boards.BOARD_NAMES
    for n in (2, 3, 4)
]
LIMITS = {"square8": 400, "hex8": 400, "square19": 60, "hexagonal": 60}
"""States that the reference may look at for one position."""


@cache
def searched(board: str, players: int) -> tuple[rr.Env, list[reference.Position], list[tuple[str, ...] | None]]:
    """Positions of random play at any decision, and rare ones, with a winning line of each, None if there is none."""
    env = batches.make(board, players)
    rng = random.Random(f"{board} {players}")
    texts = list(built_positions(env.board).values())
    for _ in range(3):
        game = [before for before, _, _ in random_moves(reference.new_game(env.board, env.swap_rule), rng)]
        texts += [reference.state_string(reference.settle(pos)) for pos in rng.sample(game, 14) + game[-6:]]
    found, lines = [], []
    for text in dict.fromkeys(texts):
        pos = reference.from_state_string(env.board, text, env.swap_rule)
        try:
            lines.append(reference.winning_line(pos, LIMITS[board]))
            found.append(pos)
        except RecursionError:
            pass
    return env, found, lines


def states_of(env: rr.Env, positions: list[reference.Position]):
    texts = [reference.state_string(pos) for pos in positions]
    return batches.stack([notation.from_state_string(env, text) for text in texts])


def leads_to(env: rr.Env, pos: reference.Position, state, action: int) -> reference.Position:
    return reference.act(reference.settle(pos), notation.move_of(env, state, action))


@pytest.mark.parametrize(("board", "players"), CONFIGURATIONS)
def test_answers_are_those_of_exhaustive_search(board, players):
    env, positions, lines = searched(board, players)
    assert len(positions) >= 60 and sum(line is not None for line in lines) >= 5
    states = states_of(env, positions)
    answer = jax.device_get(rr.winning_turn(env, states, nodes=20_000))
    # On a large board full of markers a turn collapses up to forty lines, with hundreds of choices at each.
    carpets = {text for name, text in built_positions(env.board).items() if "carpet" in name}
    hard = board in ("square19", "hexagonal") and np.isin([reference.state_string(p) for p in positions], list(carpets))
    assert (answer.complete | hard).all()
    exact = answer.complete
    np.testing.assert_array_equal(answer.found[exact], np.array([line is not None for line in lines])[exact])
    np.testing.assert_array_equal(answer.action >= 0, answer.found)
    for i in np.flatnonzero(answer.found):
        after = leads_to(env, positions[i], batches.take(states, i), int(answer.action[i]))
        assert after.winner == positions[i].seat or reference.winning_line(after), reference.state_string(positions[i])


def test_lines_win():
    env, positions, lines = searched("square8", 2)
    asked = np.arange(len(positions)) % 4 != 0
    answer, found = jax.device_get(winning_lines(env, states_of(env, positions), 20_000, jnp.asarray(asked)))
    np.testing.assert_array_equal(answer.found, asked & [line is not None for line in lines])
    assert (found[~answer.found] == -1).all() and (answer.nodes[~asked] == 0).all()
    for i in np.flatnonzero(answer.found):
        pos, state = (
            reference.settle(positions[i]),
            notation.from_state_string(env, reference.state_string(positions[i])),
        )
        assert found[i][0] == answer.action[i]
        for action in takewhile(lambda action: action >= 0, found[i]):
            pos, state = leads_to(env, pos, state, int(action)), env.step(state, jnp.int32(action))
        assert pos.winner == positions[i].seat


def test_a_budget_that_ends_says_so():
    env, positions, lines = searched("square8", 2)
    states = states_of(env, positions)
    unsure = 0
    for nodes in (1, 10, 100):
        answer = jax.device_get(rr.winning_turn(env, states, nodes=nodes))
        assert (answer.nodes <= nodes).all()
        known = np.array([line is not None for line in lines])
        np.testing.assert_array_equal(answer.found[answer.complete], known[answer.complete])
        assert not answer.found[~answer.complete].any() and (answer.action[~answer.complete] == -1).all()
        unsure += (~answer.complete).sum()
    assert unsure > 20


@pytest.mark.ci
@pytest.mark.optimised
def test_many_states_share_wide_rounds():
    """As on a GPU. Rounds are as wide as the batch needs, and no state gets more than its budget."""
    env, positions, lines = searched("square8", 2)
    known = np.array([line is not None for line in lines])
    states = states_of(env, positions)
    many = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * 6), states)
    answer = jax.device_get(rr.winning_turn(env, many, nodes=200_000))
    assert answer.complete.all()
    np.testing.assert_array_equal(answer.found, np.tile(known, 6))
    small = jax.device_get(rr.winning_turn(env, many, nodes=30))
    assert (small.nodes <= 30).all() and not small.complete.all()
    np.testing.assert_array_equal(small.found[small.complete], np.tile(known, 6)[small.complete])


@pytest.mark.ci
@pytest.mark.optimised
def test_states_are_tried_in_parts_where_little_fits(monkeypatch):
    """As on the large boards, where a state may have more decisions than a round, and a turn more than the pool."""
    env, positions, lines = searched("square8", 2)
    known, states = np.array([line is not None for line in lines]), states_of(env, positions)
    sizes = _Sizes(width=64, others=16, entering=4, pool=640, reserve=512, seen=1 << 15, placing=64)
    monkeypatch.setattr("ringrift_jax.search.winning_turn._sizes", lambda env, batch: sizes)
    everywhere = jnp.ones(len(positions), bool)
    answer, _ = jax.device_get(_compiled.__wrapped__(env)(states, 200_000, everywhere))
    assert sum(len(reference.legal_moves(reference.settle(pos))) > sizes.width for pos in positions) > 5
    assert answer.complete.all()
    np.testing.assert_array_equal(answer.found, known)


@pytest.mark.parametrize("board", boards.BOARD_NAMES)
def test_every_decision_is_in_one_portion(board):
    portions = _portions(rr.make(board))
    assert (portions.sum(axis=0) == 1).all() and portions.any(axis=1).all()


WON_AT_THE_EDGE = (  # from self-play on square19
    "2|place|71,71|0,0|0,0|0,0:2 18,0:1|0,17:2 1,18:1 18,18:1||lps=2/-1/0/0",
    "2|place|61,64|7,7|4,4|0,17:22122|0,0:1 0,1:1 0,18:2 1,18:2 18,16:1|1,17:2 17,0:1 17,1:1 17,18:2 18,0:1 18,1:1"
    " 18,17:2 18,18:2|lps=2/-1/0/0",
    "2|place|66,63|2,4|0,0|0,1:121 0,2:1 0,3:221 0,18:22|0,0:2 0,17:1 1,1:2 1,18:2 17,0:2 17,18:2 18,0:2 18,1:2"
    " 18,18:2||lps=2/-1/0/0",
)


@pytest.mark.ci
@pytest.mark.optimised
def test_where_few_decisions_are_tried_they_are_at_the_edge():
    env = rr.make("square19")
    states = batches.stack([notation.from_state_string(env, text) for text in WON_AT_THE_EDGE])
    assert env.legal_action_mask(batches.take(states, 0)).sum() > 1000
    assert rr.winning_turn(env, states, nodes=1000).found.all()


def test_answers_do_not_depend_on_the_other_states():
    env, positions, _ = searched("square8", 2)
    states = states_of(env, positions)
    answer, reversed_answer = rr.winning_turn(env, states), rr.winning_turn(env, batches.take(states, np.s_[::-1]))
    np.testing.assert_array_equal(answer.found, reversed_answer.found[::-1])
    np.testing.assert_array_equal(answer.complete, reversed_answer.complete[::-1])


def test_a_finished_game_has_no_win():
    env, positions, _ = searched("square8", 2)
    states = states_of(env, positions)
    over = np.arange(len(positions)) % 2 == 0
    answer = rr.winning_turn(env, states.replace(phase=np.where(over, rr.Phase.OVER, states.phase)))
    assert not answer.found[over].any() and answer.complete[over].all() and (answer.nodes[over] == 0).all()
    assert answer.found[~over].any()


@pytest.mark.parametrize("nodes", [0, -1, 2.5, True, None, 2**31])
def test_a_budget_that_is_none_is_refused(nodes):
    env = rr.make("square8")
    with pytest.raises(ValueError, match="nodes is .*; it must be an integer from 1 to 2147483647"):
        rr.winning_turn(env, batches.stack([env.init()]), nodes)


def test_one_state_alone_is_refused():
    env = rr.make("square8")
    with pytest.raises(ValueError, match=r"leading axes \(\); winning_turn takes a batch, \[B\]"):
        rr.winning_turn(env, env.init())


@pytest.mark.skipif(not PUZZLES.exists(), reason="the puzzles are not there")
@pytest.mark.optimised
@pytest.mark.parametrize(
    ("board", "players"),
    [
        pytest.param(board, n, marks=batches.marks(board, n, quick=(), often={("square8", 2)}))
        for board, n in (("square8", 2), ("square8", 3), ("square8", 4), ("hex8", 2), ("hex8", 3))
    ],
)
def test_puzzles_are_solved(board, players):
    env = rr.make(board, players)
    puzzles = [json.loads(line) for line in (PUZZLES / f"{board}_{players}p.jsonl").read_text().splitlines()]
    states = batches.stack([notation.from_state_string(env, puzzle["state"]) for puzzle in puzzles])
    answer = jax.device_get(rr.winning_turn(env, states))
    assert answer.complete.all()
    np.testing.assert_array_equal(answer.found, [puzzle["win"] is not None for puzzle in puzzles])

    agent = tactician(env, random_agent(env))

    @jax.jit
    def play(states, keys):
        after = jax.vmap(env.step)(states, agent(states, keys))
        return jax.tree.map(lambda new, old: jnp.where(over(states, new), old, new), after, states)

    def over(states, like):
        return states.is_over.reshape(-1, *[1] * (like.ndim - 1))

    player, turn, now = states.current_player, states.turn, states
    for keys in jax.random.split(jax.random.key(0), (40, len(puzzles))):
        now = play(now, keys)
    won = np.asarray(now.winner == jnp.take_along_axis(now.seat_of_player, player[:, None], axis=1)[:, 0])
    assert won[answer.found].all() and (now.turn == turn)[answer.found].all()
