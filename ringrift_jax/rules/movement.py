"""Moves and captures (RULES sections 4 and 5) as ranges of landing distances per origin and direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .rays import Survey

_NEVER = 127


class Landings(NamedTuple):
    """Legal distances from each cell in each direction: two closed ranges that never overlap, int8[D, S, S] each.

    Attributes:
      move_from, move_to: non-capturing moves and recovery slides.
      capture_from, capture_to: captures; they lie beyond the first obstacle, moves before it.
    """

    move_from: jax.Array
    move_to: jax.Array
    capture_from: jax.Array
    capture_to: jax.Array

    def contains(self, distance) -> jax.Array:
        """bool: whether a distance is legal."""
        moves = (distance >= self.move_from) & (distance <= self.move_to)
        captures = (distance >= self.capture_from) & (distance <= self.capture_to)
        return moves | captures


def landings(seen: Survey, movers: jax.Array, capturers: jax.Array, slides: jax.Array) -> Landings:
    """Ranges for the stacks that may move and capture now.

    Args:
      movers, capturers: bool[S, S], cells whose stack may make a non-capturing move, a capture.
      slides: bool[D, S, S], legal recovery slides, one step from a marker.
    """
    never = jnp.int8(_NEVER)
    captures = capturers & (seen.target_cap <= seen.cap)
    return Landings(
        move_from=jnp.where(slides, 1, jnp.where(movers, seen.height, never)),
        move_to=jnp.where(slides, 1, seen.reach),
        capture_from=jnp.where(captures, jnp.maximum(seen.height, seen.reach + 2), never),
        capture_to=seen.far,
    )
