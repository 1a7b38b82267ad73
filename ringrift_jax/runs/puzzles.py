"""How players solve puzzles (:mod:`.puzzle_files`), and those that recorded games have."""

from collections.abc import Iterable, Iterator
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
from ..search.evaluation import Evaluate
from ..search.explain_win import play_line
from ..search.whole_turns import draw_turns, make_plans
from ..search.winning_turn import turn_goes_on, usual_nodes, winning_lines, winning_turn, won_by
from .puzzle_files import Puzzle, source_of
from .records import played_decisions


def find_puzzles(env: Env, records: Iterable[dict], batch: int = 128) -> list[Puzzle]:
    """The positions of verified games in which a turn begins that can be won before it passes.

    Args:
      env: the game of all the records.
      batch: positions that are searched together.
    """
    starts = [state for record in records for state in _turn_starts(env, record)]
    puzzles = []
    for i in range(0, len(starts), batch):
        some = starts[i : i + batch]
        padded = some + [some[0]] * (batch - len(some))
        win, lines = jax.device_get(winning_lines(env, stack(padded), usual_nodes(env), jnp.arange(batch) < len(some)))
        for j in np.flatnonzero(win.found):
            moves, _ = play_line(env, some[j], lines[j])
            puzzle = Puzzle(
                env.board.name, env.num_players, state_string(env, some[j]), tuple(moves), nodes=int(win.nodes[j])
            )
            puzzles.append(puzzle)
    return puzzles


def find_defences(
    env: Env, records: Iterable[dict], key: jax.Array, turns: int = 32, batch: int = 8
) -> Iterator[Puzzle]:
    """The positions of verified games in which a turn begins that cannot be won and after which the next player mostly
    can: of so many turns played at random at least one, and at most half, leave it no win.

    Args:
      env: the game of all the records.
      records: the games.
      key: typed, consumed.
      turns: played at random from each position, each decision evenly, but the first turn, which takes the first legal
        ones. Positions are left out where a search of :func:`~ringrift_jax.search.winning_turn.usual_nodes` decisions
        does not tell of each turn whether it leaves a win.
      batch: positions that are searched together.
    """

    @jax.jit
    def search(states: Any, keys: jax.Array, asked: jax.Array) -> tuple[jax.Array, ...]:
        win, _ = winning_lines(env, states, usual_nodes(env), asked)
        asked &= win.complete & ~win.found
        lines, _, ends = draw_turns(env, _even(env), SearchConfig(turns=turns), None, states, keys, asked)
        flat = jax.tree.map(lambda leaf: leaf.reshape(batch * turns, *leaf.shape[2:]), ends)
        answer, _ = winning_lines(env, flat, usual_nodes(env), jnp.repeat(asked, turns) & ~flat.is_over)
        known = (answer.found | answer.complete | flat.is_over).reshape(batch, turns)
        safe = (answer.complete & ~answer.found & ~flat.is_over).reshape(batch, turns)
        return asked & known.all(axis=1), safe, lines, win.nodes

    for record in records:
        starts = list(_turn_starts(env, record))
        for i in range(0, len(starts), batch):
            some = starts[i : i + batch]
            key, *keys = jax.random.split(key, batch + 1)
            padded = stack(some + [some[0]] * (batch - len(some)))
            asked, safe, lines, nodes = jax.device_get(search(padded, jnp.stack(keys), jnp.arange(batch) < len(some)))
            for j in np.flatnonzero(asked & safe.any(axis=1) & (safe.mean(axis=1) <= 1 / 2)):
                held = lines[j][safe[j]]
                shortest = held[(held >= 0).sum(axis=1).argmin()]
                moves, _ = play_line(env, some[j], shortest)
                yield Puzzle(
                    env.board.name,
                    env.num_players,
                    state_string(env, some[j]),
                    win=None,
                    defence=tuple(moves),
                    nodes=int(nodes[j]),
                    keep=int(safe[j].sum()),
                    of=turns,
                    source=source_of(record),
                )


def _turn_starts(env: Env, record: dict) -> Iterator[Any]:
    """The positions of a verified game in which a turn begins."""
    states, _, _ = played_decisions(env, record)
    yield states[0]
    yield from (now for last, now in pairwise(states) if not (turn_goes_on(last, now) or now.is_over))


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
    plans = jax.jit(partial(make_plans, env, _even(env), config, None))(
        states, jax.random.split(key, batch), ~states.is_over, jnp.zeros(batch, bool), jnp.zeros(batch, bool)
    )
    return np.asarray(plans.values.max(axis=1) > -1)


def _even(env: Env) -> Evaluate:
    """A network to which all decisions and all positions are alike."""

    def evaluate(_: Any, observations: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros((len(observations), env.num_actions)), jnp.zeros((len(observations), env.num_players))

    return evaluate
