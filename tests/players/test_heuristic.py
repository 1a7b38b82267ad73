"""The heuristic against the values of the public player, and what must hold of it on any position.

The recorded values are read from the folder named by RINGRIFT_HEURISTIC; their format is on its README page.
"""

import gzip
import json
import os
from functools import cache, partial
from pathlib import Path

import batches
import jax
import jax.numpy as jnp
import numpy as np
import positions
import pytest

import ringrift_jax as rr
from ringrift_jax import boards, notation, symmetry
from ringrift_jax.players import arena, heuristic
from ringrift_jax.players.agents import heuristic_agent, random_agent
from ringrift_jax.rules import step as rules_step
from ringrift_jax.rules.arrays.lanes import unbatched
from ringrift_jax.rules.state import State

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "heuristic"
FOLDER = Path(os.environ.get("RINGRIFT_HEURISTIC", DEFAULT_FOLDER))
LANES = batches.LANES

needs_records = pytest.mark.skipif(
    not any(FOLDER.glob("*.jsonl.gz")), reason=f"no heuristic records in {FOLDER}; set RINGRIFT_HEURISTIC to them"
)
QUICK = {("square8", 2)}
ONE_OF_EACH_BOARD = {*QUICK, ("hex8", 4), ("square19", 2), ("hexagonal", 3)}
every_configuration = pytest.mark.parametrize(
    ("board", "num_players"),
    [pytest.param(*c, marks=batches.marks(*c, QUICK, ONE_OF_EACH_BOARD)) for c in (*batches.SMALL, *batches.LARGE)],
)
close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)


