"""What each cell sees along each direction (rulebook sections 4 and 5), as three numbers per cell and direction."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ...boards import Board
from . import stacks
from .grid import at, cells_of, shift
from .lanes import materialize

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


def _strides(board: Board) -> list[int]:
    """Powers of two whose sums reach across the board."""
    return [1 << digit for digit in range((board.size - 1).bit_length())]


def _turned(plane: jax.Array) -> jax.Array:
    """The board turned by 180 degrees, which turns every direction into its opposite."""
    return plane[..., ::-1, ::-1, :]


def _pair(plane: jax.Array) -> jax.Array:
    """``[2, S, S, N]``: a plane and its turned self, so that one shift along an axis serves both directions."""
    return jnp.stack([plane, _turned(plane)])


def _by_direction(pairs: Sequence[jax.Array]) -> jax.Array:
    """``[D, S, S, N]`` from one pair per axis."""
    return jnp.stack([pair[0] for pair in pairs] + [_turned(pair[1]) for pair in pairs])


def _look(board: Board, pairs: Sequence[jax.Array], stride: int, outside) -> list[jax.Array]:
    """Each axis's pair as seen ``stride`` steps ahead."""
    return [shift(pair, (dx * stride, dy * stride), outside) for pair, (dx, dy) in zip(pairs, board.axes, strict=True)]


def _runs(board: Board, plane: jax.Array) -> list[jax.Array]:
    """The distance from each cell's neighbour to the first gap, by doubling, seen from the cell itself."""
    gaps = [_pair(jnp.where(plane, jnp.int8(board.size), jnp.int8(0)))] * len(board.axes)
    for stride in _strides(board):
        ahead = _look(board, gaps, stride, 0)
        gaps = materialize([jnp.minimum(gap, far + jnp.int8(stride)) for gap, far in zip(gaps, ahead, strict=True)])
    return _look(board, gaps, 1, 0)


def runs(board: Board, plane: jax.Array) -> jax.Array:
    """int8[D, S, S, N]: how many cells of a bool[S, S, N] plane follow each cell without a gap, in each direction."""
    return _by_direction(_runs(board, plane))


def in_sight(board: Board, plane: jax.Array) -> jax.Array:
    """int8[D, S, S, N]: the first entry >= 0 of an int8[S, S, N] plane beyond each cell, -1 where there is none."""
    found = _look(board, [_pair(plane)] * len(board.axes), 1, -1)
    for stride in _strides(board):
        ahead = _look(board, found, stride, -1)
        found = materialize([jnp.where(near >= 0, near, far) for near, far in zip(found, ahead, strict=True)])
    return _by_direction(found)


def _after_runs(board: Board, runs_: list[jax.Array], values: list[jax.Array], outside) -> list[jax.Array]:
    """Each cell's value at the first cell after its run: a jump of ``run + 1`` steps, binary digit by digit.

    A cell s steps into the run of c has a run shorter by s, so after each digit the remaining jump is the same there.
    """
    values = _look(board, values, 1, outside)
    for stride in _strides(board):
        ahead = _look(board, values, stride, outside)
        jumps = [run & jnp.int8(stride) != 0 for run in runs_]
        values = materialize([jnp.where(*choice) for choice in zip(jumps, ahead, values, strict=True)])
    return values


def survey(board: Board, word: stacks.Word, ground: jax.Array) -> Survey:
    """Computes the survey of a board."""
    is_stack = stacks.is_stack(word)
    height, cap = stacks.height(word).astype(jnp.int8), stacks.cap_height(word).astype(jnp.int8)
    free = cells_of(board) & (ground >= 0) & ~is_stack
    obstacle = jnp.where(is_stack, cap, jnp.int8(WALL))
    height, cap, free, obstacle = materialize((height, cap, free, obstacle))
    run = materialize(_runs(board, free))
    target_cap = _after_runs(board, run, [_pair(obstacle)] * len(run), WALL)
    behind = _after_runs(board, run, run, 0)
    reach = _by_direction(run)
    seen = Survey(
        top=jnp.where(is_stack, stacks.top(word).astype(jnp.int8), jnp.int8(-1)),
        height=height,
        cap=cap,
        reach=reach,
        target_cap=_by_direction(target_cap),
        far=reach + 1 + _by_direction(behind),
    )
    return materialize(seen)


def from_cell(seen: Survey, cell: jax.Array) -> Survey:
    """The survey as cell int32[N] has it: ``[N]``, by direction ``[D, N]``."""
    return Survey(*(at(plane, cell) for plane in seen))


def can_capture(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[..., N]: whether a stack of that height and cap had a capture in each direction (rulebook section 5)."""
    return (seen.target_cap <= cap) & (seen.far >= jnp.maximum(height, seen.reach + 2))


def can_act(seen: Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """bool[S, S, N]: the same for a non-capturing move (rulebook section 4) or a capture, in any direction."""
    return jnp.any((seen.reach >= height) | can_capture(seen, height, cap), axis=0)
