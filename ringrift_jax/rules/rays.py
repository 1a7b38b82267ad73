"""What each cell sees along each direction (RULES sections 4 and 5), as three numbers per cell and direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from . import stacks
from .grid import shift

# Key of the nearest obstacle: distance, cap height of the obstacle, free cells behind it; min() finds the nearest.
_FAR_BITS, _CAP_BITS = 5, 5
_DISTANCE = 1 << (_FAR_BITS + _CAP_BITS)
WALL = (1 << _CAP_BITS) - 1
"""Cap height of what can never be captured: more than any stack has on a board of up to 25 x 25."""


class Survey(NamedTuple):
    """A board as the rays see it. S = board size, D = number of directions; all int8.

    Attributes:
      top: ``[S, S]`` seat that controls the stack, -1 where there is none.
      height, cap: ``[S, S]`` rings of the stack and of its cap, 0 where there is none.
      reach: ``[D, S, S]`` free cells (on the board, not collapsed, no stack) before the first obstacle.
      target_cap: ``[D, S, S]`` cap height of that obstacle, ``WALL`` if it is no stack.
      far: ``[D, S, S]`` distance of the last free cell behind the obstacle.
    """

    top: jax.Array
    height: jax.Array
    cap: jax.Array
    reach: jax.Array
    target_cap: jax.Array
    far: jax.Array

    @property
    def is_stack(self) -> jax.Array:
        return self.top >= 0


def runs(board: Board, plane: jax.Array) -> jax.Array:
    """uint16[D, S, S]: how many cells of a bool[S, S] plane follow each cell without a gap, in every direction."""
    start = jnp.where(plane, jnp.uint16(board.size), jnp.uint16(0))
    return _nearest(board, [start] * len(board.directions), jnp.uint16(0), 1)


def _nearest(board: Board, starts: list[jax.Array], outside, per_step: int) -> jax.Array:
    """Minimum over the cells that follow each cell of ``start + per_step * steps to it``, by doubling."""
    results = []
    for (dx, dy), key in zip(board.directions, starts, strict=True):
        stride = 1
        while stride < board.size:
            key = jnp.minimum(key, shift(key, (dx * stride, dy * stride), outside) + jnp.uint16(stride * per_step))
            stride *= 2
        results.append(shift(key, (dx, dy), outside))
    return jnp.stack(results)


def survey(board: Board, word: stacks.Word, ground: jax.Array) -> Survey:
    """Computes the survey of a board."""
    is_stack = stacks.is_stack(word)
    height, cap = stacks.height(word), stacks.cap_height(word)
    free = board.mask & (ground >= 0) & ~is_stack
    reach = runs(board, free)
    obstacle = jnp.where(is_stack, cap, WALL).astype(jnp.uint16) << _FAR_BITS
    # A free cell's key is beyond every distance; all sums stay below 2**16 on boards of up to 25 x 25.
    never = jnp.uint16((board.size + 1) * _DISTANCE)
    starts = [jnp.where(free, never, obstacle + reach[d]) for d in range(len(board.directions))]
    key = _nearest(board, starts, jnp.uint16(WALL << _FAR_BITS), _DISTANCE)
    behind = key & ((1 << _FAR_BITS) - 1)
    return Survey(
        top=jnp.where(is_stack, stacks.top(word), -1).astype(jnp.int8),
        height=height.astype(jnp.int8),
        cap=cap.astype(jnp.int8),
        reach=reach.astype(jnp.int8),
        target_cap=((key >> _FAR_BITS) & WALL).astype(jnp.int8),
        far=(reach + 1 + behind).astype(jnp.int8),
    )


def can_capture(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[S, S]: whether a stack of that height and cap on each cell would have a capture (RULES section 5)."""
    nearest = jnp.maximum(height, seen.reach + 2)
    return jnp.any((seen.target_cap <= cap) & (seen.far >= nearest), axis=0)


def can_act(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[S, S]: the same for a non-capturing move (RULES section 4) or a capture."""
    moves = seen.reach >= height
    captures = (seen.target_cap <= cap) & (seen.far >= jnp.maximum(height, seen.reach + 2))
    return jnp.any(moves | captures, axis=0)
