"""Every recorded game through the JAX rules: strings, legal moves and result at each decision."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parity import crc, games, needs_parity

import ringrift_jax as rr
from ringrift_jax import notation

NO_ACTION = -1
LARGE = [pytest.param(board, marks=pytest.mark.slow) for board in ("square19", "hexagonal")]


def decisions(game: dict) -> Iterator[tuple[str, dict]]:
    """The state string before each move that is a choice, and its step."""
    before = game["s0"]
    for step in game["steps"]:
        if not step["m"].startswith("NO_"):
            yield before, step
        before = step["s"]


def take(tree, i: int):
    return jax.tree.map(lambda x: x[i], tree)


class Batch:
    """Games of one configuration side by side. An action of -1 is illegal and leaves its game as it is."""

    def __init__(self, env: rr.Env, size: int):
        def advance(state, action):
            state = env.step(state, action)
            return state, env.legal_action_mask(state), state.rewards, state.ranks

        self.env = env
        self.advance = jax.jit(jax.vmap(advance))
        self.states = jax.tree.map(lambda x: jnp.broadcast_to(x, (size, *x.shape)), env.init())
        self.size = size

    def peek(self, actions: dict[int, int]):
        """What the actions of some games lead to, as host arrays: states, masks, rewards and ranks."""
        dense = [actions.get(i, NO_ACTION) for i in range(self.size)]
        states, *rest = self.advance(self.states, jnp.array(dense, jnp.int32))
        return states, *jax.device_get((states, *rest))

    def play(self, actions: dict[int, int]):
        self.states, *host = self.peek(actions)
        return host

    def named(self, state, mask) -> list[tuple[str, int]]:
        actions = np.flatnonzero(mask).tolist()
        return list(zip(notation.moves_of(self.env, state, actions), actions, strict=True))

    def legal(self, running: list[int], states, masks) -> dict[int, dict[str, list[int]]]:
        """For each running game the actions of every legal move; a slide is expanded by every way to complete it."""
        found: dict[int, list[tuple[str, list[int]]]] = {i: [] for i in running}
        slides: dict[int, list[tuple[str, int]]] = {i: [] for i in running}
        for i in running:
            for move, action in self.named(take(states, i), masks[i]):
                if move.startswith("R "):
                    slides[i].append((move, action))
                else:
                    found[i].append((move, [action]))
        for round_ in range(max(map(len, slides.values()))):
            chosen = {i: slides[i][round_] for i in running if round_ < len(slides[i])}
            _, pending, pending_masks, *_ = self.peek({i: action for i, (_, action) in chosen.items()})
            for i, (slide, first) in chosen.items():
                text = notation.state_string(self.env, take(pending, i))
                before = notation.state_string(self.env, take(states, i))
                assert text == before.replace("|lps=", f"|sl={slide[2:]} lps=")
                completions = self.named(take(pending, i), pending_masks[i])
                assert completions and all(move.startswith(f"{slide} ") for move, _ in completions)
                found[i] += [(move, [first, second]) for move, second in completions]
        for moves in found.values():
            assert len(moves) == len({move for move, _ in moves}), "a move is listed twice"
        return {i: dict(moves) for i, moves in found.items()}


def check_result(env: rr.Env, game: dict, state, rewards, ranks) -> None:
    result, n = game["result"], env.num_players
    swapped = any(step["m"] == "SWAP" for step in game["steps"])
    winner = result["winner"] - 1
    player = 1 - winner if swapped else winner
    expected = np.where(np.arange(n) == player, 1.0, -1.0 / (n - 1))
    assert state.winner == winner, game["id"]
    assert notation.REASON_NAMES[rr.Reason(int(state.reason))] == result["reason"], game["id"]
    assert ranks.tolist() == result["ranks"], game["id"]
    np.testing.assert_allclose(rewards, expected, rtol=1e-6, err_msg=game["id"])


@needs_parity
@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("board", ["square8", "hex8", *LARGE])
def test_recorded_games(board: str, num_players: int):
    recorded = list(games(board, num_players))
    assert recorded
    for swap_rule in {game["swap_rule"] for game in recorded}:
        replay(board, num_players, swap_rule, [game for game in recorded if game["swap_rule"] == swap_rule])


def replay(board: str, num_players: int, swap_rule: bool, recorded: list[dict]) -> None:
    env = rr.make(board, num_players, swap_rule)
    batch = Batch(env, len(recorded))
    scripts = [list(decisions(game)) for game in recorded]
    states, masks, rewards, ranks = batch.play({})
    for turn in range(max(map(len, scripts))):
        running = [i for i, script in enumerate(scripts) if turn < len(script)]
        legal = batch.legal(running, states, masks)
        chosen: dict[int, list[int]] = {}
        for i in running:
            before, step = scripts[i][turn]
            where = f"{recorded[i]['id']}, before {step['m']}: {before}"
            assert notation.state_string(env, take(states, i)) == before, where
            moves = sorted(legal[i])
            assert moves == step.get("L", moves), where
            assert (len(moves), crc(moves)) == (step["n"], step["h"]), where
            chosen[i] = legal[i][step["m"]]
            assert notation.encode(env, take(states, i), step["m"]) == chosen[i], where
        batch.play({i: actions[0] for i, actions in chosen.items() if len(actions) == 2})
        states, masks, rewards, ranks = batch.play({i: actions[-1] for i, actions in chosen.items()})
        for i in running:
            assert not states.illegal[i]
            last = turn == len(scripts[i]) - 1
            assert (states.just_ended[i], masks[i].any()) == (last, not last), recorded[i]["id"]
            if last:
                assert notation.state_string(env, take(states, i)) == recorded[i]["steps"][-1]["s"]
                check_result(env, recorded[i], take(states, i), rewards[i], ranks[i])
