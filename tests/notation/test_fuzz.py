"""Malformed text never becomes a wrong state or a wrong move: 10,000 mutations of real strings."""

import random
from collections import Counter

import pytest
from positions import built_positions

import ringrift_jax as rr
from ringrift_jax import notation, reference

CONFIGURATIONS = [("square8", 2), ("hex8", 3)]
STATES_EACH, MOVES_EACH = 3000, 2000
ALPHABET = "0123456789,-:|/>~*@= PCKRMLTFESbwpalmtucox+_. "


def mutate(text: str, other: str, rng: random.Random) -> str:
    """One or two small edits, or parts of another text."""
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(text) + 1)
        j = min(len(text), i + rng.randint(1, 3))
        match rng.randrange(7):
            case 0:
                text = text[:i] + rng.choice(ALPHABET) + text[i:]
            case 1:
                text = text[:i] + text[j:]
            case 2:
                text = text[:i] + rng.choice(ALPHABET) + text[i + 1 :]
            case 3:
                text = text[:j] + text[i:]
            case 4:
                text = text[:i] + text[i : i + 2][::-1] + text[i + 2 :]
            case 5:
                text = exchange(text, other, "|", rng)
            case _:
                text = exchange(text, other, " ", rng)
    return text


def exchange(text: str, other: str, separator: str, rng: random.Random) -> str:
    """Replaces one part by a part of another text."""
    parts = text.split(separator)
    parts[rng.randrange(len(parts))] = rng.choice(other.split(separator))
    return separator.join(parts)


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=lambda c: f"{c[0]}-{c[1]}p")
def env(request) -> rr.Env:
    board, num_players = request.param
    return rr.make(board, num_players, swap_rule=num_players == 2)


@pytest.fixture(scope="module")
def texts(env: rr.Env) -> list[str]:
    """Rare positions, the states while a recovery slide of theirs is pending, a first placement and a finished game."""
    n = env.num_players
    built = list(built_positions(env.board).values())
    pending = []
    for text in built:
        state = notation.from_state_string(env, text)
        slides = {move.split(" ")[1] for move in notation.legal_moves(env, state) if move.startswith("R ")}
        pending += [text.replace("|lps=", f"|sl={slide} lps=") for slide in sorted(slides)[:2]]
    assert pending
    numbers = {name: ",".join(values) for name, values in {"zero": "0" * n, "rings": ["18"] * n}.items()}
    start = notation.state_string(env, env.init())
    over = f"0|over|{numbers['rings']}|{numbers['zero']}|{numbers['zero']}||||"
    return [*built, *pending, start, over]


def test_mutated_states_are_refused_or_kept_exactly(env: rr.Env, texts: list[str]):
    rng = random.Random(1)
    outcomes = Counter()
    for text in texts:
        assert notation.state_string(env, notation.from_state_string(env, text)) == text
    for _ in range(STATES_EACH):
        text = mutate(rng.choice(texts), rng.choice(texts), rng)
        try:
            state = notation.from_state_string(env, text)
        except ValueError as error:
            assert len(str(error)) > 20
            outcomes["refused"] += 1
        else:
            assert notation.state_string(env, state) == text
            moves = notation.legal_moves(env, state)
            assert bool(moves) != bool(state.is_over)
            if state.slide < 0:
                readable = reference.from_state_string(env.board, text, env.swap_rule)
                assert moves == sorted(reference.legal_moves(readable)), text
            outcomes["accepted"] += 1
    print(outcomes)
    assert outcomes["refused"] > STATES_EACH / 2 and outcomes["accepted"] > STATES_EACH / 100


def test_mutated_moves_are_refused_or_legal(env: rr.Env, texts: list[str]):
    rng = random.Random(2)
    states = [notation.from_state_string(env, text) for text in texts]
    legal = [notation.legal_moves(env, state) for state in states]
    every_move = sorted(set().union(*legal))
    outcomes = Counter()
    for _ in range(MOVES_EACH):
        i = rng.randrange(len(states))
        move = mutate(rng.choice(legal[i] or every_move), rng.choice(every_move), rng)
        try:
            actions = notation.actions_of(env, states[i], move)
        except ValueError as error:
            assert len(str(error)) > 20
            assert move not in legal[i]
            outcomes["refused"] += 1
        else:
            assert move in legal[i]
            assert len(actions) == 1 + (move.startswith("R ") and states[i].slide < 0)
            outcomes["accepted"] += 1
    print(outcomes)
    assert outcomes["refused"] > MOVES_EACH / 2 and outcomes["accepted"] > MOVES_EACH / 100
