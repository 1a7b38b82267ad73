"""The public hand-made heuristic: 21 weighted terms of a position, and the values of its decisions one ply deep.

It is the evaluation of the public AI service (its CPU player), recomputed from whole-board arithmetic. All terms are
sums over things that can be counted, so the rules' lanes count in integers, and only the few counts of each seat meet
the weights: values can be differentiated by the weights and batched over them.

Where the service depends on the history of its data structures or contradicts the rules, this module does not follow:
the closure of a territory takes the first ten markers in cell order, hex8 has its neighbours, and a game is won at the
end of a turn only.
"""

import dataclasses
import json
from functools import cache, partial
from importlib import resources
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..boards import Board
from ..env import Env
from ..numerics import in_32_bits
from ..rules import step as rules_step
from ..rules.actions import Layout
from ..rules.arrays import rays, stacks
from ..rules.arrays.grid import any_bit, at, cells_of, count_bits, dilate, pull, seat_axis, shift, to_plane, to_rows
from ..rules.arrays.lanes import materialize, unbatched
from ..rules.recovery import eligible
from ..rules.state import State
from ..search.slots import candidates, num_candidates

WIN = 100_000.0
"""The value of a game won; a game lost has the opposite."""

PROFILES: tuple[str, ...] = (
    "heuristic_v1_balanced",
    "heuristic_v1_defensive",
    "heuristic_v1_hex8_3p",
    "heuristic_v1_hex8_4p",
    "heuristic_v1_hex_3p",
    "heuristic_v1_hex_4p",
    "heuristic_v1_sq19_2p",
    "heuristic_v1_sq19_3p",
    "heuristic_v1_sq19_4p",
    "heuristic_v1_sq8_3p",
    "heuristic_v1_sq8_4p",
    "v1-heuristic-5",
)
"""The published sets of weights, by their public names; ``v1-heuristic-5`` is the aggressive one."""

_CLOSURE_MARKERS = 10
_CHUNK = 512  # decisions scored together


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Weights:
    """The weights of the terms, under their public names in lower case: a number each, or arrays to batch over."""

    stack_control: float
    stack_height: float
    cap_height: float
    no_stacks_penalty: float
    single_stack_penalty: float
    stack_diversity_bonus: float
    territory: float
    rings_in_hand: float
    center_control: float
    opponent_threat: float
    mobility: float
    eliminated_rings: float
    marker_count: float
    victory_proximity: float
    victory_threshold_bonus: float
    rings_proximity_factor: float
    territory_proximity_factor: float
    opponent_victory_threat: float
    stack_mobility: float
    blocked_stack_penalty: float
    multi_leader_threat: float
    line_potential: float
    two_in_row: float
    three_in_row: float
    four_in_row: float
    line_connectivity: float
    connected_neighbor: float
    gap_potential: float
    vulnerability: float
    overtake_potential: float
    territory_closure: float
    territory_safety: float
    forced_elimination_risk: float
    lps_action_advantage: float
    recovery_potential: float
    recovery_eligibility: float
    buried_ring_value: float


def weights(profile: str) -> Weights:
    """The weights of one of :data:`PROFILES`. ValueError when it is none of them."""
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; choose one of {', '.join(PROFILES)}")
    return Weights(**_published()["weights"][profile])


def default_profile(env: Env) -> str:
    """The profile that the public player uses on this board; on a custom one, that of square8."""
    by_configuration = _published()["default"]
    return by_configuration.get(env.id, by_configuration[f"square8-{env.num_players}p"])


@cache
def _published() -> dict[str, dict]:
    return json.loads(
        (resources.files("ringrift_jax") / "data" / "heuristic_profiles.json").read_text(encoding="utf-8")
    )


@in_32_bits
@partial(jax.jit, static_argnums=0)
def terms(env: Env, state: State, weights: Weights) -> dict[str, jax.Array]:
    """The 21 terms of a position under their public names, ``float32[num_players]`` each: entry p as seat p sees it."""
    return _terms(env.board, weights, unbatched(partial(_count, env.board))(state))


@in_32_bits
@partial(jax.jit, static_argnums=0)
def evaluate(env: Env, state: State, weights: Weights) -> jax.Array:
    """``float32[num_players]``: the value of a position to each seat.

    The sum of the terms; :data:`WIN` to the winner of a game and its opposite to the others.
    """
    return _evaluate(env.board, weights, unbatched(partial(_count, env.board))(state))


