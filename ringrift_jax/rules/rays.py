"""What each cell sees along each direction (RULES sections 4 and 5), as three numbers per cell and direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board, Offset
from . import stacks
from .grid import cells_of, shift

WALL = 127
"""Cap height of what can never be captured."""


class Survey(NamedTuple):
    """A board as the rays see it. S = board size, D = number of directions, N = lanes; all int8.

    Attributes:
      top: ``[S, S, N]`` seat that controls the stack, -1 where there is none.
      height, cap: ``[S, S, N]`` rings of the stack and of its cap, 0 where there is none.
      reach: ``[D, S, S, N]`` free cells (on the board, not collapsed, no stack) before the first obstacle.
      target_cap: ``[D, S, S, N]`` cap height of that obstacle, ``WALL`` if it is no stack.
      far: ``[D, S, S, N]`` distance of the last free cell behind the obstacle.
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


def _strides(board: Board, direction: Offset):
    dx, dy = direction
    stride = 1
    while stride < board.size:
        yield stride, (dx * stride, dy * stride)
        stride *= 2


def _run(board: Board, plane: jax.Array, direction: Offset) -> jax.Array:
    """int8[S, S, N]: the first gap at or after each cell, by doubling, seen from one cell before."""
    gap = jnp.where(plane, jnp.int8(board.size), jnp.int8(0))
    for stride, offset in _strides(board, direction):
        gap = jnp.minimum(gap, shift(gap, offset, 0) + jnp.int8(stride))
    return shift(gap, direction, 0)


def runs(board: Board, plane: jax.Array) -> jax.Array:
    """int8[D, S, S, N]: how many cells of a bool[S, S, N] plane follow each cell without a gap, in each direction."""
    return jnp.stack([_run(board, plane, direction) for direction in board.directions])


def _after_run(board: Board, values: jax.Array, run: jax.Array, direction: Offset, outside) -> jax.Array:
    """Each cell's value at the first cell after its run: a jump of ``run + 1`` steps, binary digit by digit.

    A cell s steps into the run of c has a run shorter by s, so after each digit the remaining jump is the same there.
    """
    for stride, offset in _strides(board, direction):
        values = jnp.where(run & jnp.int8(stride) != 0, shift(values, offset, outside), values)
    return values


def survey(board: Board, word: stacks.Word, ground: jax.Array) -> Survey:
    """Computes the survey of a board."""
    is_stack = stacks.is_stack(word)
    height, cap = stacks.height(word).astype(jnp.int8), stacks.cap_height(word).astype(jnp.int8)
    free = cells_of(board) & (ground >= 0) & ~is_stack
    obstacle = jnp.where(is_stack, cap, jnp.int8(WALL))
    reach, target_cap, far = [], [], []
    for direction in board.directions:
        run = _run(board, free, direction)
        reach.append(run)
        target_cap.append(_after_run(board, shift(obstacle, direction, WALL), run, direction, WALL))
        far.append(run + 1 + _after_run(board, shift(run, direction, 0), run, direction, 0))
    return Survey(
        top=jnp.where(is_stack, stacks.top(word).astype(jnp.int8), jnp.int8(-1)),
        height=height,
        cap=cap,
        reach=jnp.stack(reach),
        target_cap=jnp.stack(target_cap),
        far=jnp.stack(far),
    )


def can_capture(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[..., N]: whether a stack of that height and cap would have a capture in each direction (RULES section 5)."""
    return (seen.target_cap <= cap) & (seen.far >= jnp.maximum(height, seen.reach + 2))


def can_act(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[S, S, N]: the same for a non-capturing move (RULES section 4) or a capture, in any direction."""
    return jnp.any((seen.reach >= height) | can_capture(seen, height, cap), axis=0)
