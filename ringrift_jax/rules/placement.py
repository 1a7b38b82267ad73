"""Placement (RULES section 3): where 1, 2 and 3 rings fit without leaving a dead stack."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import MAX_PLACEMENT, Board
from .arrays.grid import cells_of
from .arrays.lanes import materialize
from .arrays.rays import Survey, can_act


class Mobility(NamedTuple):
    """Who could act where; bool[S, S, N] each.

    Attributes:
      stack: the stack on the cell has a move or a capture.
      own, other: it would have one with a ring of its controller, or of another seat, on top.
      empty: ``bool[3, S, S, N]``, 1, 2 or 3 rings placed on the empty cell would have one.
    """

    stack: jax.Array
    own: jax.Array
    other: jax.Array
    empty: jax.Array


def mobility(board: Board, seen: Survey, ground: jax.Array) -> Mobility:
    """A cell is empty or holds a stack, so three questions about each cell answer all six."""
    one, two, three = jnp.int8(1), jnp.int8(2), jnp.int8(3)
    on_stack = seen.is_stack
    vacant = cells_of(board) & (ground == 0) & ~on_stack
    first = can_act(seen, jnp.where(on_stack, seen.height, one), jnp.where(on_stack, seen.cap, one))
    second = can_act(seen, jnp.where(on_stack, seen.height + 1, two), jnp.where(on_stack, seen.cap + 1, two))
    third = can_act(seen, jnp.where(on_stack, seen.height + 1, three), jnp.where(on_stack, one, three))
    first, second, third = materialize((first, second, third))
    return Mobility(
        stack=on_stack & first,
        own=on_stack & second,
        other=on_stack & third,
        empty=vacant & jnp.stack([first, second, third]),
    )


def placements(seen: Survey, can: Mobility, seat, hand) -> jax.Array:
    """bool[3, S, S, N]: where seat int32[N] with ``hand`` int32[N] rings may place 1, 2 or 3 of them."""
    on_stack = jnp.where(seen.top == seat.astype(jnp.int8), can.own, can.other)
    enough = hand >= jnp.arange(1, MAX_PLACEMENT + 1)[:, None]
    return jnp.stack([can.empty[0] | on_stack, can.empty[1], can.empty[2]]) & enough[:, None, None]