@in_32_bits
@partial(jax.jit, static_argnums=0)
def decision_values(env: Env, states: State, weights: Weights) -> tuple[jax.Array, jax.Array]:
    """The value of every legal decision to the player who makes it.

    It is the value right after the decision, before the forced moves that may follow and before the next decision, even
    one of the same turn. Recovery takes two actions: its slide has the value after the first stack in cell order that
    can pay for it has paid; once it is made, payments and windows have values of their own.

    Args:
      states: a batch, ``[B]``. The decisions of all its games are scored side by side, so the cost grows with their
        number and not with that of the game that has most.

    Returns:
      ``int32[B, C]`` legal actions, -1 after the last, and ``float32[B, C]`` their values, -inf there, with C =
      ``slots.num_candidates(env)``. There are none when a game is over.
    """
    count = num_candidates(env)
    masks = jax.vmap(env.legal_action_mask)(states)
    actions, legal = jax.vmap(lambda mask: candidates(mask, count))(masks)
    # Games in the same phase next to each other, so that few chunks meet floods and ends of turns.
    order = jnp.argsort(states.phase)
    ends = jnp.cumsum(jnp.minimum(legal, count)[order])
    games = len(order)
    width = min(_CHUNK, 32 * games)
    after = jax.vmap(unbatched(partial(_count_after, env.board)))

    def score(carry):
        first, values = carry
        pair = first + jnp.arange(width)
        place = jnp.searchsorted(ends, pair, side="right").astype(jnp.int32)
        start = jnp.where(place > 0, ends[place - 1], 0)
        game, slot = order[place], pair - start
        state, action = jax.tree.map(lambda leaf: leaf[game], states), actions[game, slot]
        by_seat = jax.vmap(partial(_evaluate, env.board, weights))(after(state, action))
        # An exchange of seats is valued from the seat that the mover gets.
        seat = jnp.where(action == env.layout.swap, 1 - state.current_seat, state.current_seat)
        value = jnp.take_along_axis(by_seat, seat[:, None], axis=1)[:, 0]
        return first + width, values.at[jnp.where(place < games, game, games), slot].set(value, mode="drop")

    start = jnp.int32(0), jnp.full((games, count), -jnp.inf, jnp.float32)
    _, values = lax.while_loop(lambda carry: carry[0] < ends[-1], score, start)
    return actions, values


class _Counts(NamedTuple):
    """What the terms are made of: ``int32[n]`` by seat, or ``int32`` where that is said; lanes come last.

    The neighbours of a cell are those one step along a direction. A cell is free when it is not collapsed and has no
    stack.

    Attributes:
      winner, streak_seat, streak_length: scalars, as in the state.
      vacant: scalar, 1 if some cell is free.
      hand, eliminated, territory, markers: as in the state.
      stacks, height, tall, cap, centre: number of stacks, their rings, those above five in one stack, the sum of caps,
        and how many stand on centre cells.
      freedom: free cells next to its stacks, counted once for each.
      captures, captured: pairs of a stack of this seat and a neighbour of another seat with a cap not above, not below.
      threat: over all pairs of such neighbours, the sum of the other cap minus the own.
      blocked: stacks with neither a free cell nor a possible capture next to them.
      weaker, stronger: over pairs of an own stack and another seat's that is first on a ray from it (only stacks stop
        it): what the cap falls short of, or exceeds, the other.
      two, three, four: markers and directions where the next one, two, three cells have markers of the seat as well.
      gaps: markers and directions where only the next cell but one has, and the one between is free.
      distances: between pairs of its first ten markers.
      unsafe: markers next to another seat's stack; on squares, 2 if it is orthogonally next, 1 if two such steps away.
      buried: rings below the tops of other seats' stacks.
      slides: 1 if some marker has a neighbour that is neither collapsed nor a marker.
    """

    winner: jax.Array
    streak_seat: jax.Array
    streak_length: jax.Array
    vacant: jax.Array
    hand: jax.Array
    eliminated: jax.Array
    territory: jax.Array
    markers: jax.Array
    stacks: jax.Array
    height: jax.Array
    tall: jax.Array
    cap: jax.Array
    centre: jax.Array
    freedom: jax.Array
    captures: jax.Array
    captured: jax.Array
    threat: jax.Array
    blocked: jax.Array
    weaker: jax.Array
    stronger: jax.Array
    two: jax.Array
    three: jax.Array
    four: jax.Array
    gaps: jax.Array
    distances: jax.Array
    unsafe: jax.Array
    buried: jax.Array
    slides: jax.Array


