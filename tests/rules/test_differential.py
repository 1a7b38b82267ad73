"""Differential play: random games of the JAX rules and of the reference, compared at every decision.

The games begin at the start and at built positions, and each prefers some kinds of moves to others by random weights,
so that rare things happen. What happened is counted, and nothing may be missing.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle

import batches
import jax
import numpy as np
import positions
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import ringrift_jax as rr
from ringrift_jax import notation, reference
from ringrift_jax.reference.position import Position, marker_count
from ringrift_jax.reference.position import territory as territory_of

KINDS = (
    "P", "SWAP", "SKIP_PLACE", "M", "C", "SKIP_CAPTURE", "K", "L whole", "L window", "EL", "T", "ET", "ER", "SKIP_TERR",
    "FE", "R", "R line", "R window", "R fallback", "R strike", "SKIP_RECOVERY",
)  # fmt: skip
BORDERS = ("own", "next seat", "second seat on", "third seat on", "none", "several")
REASONS = (
    "ring_elimination", "territory_control", "last_player_standing", "lps_rounds", "stalemate:territory_control",
    "stalemate:ring_elimination", "stalemate:last_player_standing by markers",
    "stalemate:last_player_standing by last turn", "stalemate:tiebreaker_by_player_number",
)  # fmt: skip
EVENTS = (
    *KINDS,
    *(f"region border {border}" for border in BORDERS),
    *(f"win {reason}" for reason in REASONS),
    "overlength line",
    "region in a recovery turn",
    "exclusive round 1",
    "exclusive round 2",
    "exclusive round 3",
)
_SLIDES = {"1": "R line", "2": "R window", "F": "R fallback", "S": "R strike"}


def kind_of(action: str) -> str:
    word, *rest = action.split(" ")
    if word == "R" and len(rest) > 1:
        return _SLIDES[rest[1]]
    if word == "L":
        return "L window" if "/" in action else "L whole"
    return word


def border_of(region: str, mover: int, num_players: int) -> str:
    """What bounds the region of a ``T``: collapsed cells only, markers of one colour, or either of several."""
    digits = region.split(" b")[1]
    if len(digits) > 1:
        return "several"
    return "none" if digits == "0" else BORDERS[(int(digits) - mover) % num_players]


def reason_of(after: Position, mover: int) -> str:
    """The reason of a finished game; it does not say which of two rungs of the stalemate ladder gave its third name."""
    if after.reason != "stalemate:last_player_standing":
        return after.reason
    lands, markers = territory_of(after), marker_count(after)
    score = {s: (lands[s], after.eliminated[s] + after.hand[s], markers[s]) for s in after.seats}
    tied = [s for s in after.seats if score[s] == score[after.winner]]
    assert len(tied) == 1 or after.winner == mover
    return f"{after.reason} by {'markers' if len(tied) == 1 else 'last turn'}"


def events_of(before: Position, action: str, after: Position) -> Iterator[str]:
    kind = kind_of(action)
    yield kind
    if kind == "L window" or kind == "L whole" and any(a.startswith(f"{action}/") for a in reference.actions(before)):
        yield "overlength line"
    if kind == "T":
        yield f"region border {border_of(action, before.seat, before.board.num_players)}"
        if before.recovered:
            yield "region in a recovery turn"
    if after.streak > before.streak:
        yield f"exclusive round {min(after.streak, 3)}"
    if after.winner:
        yield f"win {reason_of(after, before.seat)}"


@dataclass
class Game:
    """One game of the reference, with the taste of whoever plays it."""

    name: str
    pos: Position
    rng: random.Random
    weights: dict[str, float] = field(default_factory=dict)

    def choose(self, actions: list[str]) -> str:
        by_kind: dict[str, list[str]] = {}
        for action in actions:
            by_kind.setdefault(kind_of(action), []).append(action)
        weights = [self.weights.setdefault(kind, 10 ** self.rng.uniform(-1, 1)) for kind in by_kind]
        (kind,) = self.rng.choices(list(by_kind), weights)
        return self.rng.choice(by_kind[kind])


@cache
def starts(env: rr.Env) -> list[tuple[str, str, rr.State]]:
    """The built positions, and between them the start: name, state string and state."""
    start = reference.state_string(reference.new_game(env.board, env.swap_rule))
    built = [(name, text) for name, text in positions.built_positions(env.board).items()]
    texts = [entry for i, pair in enumerate(built) for entry in ([pair, ("start", start)] if i % 4 == 3 else [pair])]
    return [(name, text, jax.device_get(notation.from_state_string(env, text))) for name, text in texts]


def play(env: rr.Env, seed: int, num_games: int, decisions: int) -> Counter[str]:
    """Plays games side by side, beginning another where one ends, and counts what happened in them."""
    rng = random.Random(seed)
    found: Counter[str] = Counter()
    order = cycle(rng.sample(starts(env), len(starts(env))))

    def begin() -> tuple[Game, rr.State]:
        name, text, state = next(order)
        return Game(name, reference.from_state_string(env.board, text, env.swap_rule), rng), state

    games, first = map(list, zip(*(begin() for _ in range(num_games)), strict=True))
    states, masks = batches.advance(env, batches.stack(first), np.full(num_games, batches.NO_ACTION))
    masks = masks.copy()
    for decision in range(decisions):
        chosen = np.empty(num_games, np.int64)
        names = []
        for i, game in enumerate(games):
            where = f"{env.id}, seed {seed}, decision {decision}, game {i} from {game.name}"
            actions = compare(env, game.pos, batches.take(states, i), masks[i], where)
            names.append(game.choose(reference.actions(game.pos)))
            chosen[i] = actions[names[-1]]
        states, masks = batches.advance(env, states, chosen)
        masks = masks.copy()
        assert not states.illegal.any()
        begun: list[int] = []
        for i, game in enumerate(games):
            before, game.pos = game.pos, reference.act(game.pos, names[i])
            found.update(events_of(before, names[i], game.pos))
            if game.pos.winner:
                where = f"{env.id}, seed {seed}, decision {decision}, game {i} from {game.name}, after {names[i]}"
                compare(env, game.pos, batches.take(states, i), masks[i], where)
                compare_result(env, game.pos, batches.take(states, i), where)
                games[i], state = begin()
                states = jax.tree.map(lambda all_, new, i=i: _with(all_, i, new), states, state)
                begun.append(i)
        if begun:
            _, masks[begun] = batches.advance(env, batches.take(states, begun), np.full(len(begun), batches.NO_ACTION))
    return found


def _with(values: np.ndarray, index: int, value: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[index] = value
    return values


def compare(env: rr.Env, pos: Position, state: rr.State, mask: np.ndarray, where: str) -> dict[str, int]:
    """The legal actions by name, after checking that both engines see the same position and the same actions."""
    expected = reference.state_string(pos)
    got = notation.state_string(env, state)
    assert got == expected, f"{where}: the states differ\n JAX       {got}\n reference {expected}"
    legal = np.flatnonzero(mask).tolist()
    names = notation.moves_of(env, state, legal)
    if tuple(sorted(names)) != reference.actions(pos):
        jax_only, reference_only = Counter(names), Counter(reference.actions(pos))
        jax_only.subtract(reference_only)
        extra, missing = sorted(+jax_only), sorted(-jax_only)
        raise AssertionError(f"{where}: {expected}\n only or twice in JAX: {extra}\n only in the reference: {missing}")
    return dict(zip(names, legal, strict=True))


def compare_result(env: rr.Env, pos: Position, state: rr.State, where: str) -> None:
    expected = reference.result(pos)
    assert expected is not None
    reason = notation.REASON_NAMES[rr.Reason(int(state.reason))]
    got = (int(state.winner) + 1, reason, state.ranks.tolist())
    assert got == expected, f"{where}: the results differ\n JAX       {got}\n reference {tuple(expected)}"
    player = 2 - pos.winner if pos.swapped else pos.winner - 1
    rewards = np.where(np.arange(env.num_players) == player, 1.0, -1.0 / (env.num_players - 1))
    np.testing.assert_allclose(state.rewards, rewards, rtol=1e-6, err_msg=where)
    assert state.just_ended and state.terminated and not state.truncated, where


@cache
def differences(board: str, num_players: int, seeds: int, num_games: int, decisions: int) -> Counter[str]:
    """Plays from several seeds and counts what happened. AssertionError where the engines differ."""
    found: Counter[str] = Counter()

    @settings(max_examples=seeds, derandomize=True, deadline=None, phases=[Phase.generate], database=None)
    @given(st.integers(0, 2**32 - 1))
    def from_seed(seed: int) -> None:
        found.update(play(batches.make(board, num_players), seed, num_games, decisions))

    from_seed()
    return found


def small(board: str, num_players: int) -> Counter[str]:
    return differences(board, num_players, seeds=2, num_games=batches.LANES, decisions=24)


@pytest.mark.parametrize(
    ("board", "num_players"), [pytest.param(*pair, marks=batches.marks(*pair)) for pair in batches.SMALL]
)
def test_small_boards(board: str, num_players: int) -> None:
    assert small(board, num_players)


@pytest.mark.parametrize(
    ("board", "num_players"), [pytest.param(*pair, marks=batches.marks(*pair)) for pair in batches.LARGE]
)
def test_large_boards(board: str, num_players: int) -> None:
    assert differences(board, num_players, seeds=1, num_games=32, decisions=8)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "num_players"), batches.SMALL + batches.LARGE)
def test_long_games(board: str, num_players: int) -> None:
    assert differences(board, num_players, seeds=4, num_games=64, decisions=150)


@pytest.mark.ci
def test_everything_happens() -> None:
    """On the small boards together, every event occurs."""
    found = sum((small(*configuration) for configuration in batches.SMALL), Counter())
    print("\n".join(f"{event}: {found[event]}" for event in EVENTS))
    assert set(found) <= set(EVENTS), "an event is not listed"
    assert all(found[event] for event in EVENTS), [event for event in EVENTS if not found[event]]
