"""Exact search of the own turn: can the player to move win before its turn passes, and with which decision?

A game is won at the end of a turn, and a turn is several decisions of one player. Their tree is small enough to be
searched whole, and no opponent moves in it, so it is a search for a reachable state and not for a best reply.

Positions of a batch share one pool of states that are still to be tried. In every round the most advanced ones leave
it, all their decisions but quiet ones (``rules/quiet.py``) are played at once, and the states in which the turn goes on
enter the pool, unless an equal one did before. Positions enter as the pool empties, so rounds stay full to the last.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..boards import Board
from ..env import Env
from ..numerics import in_32_bits
from ..pytrees import select
from ..rules import quiet
from ..rules.arrays.lanes import on_any_mesh, unbatched
from ..rules.state import Phase
from ..rules.step import step_legal
from ..settings import INT32_MAX
from .slots import entries, num_candidates, pack

NODES = 65536
"""Decisions tried in a turn unless told otherwise."""

NODES_ON_LARGE_BOARDS = 4096
"""The same for players on boards of more than 100 cells, where four times as many take nearly twice as long and find a
fifth more wins (docs/performance.md)."""

LINE = 16
"""Decisions of a turn that are remembered. Longer turns are rare, and are searched again from there."""

PART = 8
"""Decisions of one state that are tried at once where the pool has next to no room left."""

NEAR = 2
"""Steps from the edge of a large board within which placements have portions of their own."""

DEEPER = 1e-3
"""What a decision more counts in the order of a full pool, in which a phase counts 1."""


class WinningTurn(NamedTuple):
    """What a search of own turns found; leading axis ``[B]``.

    Attributes:
      found: ``bool[B]``, the player to move wins before its turn passes.
      action: ``int32[B]``, the first decision of such a win; -1 where none was found.
      complete: ``bool[B]``, the answer is exact: a win, or the proof that there is none. Else nodes were too few, or
        places for the states of a very long turn.
      nodes: ``int32[B]``, decisions tried.
    """

    found: jax.Array
    action: jax.Array
    complete: jax.Array
    nodes: jax.Array


def winning_turn(env: Env, states: Any, nodes: int | jax.Array = NODES) -> WinningTurn:
    """Searches the rest of the turn of each state.

    Args:
      env: the environment.
      states: ``[B]``, at any decision of a turn. Finished games have no win.
      nodes: ``int32``, decisions to try for each state at most.

    A win is a state that is over, reached by decisions of one turn of one player, who won, for any reason of rulebook
    sections 11 and 12. After a swap somebody else decides, so it ends the turn here.

    Returns:
      ``[B]`` answers. How many decisions a win takes, and which one is found, may depend on the other states.

    Raises:
      ValueError: the states have not one leading axis, or nodes is no positive int32.
    """
    if jnp.ndim(states.turn) != 1:
        raise ValueError(f"the states have leading axes {jnp.shape(states.turn)}; winning_turn takes a batch, [B]")
    if not isinstance(nodes, jax.Array) and (type(nodes) is not int or not 1 <= nodes <= INT32_MAX):
        raise ValueError(f"nodes is {nodes!r}; it must be an integer from 1 to {INT32_MAX}")
    turn, _ = _compiled(env)(states, nodes, jnp.ones(len(states.turn), bool))
    return turn


def usual_nodes(env: Env) -> int:
    """Decisions that players try in a turn unless told otherwise."""
    return NODES_ON_LARGE_BOARDS if _is_large(env.board) else NODES


def _is_large(board: Board) -> bool:
    return board.num_cells > 100


def winning_lines(env: Env, states: Any, nodes: int | jax.Array, asked: jax.Array) -> tuple[WinningTurn, jax.Array]:
    """``winning_turn`` of the states ``asked`` about, ``bool[B]``; the others cost nothing, and their answer is that
    there is no win. Also ``int32[B, LINE]``: decisions of the wins, as many as are remembered, then -1."""
    return _compiled(env)(states, nodes, asked)


def turn_goes_on(start: Any, now: Any) -> jax.Array:
    """``bool[B]``: the game is not over, and who decided at the start still does, in the same turn."""
    return ~now.is_over & (now.turn == start.turn) & (now.current_player == start.current_player)


def won_by(states: Any, player: jax.Array) -> jax.Array:
    """``bool[B]``: games that are over and that players ``int32[B]`` have won."""
    seat = jnp.take_along_axis(states.seat_of_player, player[:, None], axis=1)[:, 0]
    return states.is_over & (states.winner == seat)


@cache
def _compiled(env: Env):
    return jax.jit(on_any_mesh(in_32_bits(partial(_search, env))))


class _Pool(NamedTuple):
    """States still to be tried; ``[P]`` each. ``line``: ``int32[P, LINE]`` decisions from the root, of which there are
    ``length``. ``tried``: how many of their own decisions have been. ``order``: the largest goes first, -inf where
    there is none."""

    state: Any
    lane: jax.Array
    line: jax.Array
    length: jax.Array
    tried: jax.Array
    order: jax.Array


class _Lanes(NamedTuple):
    """What is known of each state of the batch; ``[B]`` each. ``line``: ``int32[B, LINE]`` of the win. ``stopped``:
    some of its decisions were not tried."""

    found: jax.Array
    line: jax.Array
    stopped: jax.Array
    nodes: jax.Array

    @property
    def done(self) -> jax.Array:
        return self.found | self.stopped


class _Progress(NamedTuple):
    """Everything that changes from round to round. ``portion``: which one of the decisions of states of the batch is
    tried; ``waiting``: ``bool[portions, B]``, those that have not entered the pool; ``seen``: ``uint32[T, 2]`` keys of
    states that have been in it, the newest of each place."""

    portion: jax.Array
    waiting: jax.Array
    pool: _Pool
    lanes: _Lanes
    seen: jax.Array


class _Sizes(NamedTuple):
    """``width`` decisions are played in a round, of as many states in which a single stack moves or of ``others`` in
    which there is more to choose from; ``entering`` states of the batch enter the pool at a time; ``pool`` and ``seen``
    are lengths; ``reserve`` places of the pool are for one state at a time. ``placing``: about as many decisions as a
    state has in which rings are placed, in the middle of a game, on large boards in the first portion; other states
    have about ``width / others``."""

    width: int
    others: int
    entering: int
    pool: int
    reserve: int
    seen: int
    placing: int


def _sizes(env: Env, batch: int) -> _Sizes:
    least = max(512, num_candidates(env))  # a CPU takes as long for a decision in any round of 512 up
    on_the_edge = int(np.sum(_cells_inwards(env.board)[env.board.mask.ravel()] == 0))
    placing = on_the_edge if _is_large(env.board) else least // 4
    width = max(least, min(4 * batch, 16384))  # many positions are for machines that do much at once
    return _Sizes(
        width=width,
        others=width // 4,
        entering=width // placing,
        pool=16 * width,
        reserve=4 * width,
        seen=1 << 15,
        placing=placing,
    )


def _search(env: Env, roots: Any, nodes: jax.Array, asked: jax.Array) -> tuple[WinningTurn, jax.Array]:
    batch, sizes = len(roots.turn), _sizes(env, len(roots.turn))
    asked &= ~roots.is_over
    first = jnp.arange(len(_portions(env))) == 0
    blank = jax.tree.map(lambda leaf: jnp.zeros((sizes.pool, *leaf.shape[1:]), leaf.dtype), roots)
    free = jnp.full(sizes.pool, -jnp.inf, jnp.float32)
    nowhere = jnp.full(sizes.pool, batch, jnp.int32)
    start = _Progress(
        portion=jnp.int32(0),
        waiting=asked & (first[:, None] | (roots.phase == Phase.PLACE)),
        pool=_Pool(blank, nowhere, jnp.full((sizes.pool, LINE), -1, jnp.int32), nowhere, nowhere, free),
        lanes=_Lanes(
            found=jnp.zeros(batch, bool),
            line=jnp.full((batch, LINE), -1, jnp.int32),
            stopped=jnp.zeros(batch, bool),
            nodes=jnp.zeros(batch, jnp.int32),
        ),
        seen=jnp.zeros((sizes.seen, 2), jnp.uint32),
    )

    def goes_on(now: _Progress) -> jax.Array:
        return jnp.any(now.waiting) | jnp.any(now.pool.order > -jnp.inf)

    lanes = lax.while_loop(goes_on, partial(_round, env, sizes, roots, nodes), start).lanes
    return WinningTurn(lanes.found, lanes.line[:, 0], ~lanes.stopped, lanes.nodes), lanes.line


def _round(env: Env, sizes: _Sizes, roots: Any, nodes: jax.Array, now: _Progress) -> _Progress:
    batch = len(roots.turn)
    portion, waiting, pool = _enter(sizes, roots, now)
    is_full = jnp.sum(pool.order > -jnp.inf) + sizes.width > sizes.pool - sizes.reserve
    single = _round_of_single_stacks(sizes, pool, is_full)
    # Long turns of one phase, as that of a board full of lines, come to an end only depth first.
    order = pool.order + jnp.where(is_full, DEEPER * pool.length, 0)
    # Elsewhere all of ``top`` is used: XLA's CPU backend sorts the whole pool where a slice of the best is asked for.
    order, top = lax.top_k(jnp.where(quiet.travels(pool.state) == single, order, -jnp.inf), sizes.width)
    parents = jax.tree.map(lambda leaf: leaf[top], pool.state)
    lane, before = pool.lane[top], pool.tried[top]
    # What is left of a state in parts comes at the head of a round.
    present = (order > -jnp.inf) & ((before == 0) | (jnp.arange(sizes.width) == 0))
    left = nodes - now.lanes.nodes.at[lane].get(mode="clip")
    room = jnp.sum(pool.order == -jnp.inf, dtype=jnp.int32)

    def among(count: int, actions: Callable[[Env, Any], Actions]):
        masks, action_of = actions(env, jax.tree.map(lambda leaf: leaf[:count], parents))
        masks = jnp.pad(masks, ((0, sizes.width - count), (0, 0)))
        here = present & (jnp.arange(sizes.width) < count)
        return _choose(sizes, here, lane, left, room, before, masks, action_of)

    leaves, tried, row, action, in_part = lax.cond(
        single,
        partial(among, sizes.width, _loud_actions),
        partial(among, sizes.others, partial(_legal_actions, portion)),
    )
    valid = row >= 0

    state = jax.tree.map(lambda leaf: leaf[row], parents)
    after = jax.vmap(_step_legal(env))(state, action)
    lane_of = jnp.where(valid, lane[row], batch)
    length = pool.length[top][row]
    line = jnp.where(jnp.arange(LINE) == length[:, None], action[:, None], pool.line[top][row])
    wins = valid & won_by(after, state.current_player)
    goes_on = valid & turn_goes_on(state, after)

    position = jnp.arange(sizes.width)
    best = jnp.full(batch, sizes.width, jnp.int32).at[lane_of].min(jnp.where(wins, position, sizes.width), mode="drop")
    found = best < sizes.width
    lanes = now.lanes
    lanes = _Lanes(
        found=lanes.found | found,
        line=select(found & ~lanes.found, line.at[best].get(mode="clip"), lanes.line),
        stopped=lanes.stopped.at[lane].max(leaves & ~tried, mode="drop"),
        nodes=lanes.nodes.at[lane_of].add(1, mode="drop"),
    )

    goes_on &= ~lanes.done.at[lane_of].get(mode="clip")
    seen, new = _unseen(env, now.seen, after, lane_of, goes_on)
    pool = pool._replace(order=pool.order.at[jnp.where(leaves, top, sizes.pool)].set(-jnp.inf, mode="drop"))
    pool = pool._replace(tried=pool.tried.at[top].add(in_part))
    pool = _put(pool, _Pool(after, lane_of, line, length + 1, jnp.zeros_like(length), _order(env, after)), new)
    lanes = lanes._replace(stopped=lanes.stopped & ~lanes.found)
    over = lanes.done.at[pool.lane].get(mode="fill", fill_value=True)
    pool = pool._replace(order=jnp.where(over, -jnp.inf, pool.order))
    return _Progress(portion, waiting & ~lanes.done, pool, lanes, seen)


def _round_of_single_stacks(sizes: _Sizes, pool: _Pool, is_full: jax.Array) -> jax.Array:
    """``bool``: whether only states go next in which a single stack moves, or only others: what a single stack can do
    is found much faster, and a round of few states costs as much as a full one."""
    waiting, phase = pool.order > -jnp.inf, pool.state.phase
    travelling = quiet.travels(pool.state) & waiting
    others = waiting & ~travelling
    decisions = jnp.where(phase == Phase.PLACE, sizes.placing, sizes.width // sizes.others)
    enough = jnp.sum(jnp.where(others, decisions, 0)) >= sizes.width
    # Where little of the turn is left, little is added to a full pool.
    late = jnp.any(others & (phase >= Phase.LINE))
    return travelling.any() & ~jnp.where(is_full, late, enough)


Actions = tuple[jax.Array, Callable[[jax.Array, jax.Array], jax.Array]]
"""Packed masks ``uint32[E, W]`` of states, and which action an entry of the mask of a state is."""


def _legal_actions(portion: jax.Array, env: Env, states: Any) -> Actions:
    tried = jnp.asarray(_portions(env))[portion]

    def mask(state: Any) -> jax.Array:
        return pack(env.legal_action_mask(state) & (tried | (state.phase != Phase.PLACE)))

    return jax.vmap(mask)(states), lambda row, entry: entry


@cache
def _portions(env: Env) -> np.ndarray:
    """``bool[portions, num_actions]``: the decisions of a turn that begins with a placement, in the order in which they
    are tried. On large boards, where no budget is enough for all, most wins begin with one ring on the edge or beside
    it (docs/performance.md), so that these come first. All decisions but placements are in the first portion. A turn
    has one placement, its first decision, so that nothing in the pool waits for a later portion."""
    if not _is_large(env.board):
        return np.ones((1, env.num_actions), bool)
    plane, cell = np.divmod(np.arange(env.num_actions), env.layout.cells)
    placement, more, inwards = plane < env.layout.rays, plane > 0, _cells_inwards(env.board)[cell]
    portion = np.where(placement, (NEAR + 1) * more + np.minimum(inwards, NEAR), 0)
    return portion == np.arange(2 * (NEAR + 1))[:, None]


@cache
def _cells_inwards(board: Board) -> np.ndarray:
    """``int32[cells]``: steps from a cell to the nearest one beside which the board ends."""
    shape = np.pad(board.mask, 1)
    steps = np.zeros(shape.shape, np.int32)
    while shape.any():
        shape = np.logical_and.reduce([np.roll(shape, offset, (0, 1)) for offset in ((0, 0), *board.directions)])
        steps += shape
    return steps[1:-1, 1:-1].reshape(-1)


def _loud_actions(env: Env, states: Any) -> Actions:
    """Those of a travelling stack that are not quiet."""
    layout, distances = env.layout, jnp.arange(env.board.max_distance, dtype=jnp.uint32)

    def mask(state: Any) -> jax.Array:
        loud = _loud(env)(state)
        return pack(jnp.append(loud.distances[:, None] >> distances & 1 != 0, loud.skip))

    def action(row: jax.Array, entry: jax.Array) -> jax.Array:
        is_ray = entry < layout.lines - layout.rays
        return jnp.where(is_ray, (layout.rays + entry) * layout.cells + states.focus[row], layout.skip)

    return jax.vmap(mask)(states), action


@cache
def _loud(env: Env):
    return on_any_mesh(unbatched(partial(quiet.loud, env.board)))


@cache
def _step_legal(env: Env):
    return on_any_mesh(unbatched(partial(step_legal, env.board, env.max_steps)))


def _choose(
    sizes: _Sizes,
    present: jax.Array,
    lane: jax.Array,
    left: jax.Array,
    room: jax.Array,
    before: jax.Array,
    masks: jax.Array,
    action_of: Callable[[jax.Array, jax.Array], jax.Array],
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]:
    """The decisions of a round: of as many states, in order, as have ``room``, if their lanes have so many nodes
    ``left``. The first has had so many of its decisions tried ``before``; where the others do not fit, some of them.

    Returns:
      ``bool[E]`` states that leave the pool, and those of which decisions are tried; for each decision
      ``int32[width]`` the state, -1 for none, and the action; and ``int32[E]`` how many decisions are tried of the
      state of which others are left for later, 0 of the rest.
    """
    masks = jnp.where(present[:, None], masks, 0)
    first = present & (jnp.arange(len(present)) == 0)
    needed = lax.population_count(masks).astype(jnp.int32).sum(axis=1, dtype=jnp.int32) - first * before
    # A full pool is searched depth first; for that there is a rest of it, of which a state takes a part.
    most = jnp.minimum(jnp.maximum(room // 32, jnp.minimum(room, PART)), sizes.width)
    fits = first & (needed <= most)
    fits |= present & (jnp.cumsum(needed) <= jnp.minimum(room - sizes.reserve, sizes.width))
    in_part = first & ~fits & (most > 0)
    needed = jnp.where(in_part, most, needed)
    tried = (fits | in_part) & (_sums_by_lane(lane, needed) <= left)
    in_part &= tried
    stays = in_part.any()
    skip, limit = jnp.sum((first & tried) * before), jnp.where(stays, most, sizes.width)
    row, entry, _ = entries(jnp.where(tried[:, None], masks, 0), sizes.width, skip, limit)
    # The first one will not have more room later.
    leaves = fits | (first & ~stays)
    return leaves, tried, row, action_of(row, entry).astype(jnp.int32), jnp.where(in_part, most, 0)


def _sums_by_lane(lane: jax.Array, numbers: jax.Array) -> jax.Array:
    """``int32[E]``: of each entry the sum of the ``numbers`` of its lane, from the first to its own."""
    by_lane = jnp.argsort(lane, stable=True)
    lane, numbers = lane[by_lane], numbers[by_lane]
    before = jnp.cumsum(numbers) - numbers
    of_others = lax.cummax(jnp.where(lane != jnp.roll(lane, 1), before, 0))
    return jnp.zeros_like(numbers).at[by_lane].set(before + numbers - of_others, unique_indices=True)


def _enter(sizes: _Sizes, roots: Any, now: _Progress) -> tuple[jax.Array, jax.Array, _Pool]:
    """Fills the pool up with states of the batch, so that a round has enough to choose from. The next portion of their
    decisions begins when nothing of the one before is left."""
    batch, some = len(roots.turn), sizes.entering
    in_pool = now.pool.order > -jnp.inf
    portion = jnp.where(in_pool.any(), now.portion, jnp.argmax(now.waiting.any(axis=1))).astype(jnp.int32)
    starved = (jnp.sum(in_pool) < sizes.width) & ~jnp.any(in_pool & (now.pool.state.phase == Phase.PLACE))
    (lane,) = jnp.nonzero(now.waiting[portion] & starved, size=some, fill_value=batch)
    lane = lane.astype(jnp.int32)
    states = jax.tree.map(lambda leaf: leaf.at[lane].get(mode="clip"), roots)
    line, length = jnp.full((some, LINE), -1, jnp.int32), jnp.zeros(some, jnp.int32)
    pool = _put(now.pool, _Pool(states, lane, line, length, length, jnp.zeros(some, jnp.float32)), lane < batch)
    return portion, now.waiting.at[portion, lane].set(False, mode="drop"), pool


def _put(pool: _Pool, entries: _Pool, chosen: jax.Array) -> _Pool:
    """The pool with the chosen entries ``bool[E]``, for which there is room."""
    (free,) = jnp.nonzero(pool.order == -jnp.inf, size=len(chosen), fill_value=len(pool.order))
    place = jnp.where(chosen, free[jnp.cumsum(chosen) - 1], len(pool.order))
    return jax.tree.map(lambda leaf, new: leaf.at[place].set(new, mode="drop"), pool, entries)


def _order(env: Env, states: Any) -> jax.Array:
    """``float32[E]`` which states to try first: late phases, so that the pool stays small, and of these stacks beside
    the edge and in corners, where few markers part a region from the rest."""
    return 1 + states.phase.astype(jnp.float32) + jnp.asarray(_off_board(env.board))[states.focus]


@cache
def _off_board(board: Board) -> np.ndarray:
    """``float32[cells + 1]``: share of the directions from a cell in which the board ends; 0 for cell -1, the last."""
    inside = np.pad(board.mask, 1)
    size = board.size
    beside = [inside[1 + dx : 1 + dx + size, 1 + dy : 1 + dy + size] for dx, dy in board.directions]
    return np.append(1 - np.mean(beside, axis=0), 0).astype(np.float32)


def _unseen(env: Env, seen: jax.Array, states: Any, lane: jax.Array, asked: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Marks states ``[E]`` as seen, and tells which of those ``asked`` about were not before, ``bool[E]``.

    A place remembers the newest state only, so that some are tried twice. Two different states are one with a chance
    of 2**-63.
    """
    keys = _keys(env, states, lane)
    place = jnp.where(asked, (keys[:, 0] % len(seen)).astype(jnp.int32), len(seen))
    known = jnp.all(seen.at[place].get(mode="clip") == keys, axis=1)
    position = jnp.arange(len(place), dtype=jnp.int32)
    last = jnp.full(len(seen), -1, jnp.int32).at[place].max(position, mode="drop").at[place].get(mode="clip")
    repeated = (last != position) & jnp.all(keys[last] == keys, axis=1)
    seen = seen.at[jnp.where(last == position, place, len(seen))].set(keys, mode="drop")
    return seen, asked & ~known & ~repeated


