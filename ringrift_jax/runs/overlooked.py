"""Wins of a turn that a player gave away in a recorded game, as chess servers mark mistakes."""

import jax
import jax.numpy as jnp
import numpy as np

from .. import make
from ..pytrees import stack
from ..search.explain_win import describe_line
from ..search.winning_turn import turn_goes_on, usual_nodes, winning_lines, won_by
from .records import played_decisions


def overlooked_wins(record: dict) -> dict[int, str]:
    """Where a player could still win before its turn passed, and no longer could after its move.

    Args:
      record: a verified game.

    Returns:
      By the number of the move in the record, from 1: the moves that win from before it, as :func:`describe_line` says
      them. Positions too large for an exhaustive search of the turn have none.
    """
    env = make(record["board"], record["players"], swap_rule=record["swap_rule"])
    states, _, numbers = played_decisions(env, record)
    batch = stack(states)
    win, lines = jax.device_get(winning_lines(env, batch, usual_nodes(env), jnp.ones(len(states), bool)))
    before, after = (jax.tree.map(lambda leaf, part=part: leaf[part], batch) for part in (np.s_[:-1], np.s_[1:]))
    won, same_turn = won_by(after, before.current_player), turn_goes_on(before, after)
    # A win that is there still, or perhaps is, was not given away.
    keeps = won | (same_turn & (win.found | ~win.complete)[1:])
    given_away = np.flatnonzero(win.found[:-1] & ~np.asarray(keeps))
    return {numbers[i]: describe_line(env, states[i], lines[i]) for i in given_away}