@cache
def records(board: str, num_players: int) -> tuple[list[dict], list[dict]]:
    """The position records and the move records of a configuration."""
    with gzip.open(FOLDER / f"{board}_{num_players}p.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [r for r in found if "moves" not in r], [r for r in found if "moves" in r]


@cache
def compiled(env: rr.Env):
    """Terms and values of LANES positions, each with weights of its own."""

    def score(state: State, weights: heuristic.Weights):
        return heuristic.terms(env, state, weights), heuristic.evaluate(env, state, weights)

    return jax.jit(jax.vmap(score))


def score(env: rr.Env, states: State, profiles: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Terms and values ``[N, n]`` of ``[N]`` positions, LANES at a time."""
    weights = batches.stack([jax.tree.map(np.float32, heuristic.weights(profile)) for profile in profiles])
    parts = []
    for first in range(0, len(profiles), LANES):
        lanes = np.minimum(np.arange(first, first + LANES), len(profiles) - 1)
        parts.append(jax.device_get(compiled(env)(*batches.take((states, weights), lanes))))
    return jax.tree.map(lambda *xs: np.concatenate(xs)[: len(profiles)], *parts)


def decide(env: rr.Env, states: State) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The legal actions of up to LANES positions and their values, with the default weights."""
    count = len(states.phase)
    lanes = np.minimum(np.arange(LANES), count - 1)
    weights = heuristic.weights(heuristic.default_profile(env))
    actions, values = jax.device_get(heuristic.decision_values(env, batches.take(states, lanes), weights))
    assert ((actions >= 0) == np.isfinite(values)).all()
    legal = [row >= 0 for row in actions[:count]]
    return [a[ok] for a, ok in zip(actions, legal, strict=False)], [v[ok] for v, ok in zip(values, legal, strict=False)]


@cache
def random_states(env: rr.Env) -> State:
    """``[LANES]`` positions of random games, after 0 to 63 decisions; some games may be over."""
    rng = np.random.default_rng(env.num_players)
    states = jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], LANES, axis=0), env.init())
    states, masks = batches.advance(env, states, np.full(LANES, batches.NO_ACTION))
    for step in range(63):
        playing = masks.any(-1) & (step < np.arange(LANES) // 2)
        actions = [
            rng.choice(np.flatnonzero(mask)) if plays else -1 for mask, plays in zip(masks, playing, strict=True)
        ]
        states, masks = batches.advance(env, states, np.array(actions))
    return states


@needs_records
@every_configuration
def test_recorded_positions(board: str, num_players: int):
    """All 21 terms and their sum, for every seat and profile on record."""
    env, (recorded, _) = batches.make(board, num_players), records(board, num_players)
    keys = list(dict.fromkeys((r["s"], r["weights"]) for r in recorded))
    states = batches.stack([notation.from_state_string(env, text) for text, _ in keys])
    terms, values = score(env, states, [profile for _, profile in keys])
    places = [keys.index((r["s"], r["weights"])) for r in recorded]
    seats = [r["seat"] - 1 for r in recorded]
    assert len(recorded) >= 50 and set(seats) == set(range(num_players))
    assert sum(r.get("order", 0) for r in recorded) > 0, "no record tests which ten markers closure takes"
    for name, term in terms.items():
        expected = [r["terms"][name] for r in recorded]
        close(term[places, seats], expected, err_msg=name)
        assert np.any(expected) or (num_players == 2 and name in ("multi_leader_threat", "lps_action_advantage"))
    assert len(terms) == 21 and all(r["terms"].keys() == terms.keys() for r in recorded)
    close(values[places, seats], [r["total"] for r in recorded])


def recorded_values(record: dict) -> dict[str, float]:
    """Value by move under the rules' timing, recoveries named by their slides.

    Free recoveries (``R a>b 2``) are left out: their slides have the value of the paid ones.
    """
    values = record["moves"] | record.get("late", {})
    return {" ".join(move.split(" ")[:2]) if move[0] == "R" else move: value
            for move, value in values.items() if not (move[0] == "R" and move.endswith(" 2"))}  # fmt: skip


@needs_records
@every_configuration
def test_recorded_decisions(board: str, num_players: int):
    """Every legal decision has the recorded value, and the best ones are the recorded best ones, ties included.

    Not compared: positions where the public engine offers more than the rules (``legal`` false), and the choice where a
    free recovery would win it. A move in ``late`` has that value, since a game is won at the end of a turn only.
    """
    env, (_, recorded) = batches.make(board, num_players), records(board, num_players)
    fair = [r for r in recorded if r["legal"]]
    assert len(fair) >= 0.9 * len(recorded) > 0
    states = [notation.from_state_string(env, r["s"]) for r in fair]
    actions, values = decide(env, batches.stack(states))
    keys = jax.random.split(jax.random.key(0), LANES)
    lanes = np.minimum(np.arange(LANES), len(fair) - 1)
    agent = heuristic_agent(env, heuristic.weights(heuristic.default_profile(env)))
    chosen = np.asarray(agent(batches.take(batches.stack(states), lanes), keys))
    compared = choices = 0
    for record, state, legal, value, choice in zip(fair, states, actions, values, chosen, strict=False):
        expected = recorded_values(record)
        moves = notation.moves_of(env, state, legal)
        found = dict(zip(moves, value, strict=True))
        assert found.keys() == expected.keys(), record["s"]
        close([found[move] for move in expected], list(expected.values()), err_msg=record["s"])
        compared += len(found)
        best = {move for move in expected if expected[move] == max(expected.values())}
        assert {move for move in found if found[move] == value.max()} == best, record["s"]
        name = moves[legal.tolist().index(choice)]
        free = any(move[0] == "R" and move.endswith(" 2") for move in record["best"])
        if not free:
            assert name in best, record["s"]
            assert "late" in record or any(move.split(" ")[:2] == name.split(" ")[:2] for move in record["best"])
            choices += 1
    assert compared > 10 * len(fair) > 0 and choices >= 0.9 * len(fair)


@needs_records
@pytest.mark.parametrize(("board", "num_players"), [("square8", 2), pytest.param("hex8", 3, marks=pytest.mark.ci)])
def test_recorded_states_after_a_decision(board: str, num_players: int):
    """Right after the decision, before forced moves; whether or not turns may end in other games of the batch."""
    env, (_, recorded) = batches.make(board, num_players), records(board, num_players)
    # The public engine ends a game at once, and a recovery is two actions.
    recorded = [r for r in recorded if r["best"][0][0] != "R" and abs(r["moves"][r["best"][0]]) < heuristic.WIN]
    states = [notation.from_state_string(env, r["s"]) for r in recorded]
    actions = [notation.actions_of(env, s, r["best"][0])[0] for s, r in zip(states, recorded, strict=True)]
    assert len(recorded) > 40
    afterstate = jax.jit(jax.vmap(unbatched(partial(rules_step.afterstate, env.board))))
    mixed = jax.device_get(afterstate(batches.stack(states), np.array(actions)))
    phases = np.array([s.phase for s in states])
    early = np.where(phases < rr.Phase.TERRITORY, np.arange(len(states)), np.argmin(phases))
    alike = jax.device_get(afterstate(batches.take(batches.stack(states), early), np.array(actions)[early]))
    for i, record in enumerate(recorded):
        for after in [mixed, alike] if early[i] == i else [mixed]:
            *fields, flags = notation.state_string(env, batches.take(after, i)).split("|")
            fields.append(" ".join(flag for flag in flags.split(" ") if flag == "pl" or flag.startswith("lps=")))
            wanted = record["after"].split("|")
            if record["best"][0].startswith("L ") and wanted[1] == "terr":
                wanted[1] = "line"  # the phase is left at once where no line is left, on which no value depends
            assert fields == wanted, (record["s"], record["best"][0])
    assert 10 < (early == np.arange(len(early))).sum() < len(early)


@every_configuration
def test_random_positions_are_finite(board: str, num_players: int):
    env = batches.make(board, num_players)
    terms, values = score(env, random_states(env), [heuristic.default_profile(env)] * LANES)
    assert all(np.isfinite(term).all() and term.shape == (LANES, num_players) for term in terms.values())
    over = random_states(env).phase == rr.Phase.OVER
    close(values[~over], np.sum(list(terms.values()), axis=0)[~over])
    assert values.std(axis=0).min() > 1


@pytest.mark.parametrize(("board", "num_players"), [("square8", 2), pytest.param("hexagonal", 3, marks=pytest.mark.ci)])
def test_symmetric_positions_have_equal_terms(board: str, num_players: int):
    """Except for closure, if a seat has more markers than it takes: it takes the first ones."""
    env = batches.make(board, num_players)
    states, profiles = random_states(env), [heuristic.default_profile(env)] * LANES
    turns = np.arange(LANES) % symmetry.order(env.board)
    images = jax.device_get(jax.vmap(partial(symmetry.map_state, env.board))(states, turns))
    terms, image_terms = (score(env, s, profiles)[0] for s in (states, images))
    few = (np.asarray(states.markers) <= 10).all(-1)
    assert few.sum() > 40
    for name, term in terms.items():
        same = few if name == "territory_closure" else slice(None)
        np.testing.assert_allclose(image_terms[name][same], term[same], rtol=1e-5, atol=1e-5, err_msg=name)


def test_two_players_see_opposite_terms():
    """Only eliminated rings and the threat of the other's victory are not relative."""
    env = batches.make("square8", 2)
    terms, _ = score(env, random_states(env), ["heuristic_v1_balanced"] * LANES)
    relative = terms.keys() - {"eliminated_rings", "opponent_victory_threat", "vulnerability", "overtake_potential"}
    assert len(relative) == 17
    for name in relative:
        close(terms[name].sum(-1), np.zeros(LANES), atol=1e-3, err_msg=name)
    weights = heuristic.weights("heuristic_v1_balanced")
    weaker = terms["vulnerability"] / weights.vulnerability
    assert weaker.any()
    close(weaker, -terms["overtake_potential"][:, ::-1] / weights.overtake_potential)


def test_weights_can_be_differentiated_and_batched():
    env = batches.make("square8", 2)
    state = batches.take(random_states(env), 60)
    profiles = ["heuristic_v1_balanced", "heuristic_v1_defensive"]
    both = [jax.tree.map(np.float32, heuristic.weights(profile)) for profile in profiles]
    many = jax.tree.map(lambda *values: np.stack(values), *both)
    value = jax.value_and_grad(lambda weights: heuristic.evaluate(env, state, weights)[0])
    values, slopes = jax.jit(jax.vmap(value))(many)
    terms, expected = score(env, batches.stack([state] * 2), profiles)
    close(values, expected[:, 0])
    close(slopes.mobility * many.mobility, terms["mobility"][:, 0])
    assert terms["mobility"].any()


@pytest.mark.parametrize("shape", ("square", "hex"))
def test_custom_boards(shape: boards.Shape):
    """Down to boards where a row of four does not fit."""
    env = rr.make(boards.custom(shape, 3, rings_per_player=4, num_players=3))
    assert heuristic.default_profile(env) == "heuristic_v1_sq8_3p"
    texts = ["1|place|4,4,4|0,0,0|0,0,0||||lps=1/---/0/0", "2|place|3,4,4|0,0,0|0,0,0|1,1:1|0,1:1||lps=1/1--/0/0"]
    if shape == "hex":
        texts[1] = texts[1].replace("1,1:1", "0,0:1")
    states = batches.stack([notation.from_state_string(env, text) for text in texts])
    terms, _ = score(env, states, [heuristic.default_profile(env)] * 2)
    weights = heuristic.weights(heuristic.default_profile(env))
    close(terms["center_control"][1], weights.center_control * np.array([1, -1, -1]))
    close(terms["marker_count"][1], weights.marker_count * np.array([1, -1, -1]))
    assert not any(term[0].any() for name, term in terms.items() if name != "forced_elimination_risk")


def test_profiles():
    assert set(heuristic.PROFILES) == heuristic._published()["weights"].keys()
    for profile in heuristic.PROFILES:
        assert isinstance(heuristic.weights(profile), heuristic.Weights)
    with pytest.raises(ValueError, match="unknown profile 'bold'; choose one of heuristic_v1_balanced, "):
        heuristic.weights("bold")
    assert heuristic.weights("v1-heuristic-5").eliminated_rings == 15
    assert heuristic.default_profile(rr.make("hexagonal", 4)) == "heuristic_v1_hex_4p"


def test_agent_wins_when_it_can():
    """Only the stack of two rings makes up the eliminated rings that win."""
    env = batches.make("square8", 2)
    text = "1|fe|0,5|16,0|0,0|0,0:1 3,3:11 7,7:2|||lps=1/0-/0/0"
    state = notation.from_state_string(env, text)
    (actions,), (values,) = decide(env, batches.stack([state]))
    found = dict(zip(notation.moves_of(env, state, actions), values, strict=True))
    assert found["FE 3,3"] == heuristic.WIN and abs(found["FE 0,0"]) < heuristic.WIN
    won = notation.play(env, state, "FE 3,3")
    _, values = score(env, batches.stack([won]), ["heuristic_v1_balanced"])
    assert values[0].tolist() == [heuristic.WIN, -heuristic.WIN]
    assert agent_moves(env, text) == {"FE 3,3"}


def agent_moves(env: rr.Env, text: str) -> set[str]:
    """What the agent plays in one position with LANES keys."""
    state = notation.from_state_string(env, text)
    keys = jax.random.split(jax.random.key(1), LANES)
    agent = heuristic_agent(env, heuristic.weights(heuristic.default_profile(env)))
    chosen = [np.asarray(agent(batches.stack([state] * LANES), keys)) for _ in range(2)]
    np.testing.assert_array_equal(*chosen, err_msg="equal keys, different moves")
    return set(notation.moves_of(env, state, chosen[0]))


def test_ties_are_broken_by_the_keys():
    env = batches.make("square8", 2)
    start = env.init()
    (actions,), (values,) = decide(env, batches.stack([start]))
    best = set(notation.moves_of(env, start, actions[values == values.max()]))
    assert best == {f"P {x},{y} 3" for x in (3, 4) for y in (3, 4)}
    assert agent_moves(env, notation.state_string(env, start)) == best


def test_nothing_to_decide_when_a_game_is_over():
    env = batches.make("square8", 2)
    states = random_states(env)
    over = states.replace(phase=np.full(LANES, rr.Phase.OVER))
    actions, values = heuristic.decision_values(env, over, heuristic.weights("heuristic_v1_balanced"))
    assert (actions == -1).all() and (values == -jnp.inf).all()


def test_decisions_do_not_depend_on_the_batch():
    """Many chunks of decisions, in order of phase, against a chunk at a time."""
    env = batches.make("square8", 2)
    states = batches.stack([notation.from_state_string(env, t) for t in positions.built_positions(env.board).values()])
    states = batches.take(states, np.arange(LANES) % len(states.phase))
    order = np.random.default_rng(0).permutation(LANES)
    actions, values = decide(env, states)
    shuffled_actions, shuffled_values = decide(env, batches.take(states, order))
    assert sum(map(len, actions)) > 2 * heuristic._CHUNK
    for i, place in enumerate(order):
        np.testing.assert_array_equal(shuffled_actions[i], actions[place])
        np.testing.assert_array_equal(shuffled_values[i], values[place])


@pytest.mark.slow
def test_beats_random_play_as_often_as_the_public_player():
    """164 of 200 under the rules' timing, 82%; two-sided 99.9% of that and of the games here."""
    env = rr.make("square8", 2)
    agent = heuristic_agent(env, heuristic.weights(heuristic.default_profile(env)))
    play = jax.jit(lambda key: arena.play_match(env, arena.versus(agent, random_agent(env)), 128, key))
    match = play(jax.random.key(0))
    assert 0.70 < (np.asarray(match.score) > 0).mean() < 0.94