def _keys(env: Env, states: Any, lane: jax.Array) -> jax.Array:
    """``uint32[E, 2]``: hash keys of states of a lane, of all that the rest of the turn depends on."""
    ignored = {"illegal": 0, "just_ended": 0, "winner": 0, "reason": 0} | ({} if env.max_steps else {"steps": 0})
    leaves = jax.tree.leaves(states.replace(**ignored))
    leaves = [leaf.reshape(len(lane), -1) for leaf in leaves if jnp.ndim(leaf)] + [lane[:, None]]
    words = jnp.concatenate([leaf.astype(jnp.uint32) for leaf in leaves], axis=1)
    place = jnp.arange(words.shape[1], dtype=jnp.uint32)
    salts = place * jnp.uint32(0x9E3779B1), place * jnp.uint32(0x85EBCA77)
    first, second = (_mixed(_mixed(words) + salt).sum(axis=1, dtype=jnp.uint32) for salt in salts)
    # No key is that of an empty place.
    return jnp.stack([first, second | 1], axis=1)


def _mixed(words: jax.Array) -> jax.Array:
    """uint32: each bit depends on all bits of the word (the finalizer of MurmurHash3)."""
    words = (words ^ words >> 16) * jnp.uint32(0x85EBCA6B)
    words = (words ^ words >> 13) * jnp.uint32(0xC2B2AE35)
    return words ^ words >> 16
