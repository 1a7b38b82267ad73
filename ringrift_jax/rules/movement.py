"""Moves, captures and chains (rulebook sections 4 and 5): where a stack may land, and what its way there does."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from .actions import Action
from .arrays import stacks
from .arrays.grid import Segment, at, neighbour, pick
from .arrays.rays import Survey, can_capture, from_cell
from .effect import Effect
from .position import Position
from .state import Phase, State

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
        return distance_set(self.move_from, self.move_to) | distance_set(self.capture_from, self.capture_to)


def distance_set(first: jax.Array, last: jax.Array) -> jax.Array:
    """uint32: the distances from ``first`` >= 1 to ``last``, distance k in bit k - 1."""
    until = (jnp.uint32(1) << last.astype(jnp.uint32)) - 1
    before = (jnp.uint32(1) << (first.astype(jnp.uint32) - 1)) - 1
    return jnp.where(first <= last, until & ~before, 0)


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


def effect(board: Board, pos: Position, act: Action, stack: stacks.Word) -> Effect:
    """A stack leaves a marker, crosses others, takes a ring if it jumps, and pays its top ring for landing on a marker.

    By rulebook sections 4 and 5. Twin: reference/movement.py::play_move and play_capture.
    """
    seat, distance = pos.state.current_seat, act.b
    to_target = pick(at(pos.seen.reach, act.cell), act.a).astype(jnp.int32) + 1
    captures = distance > to_target
    target = neighbour(board, act.cell, act.a, to_target)
    landing = neighbour(board, act.cell, act.a, distance)
    on_marker = at(pos.state.ground, landing) > 0

    landed = stacks.select(captures, stacks.push_bottom(stack, at(pos.seen.top, target)), stack)
    landed = stacks.select(on_marker, stacks.pop_top(landed), landed)
    keeps_control = stacks.is_stack(landed) & (stacks.top(landed) == seat)
    return Effect(
        then=jnp.where(keeps_control, jnp.where(captures, Phase.CHAIN, Phase.CAPTURE), Phase.LINE),
        marked=act.cell,
        cleared=landing,
        segment=Segment(act.cell, act.a, 1, distance - 1),
        crosses=True,
        beheaded=jnp.where(captures, target, -1),
        departs=True,
        landing=landing,
        landed=landed,
        eliminated=on_marker,
        focus=landing,
        acted=True,
    )


def end_chains(seen: Survey, applied: State) -> State:
    """The state after an effect, in ``LINE`` where the stack that has landed cannot capture.

    ``seen``: the board of that state. rulebook section 5. Twin: reference/turn.py::_offer_captures.
    """
    here = from_cell(seen, applied.focus)
    can = jnp.any(can_capture(here, here.height, here.cap), axis=0)
    capturing = (applied.phase == Phase.CAPTURE) | (applied.phase == Phase.CHAIN)
    return applied.replace(phase=jnp.where(capturing & ~can, jnp.int32(Phase.LINE), applied.phase))
