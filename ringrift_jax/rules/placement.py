"""Placement (RULES section 3): where 1, 2 and 3 rings fit without leaving a dead stack."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .rays import Survey, can_act


class Mobility(NamedTuple):
    """Who could act where; bool[S, S] each.

    Attributes:
      stack: the stack on the cell has a move or a capture.
      own, other: it would have one with a ring of its controller, or of another seat, on top.
      empty: ``bool[3, S, S]``, 1, 2 or 3 rings placed on the empty cell would have one.
    """

    stack: jax.Array
    own: jax.Array
    other: jax.Array
    empty: jax.Array


def mobility(board: Board, seen: Survey, ground: jax.Array) -> Mobility:
    """A cell is empty or holds a stack, so three questions about each cell answer all six."""
    one = jnp.int8(1)
    on_stack = seen.is_stack
    vacant = board.mask & (ground == 0) & ~on_stack
    first = can_act(seen, jnp.where(on_stack, seen.height, one), jnp.where(on_stack, seen.cap, one))
    second = can_act(seen, jnp.where(on_stack, seen.height + 1, 2 * one), jnp.where(on_stack, seen.cap + 1, 2 * one))
    third = can_act(seen, jnp.where(on_stack, seen.height + 1, 3 * one), jnp.where(on_stack, one, 3 * one))
    return Mobility(
        stack=on_stack & first,
        own=on_stack & second,
        other=on_stack & third,
        empty=vacant & jnp.stack([first, second, third]),
    )


def placements(seen: Survey, can: Mobility, seat, hand) -> jax.Array:
    """bool[3, S, S]: where a seat with ``hand`` rings may place 1, 2 or 3 of them."""
    on_stack = jnp.where(seen.top == seat, can.own, can.other)
    one = can.empty[0] | on_stack
    enough = hand >= jnp.arange(1, 4)
    return jnp.stack([one, can.empty[1], can.empty[2]]) & enough[:, None, None]
