"""Wins of a turn that a player gave away in a recorded game, as chess servers mark mistakes."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import make, notation
from ..env import Env
from ..notation import REASON_NAMES
from ..rules.state import Reason
from ..search.winning_turn import LINE, NODES, winning_lines


def overlooked_wins(record: dict) -> dict[int, str]:
    """Where a player could still win before its turn passed, and no longer could after its move.

    Args:
      record: a verified game.

    Returns:
      By the number of the move in the record, from 1: the moves that win from before it, as :func:`describe_line` says
      them. Positions too large for an exhaustive search of the turn have none.
    """
    env = make(record["board"], record["players"], swap_rule=record["swap_rule"])
    states, where = [env.init()], []
    for number, action in decisions(env, record):
        where.append(number)
        states.append(env.step(states[-1], jnp.int32(action)))
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    win, lines = jax.device_get(winning_lines(env, batch, NODES, jnp.ones(len(states), bool)))
    players, turns, overs = (np.asarray(leaf) for leaf in (batch.current_player, batch.turn, batch.is_over))
    given_away = {}
    for index, number in enumerate(where):
        same_turn = (turns[index + 1], players[index + 1]) == (turns[index], players[index])
        seat = states[index + 1].seat_of_player[players[index]]
        won = overs[index + 1] and states[index + 1].winner == seat
        keeps = not overs[index + 1] and same_turn and win.found[index + 1]
        unsure = not overs[index + 1] and same_turn and not win.complete[index + 1]
        if win.found[index] and not (won or keeps or unsure):
            given_away[number] = describe_line(env, states[index], lines[index])
    return given_away


def decisions(env: Env, record: dict) -> Iterator[tuple[int, int]]:
    """The number of each move that was a decision, from 1, with each of its actions."""
    state = env.init()
    for number, step in enumerate(record["steps"], 1):
        if not step["m"].startswith("NO_"):  # forced, and made by the step before
            for action in notation.actions_of(env, state, step["m"]):
                yield number, action
                state = env.step(state, jnp.int32(action))


def describe_line(env: Env, state: Any, actions: Sequence[int]) -> str:
    """A winning line for people: its moves, and how it wins. ``actions`` end at -1; a line that was too long to be
    remembered whole ends with dots."""
    moves: list[str] = []
    for action in actions:
        if action < 0:
            break
        move = notation.move_of(env, state, int(action))
        if moves and move.startswith(moves[-1]):  # the second action of a recovery names the whole
            moves.pop()
        moves.append(move)
        state = env.step(state, jnp.int32(action))
    seat = int(state.winner) + 1
    end = f": seat {seat} wins by {REASON_NAMES[Reason(int(state.reason))]}" if seat else " ..."
    assert seat or len(actions) == LINE
    return ", ".join(moves) + end
