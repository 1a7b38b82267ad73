"""The environment: the rules of one board, bundled as hashable pure functions of a state."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from . import boards, observation, symmetry
from .boards import Board, Offset
from .game import Game
from .numerics import in_32_bits
from .rules import legal
from .rules import step as rules_step
from .rules.actions import Layout
from .rules.arrays.lanes import on_any_mesh, unbatched
from .rules.state import State, initial_state
from .settings import Count, check


@dataclass(frozen=True)
class Env:
    """RingRift on one board. Hashable, so it can be a static argument under ``jit``; all methods are unbatched.

    Attributes:
      board: geometry and constants.
      swap_rule: whether the second player may exchange seats instead of its first decision (2 players only).
      max_steps: decisions after which a game is truncated, or None.
    """

    board: Board
    swap_rule: bool = False
    max_steps: Count | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.swap_rule and self.num_players != 2:
            raise ValueError(f"swap_rule needs 2 players, not {self.num_players}")

    @property
    def id(self) -> str:
        """Board and players, such as ``"square8-2p"``."""
        return f"{self.board.name}-{self.num_players}p"

    @property
    def num_players(self) -> int:
        return self.board.num_players

    @property
    def layout(self) -> Layout:
        """The meaning of every action."""
        return Layout(self.board)

    @property
    def num_actions(self) -> int:
        return self.layout.num_actions

    @property
    def plane_offsets(self) -> tuple[Offset, ...]:
        """Of each plane of the actions (``layout``), by how many rows and columns it moves."""
        return self.layout.plane_offsets

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """``(S, S, features)``."""
        return self.board.size, self.board.size, observation.num_features(self.board)

    @property
    def num_symmetries(self) -> int:
        """Symmetries of the board (``ringrift_jax.symmetry``), the identity included."""
        return symmetry.order(self.board)

    def init(self) -> State:
        """The start of a game. It is the same every time: the game has no chance."""
        return initial_state(self.board)

    def step(self, state: State, action: jax.Array) -> State:
        """Plays one decision.

        Args:
          action: int32 scalar below ``num_actions``.

        Returns:
          The state of the next decision, or the finished game. An illegal action changes nothing but ``illegal``;
          a step after the end changes nothing but ``just_ended``.
        """
        return _step(self)(state, action)

    def legal_action_mask(self, state: State) -> jax.Array:
        """``bool[num_actions]``: at least one True while the game runs, none when it is over."""
        return _legal_action_mask(self)(state)

    def observe(self, state: State) -> jax.Array:
        """``float32[S, S, features]``: the position as the player to move sees it (``ringrift_jax.observation``)."""
        return on_any_mesh(partial(observation.observe, self.board))(state)


# Cached, so that equal environments share one function; jitted, so that calls outside ``jit`` compile once.
@cache
def _step(env: Env):
    return jax.jit(unbatched(partial(rules_step.step, env.board, env.swap_rule, env.max_steps)))


@cache
def _legal_action_mask(env: Env):
    pack = unbatched(partial(legal.pack_mask, env.board, env.swap_rule))
    return jax.jit(on_any_mesh(lambda state: legal.unpack_mask(env.board, pack(state))))


def make(board: str | Board, num_players: int = 2, swap_rule: bool = False, max_steps: int | None = None) -> Env:
    """Makes an environment.

    Args:
      board: a name of ``boards.BOARD_NAMES``, or a board of ``boards.custom`` (its number of players then counts).
      num_players: 2 to 4.
      swap_rule: the pie rule, 2 players only.
      max_steps: truncate a game after this many decisions.

    Raises:
      ValueError: what is wrong, and what is allowed.
    """
    if not isinstance(board, Board):
        board = boards.standard(board, num_players)
    return Env(board, swap_rule, max_steps)


def random_action(env: Game, state: Any, key: jax.Array) -> jax.Array:
    """int32: a uniformly random legal action; 0 when the game is over. ``key``: a typed PRNG key, consumed."""
    return sample_mask(env.legal_action_mask(state), key)


@in_32_bits
def sample_mask(mask: jax.Array, key: jax.Array) -> jax.Array:
    """int32: index of a uniformly random True entry of bool[num_actions]; 0 if there is none.

    One random number for the whole mask: entries are counted in blocks, then inside the block that holds the chosen
    one, because drawing or summing up at the full width of the actions is slow.
    """
    block = 64
    padded = jnp.pad(mask, (0, -len(mask) % block)).reshape(-1, block)
    counts = jnp.sum(padded, axis=-1, dtype=jnp.int32)
    ends = jnp.cumsum(counts)
    rank = jax.random.randint(key, (), 0, jnp.maximum(ends[-1], 1))
    row = jnp.minimum(jnp.sum(ends <= rank, dtype=jnp.int32), len(padded) - 1)
    inside = lax.dynamic_index_in_dim(padded, row, keepdims=False)
    wanted = rank - (lax.dynamic_index_in_dim(ends, row, keepdims=False) - jnp.sum(inside, dtype=jnp.int32))
    column = jnp.sum(jnp.cumsum(inside.astype(jnp.int32)) <= wanted, dtype=jnp.int32)
    return jnp.where(ends[-1] > 0, row * block + column, 0)
