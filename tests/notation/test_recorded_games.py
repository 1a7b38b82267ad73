"""Every recorded game through the JAX rules: strings, legal moves and result at each decision."""

from collections.abc import Iterator

import batches
import numpy as np
import pytest
from parity import crc, games, needs_parity

import ringrift_jax as rr
from ringrift_jax import notation
from ringrift_jax.rules.state import State


def decisions(game: dict) -> Iterator[tuple[str, dict]]:
    """The state string before each move that is a choice, and its step."""
    before = game["s0"]
    for step in game["steps"]:
        if not step["m"].startswith("NO_"):
            yield before, step
        before = step["s"]


class Batch:
    """Games of one configuration side by side. An action of -1 is illegal and leaves its game as it is."""

    def __init__(self, env: rr.Env, size: int):
        self.env, self.size = env, size
        self.states = batches.stack([env.init()] * size)

    def peek(self, actions: dict[int, int]) -> tuple[State, np.ndarray]:
        """What the actions of some games lead to: states and masks."""
        dense = [actions.get(i, batches.NO_ACTION) for i in range(self.size)]
        return batches.advance(self.env, self.states, np.array(dense))

    def play(self, actions: dict[int, int]) -> tuple[State, np.ndarray]:
        self.states, masks = self.peek(actions)
        return self.states, masks

    def named(self, state, mask) -> list[tuple[str, int]]:
        actions = np.flatnonzero(mask).tolist()
        return list(zip(notation.moves_of(self.env, state, actions), actions, strict=True))

    def legal(self, running: list[int], states, masks) -> dict[int, dict[str, list[int]]]:
        """For each running game the actions of every legal move; a slide is expanded by every way to complete it."""
        found: dict[int, list[tuple[str, list[int]]]] = {i: [] for i in running}
        slides: dict[int, list[tuple[str, int]]] = {i: [] for i in running}
        for i in running:
            for move, action in self.named(batches.take(states, i), masks[i]):
                if move.startswith("R "):
                    slides[i].append((move, action))
                else:
                    found[i].append((move, [action]))
        for round_ in range(max(map(len, slides.values()))):
            chosen = {i: slides[i][round_] for i in running if round_ < len(slides[i])}
            pending, pending_masks = self.peek({i: action for i, (_, action) in chosen.items()})
            for i, (slide, first) in chosen.items():
                text = notation.state_string(self.env, batches.take(pending, i))
                before = notation.state_string(self.env, batches.take(states, i))
                assert text == before.replace("|lps=", f"|sl={slide[2:]} lps=")
                completions = self.named(batches.take(pending, i), pending_masks[i])
                assert completions and all(move.startswith(f"{slide} ") for move, _ in completions)
                found[i] += [(move, [first, second]) for move, second in completions]
        for moves in found.values():
            assert len(moves) == len({move for move, _ in moves}), "a move is listed twice"
        return {i: dict(moves) for i, moves in found.items()}


def check_result(env: rr.Env, game: dict, state: State) -> None:
    result, n = game["result"], env.num_players
    swapped = any(step["m"] == "SWAP" for step in game["steps"])
    winner = result["winner"] - 1
    player = 1 - winner if swapped else winner
    expected = np.where(np.arange(n) == player, 1.0, -1.0 / (n - 1))
    assert state.winner == winner, game["id"]
    assert notation.REASON_NAMES[rr.Reason(int(state.reason))] == result["reason"], game["id"]
    assert state.ranks.tolist() == result["ranks"], game["id"]
    np.testing.assert_allclose(state.rewards, expected, rtol=1e-6, err_msg=game["id"])


@needs_parity
@pytest.mark.optimised
@pytest.mark.parametrize(
    ("board", "num_players"),
    [pytest.param(*c, marks=batches.marks(*c, quick=(), often=batches.SMALL)) for c in batches.SMALL + batches.LARGE],
)
def test_recorded_games(board: str, num_players: int):
    recorded = list(games(board, num_players))
    assert recorded
    for swap_rule in {game["swap_rule"] for game in recorded}:
        replay(board, num_players, swap_rule, [game for game in recorded if game["swap_rule"] == swap_rule])


def replay(board: str, num_players: int, swap_rule: bool, recorded: list[dict]) -> None:
    env = rr.make(board, num_players, swap_rule)
    batch = Batch(env, len(recorded))
    scripts = [list(decisions(game)) for game in recorded]
    states, masks = batch.play({})
    for turn in range(max(map(len, scripts))):
        running = [i for i, script in enumerate(scripts) if turn < len(script)]
        legal = batch.legal(running, states, masks)
        chosen: dict[int, list[int]] = {}
        for i in running:
            before, step = scripts[i][turn]
            where = f"{recorded[i]['id']}, before {step['m']}: {before}"
            assert notation.state_string(env, batches.take(states, i)) == before, where
            moves = sorted(legal[i])
            assert moves == step.get("L", moves), where
            assert (len(moves), crc(moves)) == (step["n"], step["h"]), where
            chosen[i] = legal[i][step["m"]]
            assert notation.encode(env, batches.take(states, i), step["m"]) == chosen[i], where
        batch.play({i: actions[0] for i, actions in chosen.items() if len(actions) == 2})
        states, masks = batch.play({i: actions[-1] for i, actions in chosen.items()})
        for i in running:
            assert not states.illegal[i]
            last = turn == len(scripts[i]) - 1
            assert (states.just_ended[i], masks[i].any()) == (last, not last), recorded[i]["id"]
            if last:
                assert notation.state_string(env, batches.take(states, i)) == recorded[i]["steps"][-1]["s"]
                check_result(env, recorded[i], batches.take(states, i))