def _evaluate(board: Board, weights: Weights, counts: _Counts) -> jax.Array:
    """``float32[n]``, from the counts of one position."""
    total = sum(_terms(board, weights, counts).values(), start=jnp.zeros(board.num_players, jnp.float32))
    outcome = jnp.where(jnp.arange(board.num_players) == counts.winner, WIN, -WIN)
    return jnp.where(counts.winner >= 0, outcome, total)


def _terms(board: Board, w: Weights, c: _Counts) -> dict[str, jax.Array]:
    """The terms from the counts of one position, in the public order."""
    n = board.num_players
    rival = ~np.eye(n, dtype=bool)

    def others(number: jax.Array) -> jax.Array:
        return number.sum() - number

    def lead(number: jax.Array) -> jax.Array:
        return number - jnp.max(jnp.where(rival, number, -jnp.inf), axis=1)

    def over_average(number: jax.Array) -> jax.Array:
        return number - others(number) / (n - 1)

    def diversity(number: jax.Array) -> jax.Array:
        few = jnp.where(number == 0, -w.no_stacks_penalty, -w.single_stack_penalty)
        return jnp.where((number == 0) | (number == 1), few, w.stack_diversity_bonus * number)

    streak = (jnp.arange(n) == c.streak_seat) & (c.streak_length > 0)
    rings_needed, land_needed = board.ring_threshold - c.eliminated, board.num_cells // 2 + 1 - c.territory
    near = w.rings_proximity_factor / jnp.maximum(rings_needed, 1)
    near += w.territory_proximity_factor / jnp.maximum(land_needed, 1)
    near = jnp.where((rings_needed <= 0) | (land_needed <= 0), w.victory_threshold_bonus, near)
    part = jnp.where(c.streak_length >= 3, 1.0, 0.90 + 0.09 * jnp.minimum(1.0, c.streak_length / 2))
    victory = jnp.where(streak, w.victory_threshold_bonus * part, near)
    # The rivals' victories in ascending order.
    rivals = jnp.sort(jnp.where(rival, victory, -jnp.inf), axis=1)

    mobility = c.freedom + c.captures
    able = c.stacks - c.blocked + ((c.hand > 0) & (c.vacant > 0))
    risk = jnp.where(c.stacks > 0, jnp.maximum(0.0, 2.0 - able / jnp.maximum(c.stacks, 1)), 0.0)
    stuck = able == 0
    lines = w.two_in_row * c.two + w.three_in_row * c.three + w.four_in_row * c.four
    first = jnp.minimum(c.markers, _CLOSURE_MARKERS)
    pairs = jnp.maximum(first * (first - 1) // 2, 1)
    closure = 10.0 / jnp.maximum(1.0, c.distances / pairs) + 0.5 * c.markers
    may_recover = eligible(c.stacks > 0, c.markers > 0, c.buried > 0)
    recovery = w.recovery_eligibility + w.recovery_potential * c.slides
    height = c.height - 0.9 * c.tall
    average = others(c.stacks) / (n - 1)

    return {
        "stack_control": w.stack_control * over_average(c.stacks)
        + w.stack_height * over_average(height)
        + w.cap_height * over_average(c.cap)
        + (diversity(c.stacks) - diversity(average)),
        "territory": w.territory * lead(c.territory),
        "rings_in_hand": w.rings_in_hand * lead(c.hand),
        "center_control": w.center_control * (c.centre - others(c.centre)),
        "opponent_threats": -0.5 * w.opponent_threat * c.threat,
        "mobility": w.mobility * (mobility - others(c.freedom) - c.captured),
        "eliminated_rings": w.eliminated_rings * c.eliminated,
        "marker_count": w.marker_count * lead(c.markers),
        "victory_proximity": w.victory_proximity * lead(victory),
        "opponent_victory_threat": -w.opponent_victory_threat * jnp.maximum(0.0, rivals[:, -1] - victory),
        "stack_mobility": w.stack_mobility * lead(mobility - w.blocked_stack_penalty * c.blocked),
        "multi_leader_threat": -w.multi_leader_threat * (rivals[:, -1] - rivals[:, -2] if n > 2 else jnp.zeros(n)),
        "line_potential": w.line_potential * lead(lines),
        "line_connectivity": w.line_connectivity * lead(w.connected_neighbor * c.two + w.gap_potential * c.gaps),
        "vulnerability": -w.vulnerability * c.weaker,
        "overtake_potential": w.overtake_potential * c.stronger,
        "territory_closure": w.territory_closure * lead(jnp.where(c.markers < 2, 0.0, closure)),
        "territory_safety": w.territory_safety * lead(-c.unsafe),
        "forced_elimination_risk": -w.forced_elimination_risk * lead(risk),
        "lps_action_advantage": w.lps_action_advantage
        * (jnp.where(stuck, -1.0, others(stuck.astype(jnp.float32)) / (n - 1)) if n > 2 else jnp.zeros(n)),
        "recovery_potential": lead(jnp.where(may_recover, recovery, 0.3 * w.buried_ring_value * c.buried)),
    }


def _count_after(board: Board, state: State, action: jax.Array) -> _Counts:
    """The counts right after a legal action; a recovery's slide is paid by the first stack that can."""
    layout = Layout(board)
    word = stacks.unpack(state.stacks)
    plane, cell = action // layout.cells, action % layout.cells
    is_ray = (plane >= layout.rays) & (plane < layout.lines)
    slides = is_ray & ~at(stacks.is_stack(word), cell)
    buried = stacks.has_buried(word, state.current_seat)
    payer = jnp.argmax(buried.reshape(layout.cells, -1), axis=0).astype(jnp.int32)
    direction = (plane - layout.rays) // board.max_distance
    pending = state.replace(focus=jnp.where(slides, cell, state.focus), slide=jnp.where(slides, direction, state.slide))
    action = jnp.where(slides, layout.payment * layout.cells + payer, action)
    return _count(board, rules_step.afterstate(board, *materialize((pending, action))))


def _count(board: Board, state: State) -> _Counts:
    """The counts of lanes of states."""
    word, seats = stacks.unpack(state.stacks), seat_axis(board)
    is_stack = stacks.is_stack(word)
    top = jnp.where(is_stack, stacks.top(word), -1).astype(jnp.int8)
    height, cap = stacks.height(word).astype(jnp.int8), stacks.cap_height(word).astype(jnp.int8)
    free = cells_of(board) & (state.ground >= 0) & ~is_stack
    top, height, cap, free = materialize((top, height, cap, free))
    mine = top == seats

    near, far = _neighbours(board, top, cap, free), _sights(board, top, cap)
    on_stacks = (jnp.ones_like(top), height, jnp.maximum(height - 5, 0), cap, _centre(board), *near, *far)
    by_seat = (_sum_by_seat(mine, plane) for plane in on_stacks)
    number, heights, tall, caps, centre, freedom, captures, captured, threat, blocked, weaker, stronger = by_seat

    markers, land = (to_rows(state.ground == sign * (seats + 1)) for sign in (1, -1))
    controlled, vacant, open_ = (to_rows(plane) for plane in (mine, free, cells_of(board) & (state.ground == 0)))
    markers, controlled, vacant, open_ = materialize((markers, controlled, vacant, open_))
    return _Counts(
        winner=state.winner,
        streak_seat=state.streak_seat,
        streak_length=state.streak_length,
        vacant=any_bit(vacant).astype(jnp.int32),
        hand=state.hand,
        eliminated=state.eliminated,
        territory=count_bits(land),
        markers=count_bits(markers),
        stacks=number,
        height=heights,
        tall=tall,
        cap=caps,
        centre=centre,
        freedom=freedom,
        captures=captures,
        captured=captured,
        threat=threat,
        blocked=blocked,
        weaker=weaker,
        stronger=stronger,
        **_rows_of_markers(board, markers, vacant),
        distances=_distances(board, markers),
        unsafe=_unsafe(board, markers, controlled),
        buried=jnp.sum(jnp.where(mine, 0, stacks.count(word, seats)), axis=(1, 2), dtype=jnp.int32),
        slides=any_bit(dilate(open_, board.directions) & markers).astype(jnp.int32),
    )


def _sum_by_seat(mine: jax.Array, plane: jax.Array) -> jax.Array:
    """int32[n, N]: the sum of a plane over the stacks of each seat, bool[n, S, S, N]."""
    return jnp.sum(jnp.where(mine, plane, 0), axis=(1, 2), dtype=jnp.int32)


def _centre(board: Board) -> jax.Array:
    """int8[S, S, 1]: 1 on the centre cells.

    On squares the middle 2 x 2 or 3 x 3; on hex boards the cells up to 1 step from the middle, 2 on large ones.
    """
    x, y = np.abs(2 * np.indices((board.size, board.size)) - (board.size - 1))
    centre = (x <= 2) & (y <= 2)
    if board.shape == "hex":
        x, y = np.indices((board.size, board.size)) - board.radius
        centre = np.maximum(np.maximum(abs(x), abs(y)), abs(x + y)) <= (1 if board.radius < 8 else 2)
    return jnp.asarray(centre[..., None], jnp.int8)


def _neighbours(board: Board, top: jax.Array, cap: jax.Array, free: jax.Array) -> tuple[jax.Array, ...]:
    """What each stack has next to it: planes of ``freedom``, ``captures``, ``captured``, ``threat``, ``blocked``."""
    freedom = captures = captured = jnp.zeros_like(top)
    threat = jnp.zeros(top.shape, jnp.int16)
    for offset in board.directions:
        owner, other = shift(top, offset, -1), shift(cap, offset, 0)
        enemy = (owner >= 0) & (owner != top)
        freedom += shift(free, offset, False)
        captures += enemy & (other <= cap)
        captured += enemy & (other >= cap)
        threat += jnp.where(enemy, other - cap, 0)
    planes = materialize((freedom, captures, captured, threat))
    return *planes, (planes[0] + planes[1] == 0).astype(jnp.int8)


def _sights(board: Board, top: jax.Array, cap: jax.Array) -> tuple[jax.Array, ...]:
    """What each stack sees along the rays: int16 planes of ``weaker`` and ``stronger``."""
    seen = rays.in_sight(board, jnp.where(top >= 0, 4 * cap + top, -1).astype(jnp.int8))
    lead = jnp.where((seen >= 0) & (seen & 3 != top), cap - (seen >> 2), 0)
    return tuple(jnp.sum(jnp.maximum(sign * lead, 0), axis=0, dtype=jnp.int16) for sign in (-1, 1))


def _rows_of_markers(board: Board, markers: jax.Array, vacant: jax.Array) -> dict[str, jax.Array]:
    """The counts ``two``, ``three``, ``four`` and ``gaps``; a direction and its opposite count alike."""
    totals = [jnp.zeros((len(markers), *markers.shape[2:]), jnp.int32)] * 4
    for dx, dy in board.axes:
        ahead = [pull(markers, (k * dx, k * dy)) if k < board.size else jnp.zeros_like(markers) for k in range(1, 4)]
        two = markers & ahead[0]
        three = two & ahead[1]
        gap = markers & ahead[1] & pull(vacant & ~markers, (dx, dy))
        found = (two, three, three & ahead[2], gap)
        totals = [total + 2 * count_bits(rows) for total, rows in zip(totals, found, strict=True)]
    return dict(zip(("two", "three", "four", "gaps"), totals, strict=True))


def _distances(board: Board, markers: jax.Array) -> jax.Array:
    """int32[n, N]: the sum of |dx| + |dy| over the pairs of each seat's first ten markers; on hex boards + |dz|."""
    size, number = board.size, lax.population_count(markers).astype(jnp.int32)
    before = jnp.cumsum(number, axis=1) - number
    below = ((1 << np.arange(size, dtype=np.uint32)) - 1)[:, None]
    rank = before[:, :, None] + lax.population_count(markers[:, :, None] & below).astype(jnp.int32)
    kept = materialize(to_plane(markers) & (rank < _CLOSURE_MARKERS)).astype(jnp.int32)
    by_axis = [kept.sum(2), kept.sum(1)]
    if board.shape == "hex":
        # Rows one longer than they are read: cell (x, y) comes to column x + y.
        wide = jnp.pad(kept, ((0, 0), (0, 0), (0, size), (0, 0))).reshape(len(kept), 2 * size * size, -1)
        by_axis.append(wide[:, : size * (2 * size - 1)].reshape(len(kept), size, 2 * size - 1, -1).sum(1))
    total = jnp.zeros_like(before[:, 0])
    for number in by_axis:
        # Each step from one row to the next lies between the markers before it and those after it.
        passed = jnp.cumsum(number, axis=1)
        total += jnp.sum(passed * (passed[:, -1:] - passed), axis=1)
    return total


def _unsafe(board: Board, markers: jax.Array, controlled: jax.Array) -> jax.Array:
    """int32[n, N]: the count ``unsafe``. ``controlled``: uint32[n, S, N], the stacks of each seat."""
    anyone = lax.reduce(controlled, jnp.uint32(0), lax.bitwise_or, (0,))
    near = dilate(anyone & ~controlled, board.territory_offsets)
    unsafe = count_bits(markers & near)
    if board.shape == "square":
        unsafe += count_bits(markers & (near | dilate(near, board.territory_offsets)))
    return unsafe
