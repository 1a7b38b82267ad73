"""The legal decisions of a state: as a mask over all actions, and for one action.

Both read the same :class:`Options`, so they cannot disagree; only regions, which need floods, are found in two ways.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board
from . import lines, movement, placement, rays, recovery, stacks, territory
from .actions import Kind, Layout
from .grid import at, cell_indices, to_plane, to_rows
from .state import Phase, State


class Action(NamedTuple):
    """A decoded action; int32 scalars. ``a`` and ``b`` depend on the kind.

    PLACE: a = count. RAY: a = direction, b = distance. LINE: a = axis, b = 0 odd or 1 even. WINDOW: a = axis.
    REGION: a = mode (``rules/territory.py``). Others: 0.
    """

    kind: jax.Array
    cell: jax.Array
    a: jax.Array
    b: jax.Array


class Position(NamedTuple):
    """A state with what is computed from its board once."""

    state: State
    word: stacks.Word
    seen: rays.Survey
    can: placement.Mobility
    own: jax.Array
    own_runs: jax.Array
    buried: jax.Array
    slide: recovery.PendingSlide


class Options(NamedTuple):
    """Legal decisions by kind of action, regions apart; shapes as the planes of ``rules/actions.py``.

    ``place`` bool[3, S, S], ``rays`` landing ranges, ``lines`` bool[axes, 3, S, S] (odd, even, window), ``pay``
    bool[S, S], ``region``, ``skip`` and ``swap`` bool (``region``: regions may be processed now).
    """

    place: jax.Array
    rays: movement.Landings
    lines: jax.Array
    pay: jax.Array
    region: jax.Array
    skip: jax.Array
    swap: jax.Array


def position(board: Board, state: State) -> Position:
    word = stacks.unpack(state.stacks)
    seen = rays.survey(board, word, state.ground)
    own = state.ground == state.current_seat + 1
    own_runs = rays.runs(board, own)
    return Position(
        state=state,
        word=word,
        seen=seen,
        can=placement.mobility(board, seen, state.ground),
        own=own,
        own_runs=own_runs,
        buried=stacks.has_buried(word, state.current_seat),
        slide=recovery.pending(board, state, seen, own_runs),
    )


def options(board: Board, swap_rule: bool, pos: Position) -> Options:
    """All legal decisions except regions; none when the game is over."""
    state, seen = pos.state, pos.seen
    seat, phase = state.current_seat, state.phase
    sliding = state.slide >= 0
    placing, moving = phase == Phase.PLACE, (phase == Phase.MOVE) & ~sliding
    chaining = (phase == Phase.CAPTURE) | (phase == Phase.CHAIN)
    in_line, in_territory = phase == Phase.LINE, phase == Phase.TERRITORY

    controlled = seen.top == seat
    controls = jnp.any(controlled)
    eligible = ~controls & jnp.any(pos.own) & jnp.any(pos.buried)
    hand = lax.dynamic_index_in_dim(state.hand, seat, keepdims=False)
    rings = board.rings_per_player

    chosen = controlled & ((state.focus < 0) | (cell_indices(board) == state.focus))
    slides = recovery.slides(board, seen, state.ground, pos.own, pos.own_runs) & (moving & eligible)
    whole = lines.options(board, pos.own, pos.own_runs)
    may_process = in_line & ~state.owed
    window = jnp.where(sliding, recovery.windows(board, pos.slide), whole.window & may_process)

    by_extraction = sliding | (in_territory & state.owed & state.recovered)
    by_cap = ((in_line | in_territory) & state.owed) | (phase == Phase.FORCED_ELIMINATION)
    may_skip_placement = (hand > 0) & jnp.where(controls, jnp.any(controlled & pos.can.stack), eligible)
    swap = placing & (seat == 1) & ~state.swapped & (hand == rings) if swap_rule else jnp.asarray(False)
    may_skip = [
        placing & may_skip_placement,
        moving & eligible,
        phase == Phase.CAPTURE,
        in_territory & ~state.owed,
    ]
    return Options(
        place=placement.placements(seen, pos.can, seat, hand) & placing,
        rays=movement.landings(seen, chosen & moving, chosen & (moving | chaining), slides),
        lines=jnp.stack([whole.odd & may_process, whole.even & may_process, window], axis=1),
        pay=jnp.where(by_extraction, pos.buried, controlled & by_cap),
        region=in_territory & ~state.owed,
        skip=may_skip[0] | may_skip[1] | may_skip[2] | may_skip[3],
        swap=swap,
    )


def land(board: Board, pos: Position) -> territory.Land:
    seats = range(board.num_players)
    active = jnp.stack([jnp.any(stacks.contains(pos.word, s)) for s in seats])
    return territory.survey_land(board, pos.state.ground, pos.seen.top, active)


def payer_rows(pos: Position) -> jax.Array:
    """uint32[S]: what the seat could pay a region with (RULES section 8)."""
    controlled = pos.seen.top == pos.state.current_seat
    return to_rows(jnp.where(pos.state.recovered, pos.buried, controlled))


def legal_action_mask(board: Board, swap_rule: bool, state: State) -> jax.Array:
    """bool[num_actions]: the legal decisions; all False when the game is over."""
    pos = position(board, state)
    legal = options(board, swap_rule, pos)
    distances = jnp.arange(1, board.max_distance + 1, dtype=jnp.int8)[:, None, None]
    landings = movement.Landings(*(bound[:, None] for bound in legal.rays)).contains(distances)
    planes = [legal.place, landings, legal.lines, _region_planes(board, pos, legal.region), legal.pay]
    flat = [plane.reshape(-1) for plane in planes]
    return jnp.concatenate([*flat, legal.skip[None], legal.swap[None]])


def _region_planes(board: Board, pos: Position, allowed: jax.Array) -> jax.Array:
    """bool[n + 1, S, S], colours relative to the mover, then none."""
    n = board.num_players
    ground = land(board, pos)
    payer = jnp.where(allowed, payer_rows(pos), 0)
    regions = territory.processable(board, ground, payer[None])[0]
    keys = to_plane(territory.region_keys(board, ground, regions))
    colours = jnp.roll(keys[1:], -pos.state.current_seat, axis=0) if n > 1 else keys[1:]
    return jnp.concatenate([colours, keys[:1]])


def decode(board: Board, state: State, action) -> Action:
    """Takes an action apart. Actions outside the action space decode to kind -1."""
    layout, n = Layout(board), board.num_players
    plane, cell = action // layout.cells, action % layout.cells
    ray, line, colour = plane - layout.rays, plane - layout.lines, plane - layout.regions
    on_cell = [
        (plane < layout.rays, Kind.PLACE, plane + 1, 0),
        (plane < layout.lines, Kind.RAY, ray // board.max_distance, ray % board.max_distance + 1),
        ((plane < layout.regions) & (line % 3 < 2), Kind.LINE, line // 3, line % 3),
        (plane < layout.regions, Kind.WINDOW, line // 3, 0),
        (plane < layout.payment, Kind.REGION, jnp.where(colour == n, 0, 1 + (colour + state.current_seat) % n), 0),
        (plane < layout.num_planes, Kind.PAY, 0, 0),
        (action == layout.skip, Kind.SKIP, 0, 0),
        (action == layout.swap, Kind.SWAP, 0, 0),
    ]
    conditions = [condition & (action >= 0) for condition, *_ in on_cell]

    def pick(values, default):
        result = jnp.int32(default)
        for condition, value in zip(reversed(conditions), reversed(values), strict=True):
            result = jnp.where(condition, value, result)
        return result.astype(jnp.int32)

    kind = pick([int(k) for _, k, _, _ in on_cell], -1)
    # Where a kind does not use a field it must still be a valid index.
    return Action(kind, cell, pick([a for _, _, a, _ in on_cell], 0), pick([b for _, _, _, b in on_cell], 0))


def is_legal(board: Board, legal: Options, region: territory.Region, cell_row: jax.Array, action: Action) -> jax.Array:
    """bool: whether a decoded action is legal. ``cell_row``: uint32[S] with its cell, ``region`` the cell's."""
    directions, axes = len(board.directions), len(board.axes)
    kind, cell, a, b = action
    place = at(legal.place, cell)[jnp.clip(a - 1, 0, 2)]
    ranges = movement.Landings(*(at(bound, cell)[jnp.clip(a, 0, directions - 1)] for bound in legal.rays))
    line = at(legal.lines, cell)[jnp.clip(a, 0, axes - 1), jnp.where(kind == Kind.WINDOW, 2, b % 2)]
    process = legal.region & territory.is_legal(region, cell_row, jnp.clip(a, 0, board.num_players))
    by_kind = [
        (kind == Kind.PLACE) & place,
        (kind == Kind.RAY) & ranges.contains(b),
        ((kind == Kind.LINE) | (kind == Kind.WINDOW)) & line,
        (kind == Kind.REGION) & process,
        (kind == Kind.PAY) & at(legal.pay, cell),
        (kind == Kind.SKIP) & legal.skip,
        (kind == Kind.SWAP) & legal.swap,
    ]
    return jnp.any(jnp.stack(by_kind))
