"""Moves that cannot win this turn: not a rule, but what follows from the rules, for the search of turns.

A stack on its way, placed or moved in this turn, has many moves, and nearly all of them end the turn: no capture, no
line and no region follows, and victory is out of reach. They are *quiet*. :func:`loud` is every other decision.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from . import lines, movement
from .arrays import rays, stacks
from .arrays.floods import flood
from .arrays.grid import (
    along_rays,
    any_bit,
    at,
    count_bits,
    dilate,
    first_bit,
    is_cell,
    on_lines,
    pick,
    to_rows,
)
from .arrays.lanes import materialize
from .state import Phase, State
from .territory import Land, survey_land


class Loud(NamedTuple):
    """Decisions that may win: ``distances`` uint32[D, N], distance k of a ray in bit k - 1, and ``skip`` bool[N]."""

    distances: jax.Array
    skip: jax.Array


def travels(state: State) -> jax.Array:
    """bool[...]: whether the next decision is about one stack, which was placed or moved in this turn."""
    placed = (state.phase == Phase.MOVE) & (state.focus >= 0) & (state.slide < 0)
    return placed | (state.phase == Phase.CAPTURE) | (state.phase == Phase.CHAIN)


def loud(board: Board, state: State) -> Loud:
    """The legal decisions of a travelling stack (rulebook sections 4 and 5) but for quiet ones, of lanes of states.

    Where all cells that are open to a colour are connected, all stacks are together in one component, so no region has
    a stack outside that could pay for it. A move changes the ground where it starts and where it meets markers; that
    these cells can part nothing is found out for all of them at once.
    """
    seat, focus, phase = state.current_seat, state.focus, state.phase
    word = stacks.unpack(state.stacks)
    stack = tuple(at(w, focus) for w in word)
    height, cap = stacks.height(stack).astype(jnp.int8), stacks.cap_height(stack).astype(jnp.int8)

    left, own = is_cell(board, focus), (seat + 1).astype(state.ground.dtype)
    ground = jnp.where(left, own, state.ground)
    rest = stacks.select(left, stacks.none_like(word), word)
    left, ground, rest = materialize((left, ground, rest))
    seen = rays.survey(board, rest, ground)
    ahead = rays.from_cell(seen, focus)
    moves = jnp.where(phase == Phase.MOVE, movement.distance_set(height, ahead.reach), 0)
    captures = movement.distance_set(jnp.maximum(height, ahead.reach + 2), ahead.far)
    captures = jnp.where(ahead.target_cap <= cap, captures, 0)

    here, there = survey_land(board, state.ground, word), survey_land(board, ground, rest)
    alive = here.active | (state.hand > 0)
    own_territory = jnp.sum(state.ground == -own, axis=(0, 1), dtype=jnp.int32)
    # Victory is out of reach of the turn's end where nothing more is eliminated or collapsed. A streak grows by one.
    safe = (
        (pick(state.eliminated, seat) < board.ring_threshold)
        & (own_territory < board.territory_minimum)
        & (jnp.sum(alive, axis=0) > 1)
        & (state.streak_length < 2)
    )
    on_the_way = on_lines(board, focus)
    in_reach, may_collapse = to_rows(on_the_way & (state.ground > 0)), to_rows(on_the_way & (state.ground == own))
    crossed = _cross(there, in_reach, may_collapse, seat)
    still_here, still_left = _is_still(board, seat, here), _is_still(board, seat, there)
    may_cross = (
        _is_still(board, seat, crossed)
        & ~any_bit(in_reach & ~crossed.open & ~dilate(crossed.open, board.territory_offsets)).any(axis=0)
        & (own_territory + count_bits(may_collapse) < board.territory_minimum)
    )
    markers = _as_bits(along_rays(board, ground > 0, focus))
    clear = (markers & (~markers + 1)) - 1
    # Who lands on a marker pays a ring.
    calm = jnp.where(may_cross, ~markers, jnp.where(still_left, clear, 0))
    calm = materialize(jnp.where(safe, calm, 0))

    goes_on = _as_bits(along_rays(board, _capture_directions(seen, height, cap), focus) != 0)
    # A stack of one colour that takes a ring of its own has a higher cap. Behind it there is the target, if a ring of
    # it is left, else what was behind it before.
    higher = cap + (cap == height)
    elsewhere = along_rays(board, _capture_directions(seen, height + 1, higher), focus) & ~_opposite(board)
    remains = stacks.pop_top(_next_stacks(board, word, focus, ahead.reach))
    behind = _backwards(rays.can_capture(ahead, jnp.int8(0), higher))
    back = jnp.where(stacks.is_stack(remains), stacks.cap_height(remains).astype(jnp.int8) <= higher, behind)
    ends = jnp.where(back, 0, ~_as_bits(elsewhere != 0))
    return Loud(
        distances=(moves & ~(calm & ~goes_on)) | (captures & ~(calm & ends)),
        skip=(phase == Phase.CAPTURE) & ~(safe & still_here),
    )


def _cross(land: Land, in_reach: jax.Array, may_collapse: jax.Array, seat: jax.Array) -> Land:
    """The land with every marker ``in_reach``, uint32[S, N], the mover's, and its own of them collapsed as well: all
    walls and lines there may be after a move that crosses some."""
    mine = jnp.arange(land.markers.shape[0])[:, None, None] == seat
    walls = jnp.concatenate([may_collapse[None], jnp.where(mine, in_reach, may_collapse)])
    markers = jnp.where(mine, land.markers | in_reach, land.markers)
    return materialize(land._replace(open=land.open & ~walls, markers=markers))


def _as_bits(along: jax.Array) -> jax.Array:
    """uint32[D, N] of bool[D, distances, N]."""
    weights = jnp.uint32(1) << jnp.arange(along.shape[1], dtype=jnp.uint32)[:, None]
    return jnp.sum(jnp.where(along, weights, 0), axis=1, dtype=jnp.uint32)


def _next_stacks(board: Board, word: stacks.Word, cell: jax.Array, reach: jax.Array) -> stacks.Word:
    """``[D, N]``: the first stack on each ray from cell int32[N]; ``reach``: int8[D, N] of that cell."""
    strides = jnp.array([dx * board.size + dy for dx, dy in board.directions], jnp.int32)[:, None]
    cells = cell + (reach.astype(jnp.int32) + 1) * strides
    return tuple(jnp.take_along_axis(w.reshape(-1, w.shape[-1]), cells, axis=0, mode="clip") for w in word)


def _backwards(of_directions: jax.Array) -> jax.Array:
    """``[D, N]``: what there is in the direction against each one."""
    return jnp.roll(of_directions, len(of_directions) // 2, axis=0)


def _opposite(board: Board) -> jax.Array:
    """uint8[D, 1, 1]: the direction against each one, d in bit d."""
    count = len(board.directions)
    return jnp.array([1 << (d + count // 2) % count for d in range(count)], jnp.uint8)[:, None, None]


def _capture_directions(seen: rays.Survey, height: jax.Array, cap: jax.Array) -> jax.Array:
    """uint8[S, S, N]: in which directions a stack of that height and cap could capture from each cell, d in bit d."""
    can = rays.can_capture(seen, height, cap)
    bits = (can[d].astype(jnp.uint8) << d for d in range(can.shape[0]))
    return materialize(sum(bits, start=jnp.uint8(0)))


def _is_still(board: Board, seat: jax.Array, land: Land) -> jax.Array:
    """bool[N]: the mover has no line, and no wall of markers of one colour or of collapsed cells alone parts any
    cells."""
    together = flood(land.open, first_bit(land.open), board.territory_offsets)
    return jnp.all(together == land.open, axis=(0, 1)) & ~pick(lines.any_line(board, land.markers), seat)
