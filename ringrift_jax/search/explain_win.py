"""How a turn is won, in words, for users of an environment."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .. import notation
from ..env import Env
from ..notation import REASON_NAMES
from ..rules.state import Reason, State
from .winning_turn import LINE, NODES, winning_lines


def explain_win(env: Env, state: State, nodes: int = NODES) -> str:
    """One sentence: how the player to move wins before its turn passes, that it cannot, or that this is not known.

    Args:
      env: the environment.
      state: unbatched.
      nodes: decisions that are tried at most, at least 1.

    Raises:
      ValueError: the state has a leading axis.
    """
    if jnp.ndim(state.current_seat):
        raise ValueError(f"the state has leading axes {jnp.shape(state.current_seat)}; explain_win takes one position")
    if bool(state.is_over):
        return "the game is over"
    one = jax.tree.map(lambda leaf: leaf[None], state)
    win, lines = winning_lines(env, one, nodes, jnp.ones(1, bool))
    if bool(win.found[0]):
        return describe_line(env, state, lines[0].tolist())
    seat, tried = int(state.current_seat) + 1, f"{int(win.nodes[0]):,} decisions were tried"
    if bool(win.complete[0]):
        return f"seat {seat} cannot win before its turn passes: {tried}, which are all"
    return f"no win of seat {seat} before its turn passes is known: {tried}, which are not all"


def describe_line(env: Env, state: Any, actions: Sequence[int]) -> str:
    """A winning line for people: its moves, and how it wins. ``actions`` end at -1; a line that was too long to be
    remembered whole ends with dots."""
    moves, state = play_line(env, state, actions)
    seat = int(state.winner) + 1
    end = f": seat {seat} wins by {REASON_NAMES[Reason(int(state.reason))]}" if seat else " ..."
    assert seat or len(actions) == LINE
    return ", ".join(moves) + end


def play_line(env: Env, state: Any, actions: Sequence[int]) -> tuple[list[str], Any]:
    """The moves of a line and the state after it. ``actions`` end at -1."""
    moves: list[str] = []
    for action in actions:
        if action < 0:
            break
        move = notation.move_of(env, state, int(action))
        if moves and move.startswith(moves[-1]):  # the second action of a recovery names the whole
            moves.pop()
        moves.append(move)
        state = env.step(state, jnp.int32(action))
    return moves, state
