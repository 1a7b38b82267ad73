"""Puzzles: positions in which the player to move can win before its turn passes, as chess has its tactics suites.

A file has one JSON object a line, with ``board``, ``players``, ``state`` (the state string of the records) and ``win``,
moves that win, or null where it is proved that none do.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from msgspec import Meta

from .. import reference
from ..boards import BOARD_NAMES, standard
from ..env import Env
from ..notation import from_state_string
from ..players.agents import Agent
from ..pytrees import select


class Puzzle(msgspec.Struct, frozen=True):
    """One line of a file. ``nodes``: states that were searched to find the win, or to prove that there is none."""

    board: str
    players: Annotated[int, Meta(ge=2, le=4)]
    state: str
    win: tuple[str, ...] | None
    nodes: int = 0


def read_puzzles(path: Path) -> list[Puzzle]:
    """The puzzles of a file. FileNotFoundError, or ValueError that names the line that is none."""
    puzzles = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            puzzle = msgspec.json.decode(line, type=Puzzle)
            if puzzle.board not in BOARD_NAMES:
                raise ValueError(f"board is {puzzle.board!r}; boards are {', '.join(BOARD_NAMES)}")
            # The reference reads it too, and starts no JAX backend.
            reference.from_state_string(standard(puzzle.board, puzzle.players), puzzle.state)
        except ValueError as problem:
            raise ValueError(f"{path}, line {number}, is no puzzle: {problem}") from None
        puzzles.append(puzzle)
    return puzzles


def states_of(env: Env, puzzles: Iterable[Puzzle]) -> Any:
    """States ``[P]``."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(from_state_string(env, p.state) for p in puzzles))


def solved(env: Env, agent: Agent, states: Any, key: jax.Array) -> np.ndarray:
    """Has an agent play on from states ``[P]`` until each turn ends.

    Args:
      key: typed key, consumed.

    Returns:
      ``bool[P]``: the player to move has won.
    """
    player = states.current_player

    def playing(now: Any) -> jax.Array:
        return ~now.is_over & (now.turn == states.turn) & (now.current_player == player)

    def decide(carry: tuple[Any, jax.Array]) -> tuple[Any, jax.Array]:
        now, key = carry
        key, *keys = jax.random.split(key, len(player) + 1)
        after = jax.vmap(env.step)(now, agent(now, jnp.stack(keys)))
        return select(playing(now), after, now), key

    @jax.jit
    def play(states: Any, key: jax.Array) -> jax.Array:
        end, _ = jax.lax.while_loop(lambda carry: playing(carry[0]).any(), decide, (states, key))
        return end.is_over & (end.winner == jnp.take_along_axis(end.seat_of_player, player[:, None], axis=1)[:, 0])

    return np.asarray(play(states, key))
