"""The legal decisions of a state: as a mask over all actions, and for one action.

Both read the same :class:`Options`, so they cannot disagree; only regions, which need floods, are found in two ways.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import Board
from . import lines, movement, placement, recovery, territory
from .actions import Action, Kind, Layout
from .arrays.grid import anywhere, at, is_cell, pick, to_plane
from .position import Position, look
from .state import Phase, State


class Options(NamedTuple):
    """Legal decisions by kind of action, regions apart; shapes as the planes of ``rules/actions.py``.

    ``place`` bool[3, S, S, N], ``rays`` landing ranges, ``lines`` bool[axes, 3, S, S, N] (odd, even, window), ``pay``
    bool[S, S, N], ``region``, ``skip`` and ``swap`` bool[N] (``region``: regions may be processed now).
    """

    place: jax.Array
    rays: movement.Landings
    lines: jax.Array
    pay: jax.Array
    region: jax.Array
    skip: jax.Array
    swap: jax.Array


def options(
    board: Board, swap_rule: bool, pos: Position, can: placement.Mobility, slide: recovery.PendingSlide
) -> Options:
    """All legal decisions except regions; none when the game is over."""
    state, phase = pos.state, pos.state.phase
    sliding = state.slide >= 0
    placing, moving = phase == Phase.PLACE, (phase == Phase.MOVE) & ~sliding
    chaining = (phase == Phase.CAPTURE) | (phase == Phase.CHAIN)
    in_line, in_territory = phase == Phase.LINE, phase == Phase.TERRITORY
    forced = phase == Phase.FORCED_ELIMINATION
    controls = anywhere(pos.controlled)
    eligible = recovery.eligible(controls, anywhere(pos.own), anywhere(pos.buried))

    chosen = pos.controlled & ((state.focus < 0) | is_cell(board, state.focus))
    slides = recovery.slides(board, pos) & (moving & eligible)
    whole = lines.options(board, pos)
    may_process = in_line & ~state.owed
    window = jnp.where(sliding, recovery.windows(board, slide), whole.window & may_process)

    by_extraction = sliding | (in_territory & state.owed & state.recovered)
    from_the_top = ((in_line | in_territory) & state.owed) | forced
    swap = placement.swap_is_open(board, state) if swap_rule else jnp.zeros_like(placing)
    may_skip = [
        placing & placement.may_skip(pos, can, controls, eligible),
        moving & eligible,
        phase == Phase.CAPTURE,
        in_territory & ~state.owed,
    ]
    return Options(
        place=placement.placements(pos, can) & placing,
        rays=movement.landings(pos.seen, chosen & moving, chosen & (moving | chaining), slides),
        lines=jnp.stack([whole.odd & may_process, whole.even & may_process, window], axis=1),
        pay=jnp.where(by_extraction, pos.buried, pos.controlled & from_the_top),
        region=in_territory & ~state.owed,
        skip=may_skip[0] | may_skip[1] | may_skip[2] | may_skip[3],
        swap=swap,
    )


def _region_planes(board: Board, pos: Position, allowed: jax.Array) -> jax.Array:
    """bool[n + 1, S, S, N], colours relative to the mover, then none."""
    n, seat = board.num_players, pos.state.current_seat
    land = territory.survey_land(board, pos.state.ground, pos.word)
    payer = jnp.where(allowed, territory.payers(pos), 0)
    regions = territory.processable(board, land, payer[None])[0]
    keys = territory.region_keys(board, land, regions)
    colours = [keys[0]] * n
    for mover in range(n):
        for relative in range(n):
            colours[relative] = jnp.where(seat == mover, keys[1 + (mover + relative) % n], colours[relative])
    return to_plane(jnp.stack([*colours, keys[0]]))


class PackedMask(NamedTuple):
    """The legal decisions as bits, so that little has to leave the lanes.

    ``distances`` uint32[W, S, S, N]: the legal distances of as many directions as fit a word side by side;
    ``planes`` uint32[S, S, N]: the other planes in order, one bit each; ``skip``, ``swap`` bool[N].
    """

    distances: jax.Array
    planes: jax.Array
    skip: jax.Array
    swap: jax.Array


def _directions_per_word(board: Board) -> int:
    return 32 // board.max_distance


def pack_mask(board: Board, swap_rule: bool, state: State) -> PackedMask:
    """The mask of lanes of states; nothing is legal when the game is over."""
    pos = look(board, state)
    can, slide = placement.mobility(board, pos.seen, state.ground), recovery.pending(board, pos)
    legal = options(board, swap_rule, pos, can, slide)
    sets = legal.rays.distances()
    per_word = _directions_per_word(board)
    words = []
    for first in range(0, len(sets), per_word):
        word = sets[first]
        for place, direction in enumerate(sets[first + 1 : first + per_word], start=1):
            word = word | direction << (place * board.max_distance)
        words.append(word)
    lines = legal.lines.reshape(-1, *legal.lines.shape[2:])
    regions = _region_planes(board, pos, legal.region)
    planes = jnp.zeros_like(words[0])
    for bit, plane in enumerate([*legal.place, *lines, *regions, legal.pay]):
        planes |= plane.astype(jnp.uint32) << bit
    return PackedMask(jnp.stack(words), planes, legal.skip, legal.swap)


def unpack_mask(board: Board, packed: PackedMask) -> jax.Array:
    """bool[num_actions] of one state, from its packed mask without the lanes."""
    layout = Layout(board)
    directions, per_word, distances = layout.num_directions, _directions_per_word(board), board.max_distance
    bits = jnp.arange(per_word * distances, dtype=jnp.uint32)
    rays = (packed.distances.reshape(-1, 1, layout.cells) >> bits[:, None]) & 1 != 0
    rays = rays.reshape(-1, layout.cells)[: directions * distances]
    others = jnp.arange(layout.num_planes - directions * distances, dtype=jnp.uint32)
    planes = (packed.planes.reshape(1, -1) >> others[:, None]) & 1 != 0
    places, rest = planes[: layout.rays], planes[layout.rays :]
    flat = jnp.concatenate([places, rays, rest]).reshape(-1)
    return jnp.concatenate([flat, packed.skip[None], packed.swap[None]])


def is_legal(board: Board, legal: Options, region: territory.Region, cell: jax.Array, action: Action) -> jax.Array:
    """bool[N]: whether a decoded action is legal. ``cell``: uint32[S, N], its cell; ``region`` that cell's."""
    kind, _, a, b = action
    place = pick(at(legal.place, action.cell), a - 1)
    ranges = movement.Landings(*(pick(at(bound, action.cell), a) for bound in legal.rays))
    lines = at(legal.lines.reshape(-1, *legal.lines.shape[2:]), action.cell)
    line = pick(lines, 3 * a + jnp.where(kind == Kind.WINDOW, 2, b))
    by_kind = [
        (kind == Kind.PLACE) & place,
        (kind == Kind.RAY) & ranges.contains(b),
        ((kind == Kind.LINE) | (kind == Kind.WINDOW)) & line,
        (kind == Kind.REGION) & legal.region & territory.is_legal(region, cell, a),
        (kind == Kind.PAY) & at(legal.pay, action.cell),
        (kind == Kind.SKIP) & legal.skip,
        (kind == Kind.SWAP) & legal.swap,
    ]
    return jnp.any(jnp.stack(by_kind), axis=0)
