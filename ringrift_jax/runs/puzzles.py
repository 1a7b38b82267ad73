"""How players solve puzzles (:mod:`.puzzle_files`), and those that recorded games have."""

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..env import Env
from ..notation import from_state_string, state_string
from ..players.agents import Agent, as_planner
from ..pytrees import select, stack
from ..search.config import SearchConfig
from ..search.explain_win import play_line
from ..search.whole_turns import make_plans
from ..search.winning_turn import turn_goes_on, usual_nodes, winning_lines, winning_turn, won_by
from .puzzle_files import Puzzle
from .records import played_decisions


def find_puzzles(env: Env, records: Iterable[dict], batch: int = 128) -> list[Puzzle]:
    """The positions of verified games in which a turn begins that can be won before it passes.

    Args:
      env: the game of all the records.
      batch: positions that are searched together.
    """
    starts: list[Any] = []
    for record in records:
        states, _, _ = played_decisions(env, record)
        starts.append(states[0])
        starts += [now for last, now in pairwise(states) if not (turn_goes_on(last, now) or now.is_over)]
    puzzles = []
    for i in range(0, len(starts), batch):
        some = starts[i : i + batch]
        padded = some + [some[0]] * (batch - len(some))
        win, lines = jax.device_get(winning_lines(env, stack(padded), usual_nodes(env), jnp.arange(batch) < len(some)))
        for j in np.flatnonzero(win.found):
            moves, _ = play_line(env, some[j], lines[j])
            puzzle = Puzzle(
                env.board.name, env.num_players, state_string(env, some[j]), tuple(moves), int(win.nodes[j])
            )
            puzzles.append(puzzle)
    return puzzles


def states_of(env: Env, puzzles: Iterable[Puzzle]) -> Any:
    """States ``[P]``."""
    return stack([from_state_string(env, puzzle.state) for puzzle in puzzles])


def play_turn(env: Env, agent: Agent, states: Any, key: jax.Array) -> Any:
    """States ``[P]`` after an agent has played on until each turn ends. ``key``: typed, consumed."""
    planner = as_planner(agent)

    @jax.jit
    def play_on(states: Any, key: jax.Array) -> Any:
        def decide(carry: tuple[Any, Any, jax.Array]) -> tuple[Any, Any, jax.Array]:
            now, memory, key = carry
            key, *keys = jax.random.split(key, len(states.turn) + 1)
            actions, memory = planner.act(now, jnp.stack(keys), memory)
            return select(turn_goes_on(states, now), jax.vmap(env.step)(now, actions), now), memory, key

        start = states, planner.remember(len(states.turn)), key
        return jax.lax.while_loop(lambda carry: turn_goes_on(states, carry[0]).any(), decide, start)[0]

    return play_on(states, key)


def solved(env: Env, agent: Agent, states: Any, key: jax.Array) -> np.ndarray:
    """Whether an agent wins before the turn passes, ``bool[P]``. ``key``: typed, consumed."""
    return np.asarray(won_by(play_turn(env, agent, states, key), states.current_player))


def leaves_no_win(env: Env, states: Any, ends: Any) -> np.ndarray:
    """Whether the next player is proved to have no win after turns from ``states`` to ``ends``, ``bool[P]``."""
    answer = winning_turn(env, ends)
    lost = ends.is_over & ~won_by(ends, states.current_player)
    return np.asarray(answer.complete & ~answer.found & ~lost)


def defensible(env: Env, states: Any, key: jax.Array, turns: int = 64) -> np.ndarray:
    """Whether one of so many turns drawn at random leaves the next player no win, ``bool[P]``; so True is proved, False
    is not. ``key``: typed, consumed."""
    batch = len(states.turn)
    config = SearchConfig(turns=turns, answers=turns, answer_nodes=usual_nodes(env))

    def even(_: Any, observations: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros((len(observations), env.num_actions)), jnp.zeros((len(observations), env.num_players))

    plans = jax.jit(partial(make_plans, env, even, config, None))(
        states, jax.random.split(key, batch), ~states.is_over, jnp.zeros(batch, bool), jnp.zeros(batch, bool)
    )
    return np.asarray(plans.values.max(axis=1) > -1)
