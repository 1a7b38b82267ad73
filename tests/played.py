"""Games to make records of: of the JAX rules as host arrays, and of the reference as whole records."""

import base64
import gzip
import json
import random
import re
from dataclasses import dataclass

import batches
import jax
import numpy as np
from parity import crc
from random_play import random_moves

import ringrift_jax as rr
from ringrift_jax import boards, reference
from ringrift_jax.reference.position import marker_count, territory
from ringrift_jax.rules.state import State


@dataclass(frozen=True)
class Game:
    """``states`` with leading axis ``[T]`` before each of the ``actions``, and the state after the last."""

    states: State
    actions: np.ndarray
    end: State

    @property
    def rewards(self) -> np.ndarray:
        return np.asarray(self.end.rewards)


def random_games(env: rr.Env, seed: int, enough: int, lanes: int = batches.LANES) -> list[Game]:
    """The games that have ended when ``enough`` of the lanes have, played side by side from the start.

    Each decision is of a random kind, so that rare kinds happen.
    """
    rng = np.random.default_rng(seed)
    kinds = _kinds(env)
    start = batches.stack([env.init()] * lanes)
    _, masks = batches.advance(env, start, np.full(lanes, batches.NO_ACTION))
    history, chosen, states = [start], [], start
    while states.is_over.sum() < enough:
        ranking = rng.random((lanes, kinds.max() + 1), np.float32)[:, kinds] + 0.01 * rng.random(
            masks.shape, np.float32
        )
        chosen.append(np.argmax(np.where(masks, ranking, -1), axis=1))
        states, masks = batches.advance(env, states, chosen[-1])
        history.append(states)
    steps = jax.tree.map(lambda *leaves: np.stack(leaves), *history)
    games = []
    for lane in np.flatnonzero(states.is_over):
        length = int(np.argmax(steps.is_over[:, lane]))
        actions = np.array([actions[lane] for actions in chosen[:length]], np.int32)
        games.append(Game(batches.take(steps, np.s_[:length, lane]), actions, batches.take(steps, (length, lane))))
    return games


def _kinds(env: rr.Env) -> np.ndarray:
    """What kind of decision each action is."""
    layout = env.layout
    planes = np.array([layout.rays, layout.lines, layout.regions, layout.payment, layout.num_planes])
    kinds = np.searchsorted(planes * layout.cells, np.arange(env.num_actions), side="right")
    kinds[layout.swap] += 1
    return kinds


def random_record(seed: int, board: str = "square8", num_players: int = 2, **extra: object) -> dict:
    """The record of a random game of the reference, by the words of records section 5."""
    swap_rule = num_players == 2
    start = end = reference.new_game(boards.standard(board, num_players), swap_rule)
    steps = []
    for before, move, end in random_moves(start, random.Random(seed)):
        legal = reference.legal_moves(before)
        place = {"p": before.seat, "ph": before.phase}
        steps.append(
            place | {"m": move, "n": len(legal), "h": crc(legal), "s": reference.state_string(end), "L": list(legal)}
        )
    result = reference.result(end)
    assert result
    counted = end.hand if result.reason.startswith("stalemate") else dict.fromkeys(end.seats, 0)
    scores = [
        {
            "p": seat,
            "t": territory(end)[seat],
            "e": end.eliminated[seat] + counted[seat],
            "m": marker_count(end)[seat],
            "x": end.lost.get(seat),
        }
        for seat in end.seats
    ]
    return extra | {
        "id": f"random {seed}",
        "board": board,
        "players": num_players,
        "swap_rule": swap_rule,
        "lps_rounds": 3,
        "engine": "reference",
        "cap": None,
        "s0": reference.state_string(start),
        "steps": steps,
        "result": result._asdict() | {"scores": scores},
    }


def held(page: str) -> dict:
    """What the page of a game holds of it."""
    (data,) = re.findall(r'data-game="data:application/gzip;base64,([^"]+)"', page)
    return json.loads(gzip.decompress(base64.b64decode(data)))
