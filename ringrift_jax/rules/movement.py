"""Moves and captures (RULES sections 4 and 5) as ranges of landing distances per origin and direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .arrays.rays import Survey, can_capture

_NEVER = 127


class Landings(NamedTuple):
    """Legal distances from each cell in each direction: two closed ranges that never overlap, int8[D, S, S, N] each.

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

    def distances(self) -> jax.Array:
        """uint32[D, S, S, N]: the legal distances as a set, distance k in bit k - 1."""

        def bits(first, last):
            until = (jnp.uint32(1) << last.astype(jnp.uint32)) - 1
            before = (jnp.uint32(1) << (first.astype(jnp.uint32) - 1)) - 1
            return jnp.where(first <= last, until & ~before, 0)

        return bits(self.move_from, self.move_to) | bits(self.capture_from, self.capture_to)


def landings(seen: Survey, movers: jax.Array, capturers: jax.Array, slides: jax.Array) -> Landings:
    """Ranges for the stacks that may move and capture now.

    Args:
      movers, capturers: bool[S, S, N], cells whose stack may make a non-capturing move, a capture.
      slides: bool[D, S, S, N], legal recovery slides, one step from a marker.
    """
    never, one = jnp.int8(_NEVER), jnp.int8(1)
    captures = capturers & can_capture(seen, seen.height, seen.cap)
    return Landings(
        move_from=jnp.where(slides, one, jnp.where(movers, seen.height, never)),
        move_to=jnp.where(slides, one, seen.reach),
        capture_from=jnp.where(captures, jnp.maximum(seen.height, seen.reach + 2), never),
        capture_to=seen.far,
    )
