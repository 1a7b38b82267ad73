"""Placement (rulebook section 3): where 1, 2 and 3 rings fit without leaving a dead stack; skipping it; the swap."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import MAX_PLACEMENT, Board
from .actions import Action
from .arrays.grid import anywhere, cells_of
from .arrays.lanes import materialize
from .arrays.rays import Survey, can_act
from .effect import Effect
from .position import Position
from .state import Phase, State


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


def placements(pos: Position, can: Mobility) -> jax.Array:
    """bool[3, S, S, N]: where the mover may place 1, 2 or 3 rings."""
    on_stack = jnp.where(pos.controlled, can.own, can.other)
    enough = pos.hand >= jnp.arange(1, MAX_PLACEMENT + 1)[:, None]
    return jnp.stack([can.empty[0] | on_stack, can.empty[1], can.empty[2]]) & enough[:, None, None]


def may_skip(pos: Position, can: Mobility, controls: jax.Array, eligible: jax.Array) -> jax.Array:
    """bool[N]: whether the mover may move without placing. It ``controls`` a stack, is ``eligible`` for recovery."""
    return (pos.hand > 0) & jnp.where(controls, anywhere(pos.controlled & can.stack), eligible)


def effect(act: Action) -> Effect:
    """Rings from the hand go on top of what is on the cell; only that stack may then move.

    By rulebook section 3. Twin: reference/placement.py::play_placement.
    """
    return Effect(then=Phase.MOVE, placed=act.a, focus=act.cell, acted=True)


def swap_is_open(board: Board, state: State) -> jax.Array:
    """bool: whether the second player may exchange seats, if the pie rule is on; of one state or of lanes of them.

    By rulebook section 3. Twin: reference/position.py::Position.swap_available.
    """
    if board.num_players != 2:
        return jnp.zeros_like(state.swapped)
    fresh = (state.phase == Phase.PLACE) & (state.current_seat == 1) & (state.hand[1] == board.rings_per_player)
    return fresh & ~state.swapped


def swap_effect() -> Effect:
    """The players exchange seats, and nothing else: the same seat places now.

    By rulebook section 3. Twin: reference/turn.py::_place.
    """
    return Effect(then=Phase.PLACE, swaps=True)
