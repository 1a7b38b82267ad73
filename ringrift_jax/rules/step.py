"""One decision: check it, apply it to the board, and settle what follows. Arrays have a trailing lane axis."""

import jax
import jax.numpy as jnp

from ..boards import Board
from . import legal, placement, territory
from .actions import Kind
from .arrays import rays, stacks
from .arrays.grid import along, at, cell_bit, is_cell, neighbour, pick, to_plane
from .arrays.lanes import materialize
from .state import Phase, Reason, State
from .turn import Continuation, settle, stay_in_turn


def step(board: Board, swap_rule: bool, max_steps: int | None, state: State, action: jax.Array) -> State:
    """Plays a decision. An illegal one only sets ``illegal``; a finished game only loses ``just_ended``."""
    action = action.astype(jnp.int32)
    pos = legal.position(board, state)
    options = legal.options(board, swap_rule, pos)
    act = legal.decode(board, state, action)
    cell = cell_bit(board, act.cell)
    land = territory.survey_land(board, state.ground, pos.word)
    asked = options.region & (act.kind == Kind.REGION)
    region = territory.region_at(board, land, jnp.where(asked, cell, 0), legal.payer_rows(pos))
    is_legal = legal.is_legal(board, options, region, cell, act)
    # Nothing on the board changes under kind -1, so board planes need no selection at the end.
    act = act._replace(kind=jnp.where(is_legal, act.kind, -1))
    is_legal, act = materialize((is_legal, act))

    applied, then = _apply(board, pos, act, land, region)
    applied = materialize(applied)
    settled = _settle(board, applied, then)

    steps = state.steps + is_legal
    settled = settled.replace(steps=steps)
    if max_steps is not None:
        truncate = (steps >= max_steps) & ~settled.is_over
        stopped = settled.replace(
            phase=jnp.full_like(settled.phase, Phase.OVER),
            focus=jnp.full_like(settled.focus, -1),
            slide=jnp.full_like(settled.slide, -1),
            owed=jnp.zeros_like(settled.owed),
            acted=jnp.zeros_like(settled.acted),
            recovered=jnp.zeros_like(settled.recovered),
            just_ended=jnp.ones_like(settled.just_ended),
            reason=jnp.full_like(settled.reason, Reason.TRUNCATED),
        )
        settled = jax.tree.map(lambda new, old: jnp.where(truncate, new, old), stopped, settled)
    unchanged = state.replace(just_ended=jnp.zeros_like(is_legal))
    result = jax.tree.map(lambda new, old: jnp.where(is_legal, new, old), settled, unchanged)
    illegal = ~is_legal & ~state.is_over
    return result.replace(stacks=applied.stacks, ground=applied.ground, illegal=illegal)


def afterstate(board: Board, state: State, action: jax.Array) -> State:
    """The state right after a legal decision, before anything forced follows.

    So a move or a line leads to ``LINE`` even where no line is left. When the decision itself ends the turn
    (``FE``, the last ``ET``, ``SKIP_TERR``), the game is over or the next seat is in ``PLACE`` even if it cannot place.
    ``steps`` does not count.
    """
    pos = legal.position(board, state)
    act = materialize(legal.decode(board, state, action.astype(jnp.int32)))
    land = territory.survey_land(board, state.ground, pos.word)
    asked = jnp.where(act.kind == Kind.REGION, cell_bit(board, act.cell), 0)
    region = territory.region_at(board, land, asked, legal.payer_rows(pos))
    applied, then = _apply(board, pos, act, land, region)

    def end_turns(applied: State) -> State:
        return _settle(board, applied, then, forced=False)

    def go_on(applied: State) -> State:
        seen = rays.survey(board, stacks.unpack(applied.stacks), applied.ground)
        return stay_in_turn(applied, then(seen))

    # To end a turn takes most of the time, and in earlier phases no decision does.
    may_end = jnp.any(state.phase >= Phase.TERRITORY)
    return jax.lax.cond(may_end, end_turns, go_on, materialize(applied))


def _settle(board: Board, applied: State, then, forced: bool = True) -> State:
    """Settles what :func:`_apply` gives."""
    word = stacks.unpack(applied.stacks)
    seen = rays.survey(board, word, applied.ground)
    can = placement.mobility(board, seen, applied.ground)
    return settle(board, applied, word, seen, can, materialize(then(seen)), forced)


def _apply(board: Board, pos: legal.Position, act: legal.Action, land: territory.Land, region: territory.Region):
    """Changes the board and the counters of the mover, and says where the turn goes on.

    Returns:
      The state with everything but the automatic part done, and a function from the new board's survey to the
      :class:`Continuation`, since a capture may have to go on.
    """
    state, word, seen, ground = pos.state, pos.word, pos.seen, pos.state.ground
    seat, mine = state.current_seat, (state.current_seat + 1).astype(jnp.int8)
    kind, cell = act.kind, act.cell
    sliding = state.slide >= 0
    in_line, in_territory = state.phase == Phase.LINE, state.phase == Phase.TERRITORY

    places = kind == Kind.PLACE
    starts_slide = (kind == Kind.RAY) & (at(seen.top, cell) < 0)
    travels = (kind == Kind.RAY) & ~starts_slide
    pays, windows = kind == Kind.PAY, kind == Kind.WINDOW
    recovers = sliding & (pays | windows)
    takes_line = ((kind == Kind.LINE) | windows) & ~recovers
    processes = kind == Kind.REGION
    slide = pos.slide
    strikes = recovers & slide.strike

    # Geometry: where a stack travels, or which markers collapse.
    axes = len(board.axes)
    direction = axis = act.a
    target_distance = pick(at(seen.reach, cell), direction).astype(jnp.int32) + 1
    distance = act.b
    captures = travels & (distance > target_distance)
    target = neighbour(board, cell, direction, target_distance)
    landing = neighbour(board, cell, direction, distance)
    slide_line = recovers & pays & slide.line
    line_origin = jnp.where(slide_line, slide.destination, cell)
    line_direction = jnp.where(slide_line, slide.axis, jnp.where(travels, direction, axis))
    offset, on_line = along(board, line_origin, line_direction)
    own_runs = at(pos.own_runs, cell)
    before = jnp.where(slide_line, slide.before, jnp.where(windows, 0, pick(own_runs, axis + axes)))
    after = jnp.where(slide_line, slide.after, jnp.where(windows, board.line_length - 1, pick(own_runs, axis)))
    collapses = (slide_line | takes_line | windows) & on_line & (offset >= -before) & (offset <= after)
    crossed = travels & on_line & (offset >= 1) & (offset < distance.astype(jnp.int8))

    region_rows = jnp.where(processes, territory.cells_in_mode(region, act.a), 0)
    region_cells = to_plane(region_rows)
    collapses |= region_cells | to_plane(territory.border(board, land, region_rows))

    # Markers and collapsed cells.
    marked = jnp.where(travels, cell, jnp.where(recovers & ~slide.strike, slide.destination, -1))
    cleared = jnp.where(travels, landing, jnp.where(recovers, slide.origin, -1))
    on_marker = travels & (at(ground, landing) > 0)
    new_ground = jnp.where(crossed & (ground > 0), jnp.where(ground == mine, -mine, mine), ground)
    new_ground = jnp.where(is_cell(board, marked), mine, jnp.where(is_cell(board, cleared), 0, new_ground))
    new_ground = jnp.where(collapses, -mine, new_ground)

    # Stacks: the second cell loses its top ring (a target, a struck stack), the first is placed on, left or paid with.
    first = tuple(at(w, cell) for w in word)
    second_cell = jnp.where(captures, target, slide.destination)
    second = tuple(at(w, second_cell) for w in word)
    beheaded = stacks.pop_top(second)
    mover = stacks.select(captures, stacks.push_bottom(first, stacks.top(second)), first)
    mover = stacks.select(on_marker, stacks.pop_top(mover), mover)

    struck = stacks.select(strikes & (cell == slide.destination), beheaded, first)
    extracts = recovers | (in_territory & state.recovered)
    amount = jnp.where(in_line, 1, stacks.cap_height(first))
    paid = stacks.select(extracts, stacks.remove_bottommost(struck, seat), stacks.pop_top(struck, amount))
    new_first = stacks.select(places, stacks.push_top(first, seat, act.a), stacks.none_like(first))
    new_first = stacks.select(pays, paid, new_first)
    new_word = word
    for index, value in (
        (jnp.where(captures | (strikes & pays), second_cell, -1), beheaded),
        (jnp.where(places | travels | pays, cell, -1), new_first),
        (jnp.where(travels, landing, -1), mover),
    ):
        new_word = stacks.select(is_cell(board, index), value, new_word)
    new_word = stacks.select(region_cells, stacks.none_like(word), new_word)

    rings_paid = jnp.where(extracts, 1, amount) * pays
    rings_in_region = jnp.sum(jnp.where(region_cells, seen.height, 0), axis=(0, 1), dtype=jnp.int32)
    credit = on_marker + rings_paid + (strikes & pays) + rings_in_region
    is_mover = jnp.arange(board.num_players)[:, None] == seat
    hand = state.hand - jnp.where(places & is_mover, act.a, 0)
    eliminated = state.eliminated + jnp.where(is_mover, credit, 0)

    # Where the turn goes on.
    skips = kind == Kind.SKIP
    in_place, in_move = state.phase == Phase.PLACE, state.phase == Phase.MOVE
    may_continue = travels & (stacks.top(mover) == seat) & stacks.is_stack(mover)
    owes_line = takes_line & ~windows & jnp.any(seen.top == seat.astype(jnp.int8), axis=(0, 1))
    swaps = kind == Kind.SWAP
    phase = jnp.where(places | (skips & in_place), Phase.MOVE, state.phase)
    phase = jnp.where(travels, jnp.where(captures, Phase.CHAIN, Phase.CAPTURE), phase)
    after_recovery = recovers | (skips & (in_move | (state.phase == Phase.CAPTURE)))
    pays_line = pays & in_line

    def then(after: rays.Survey) -> Continuation:
        here = rays.Survey(*(at(plane, landing) for plane in after))
        reaches = jnp.any(rays.can_capture(here, here.height, here.cap), axis=0)
        continues = may_continue & reaches
        return Continuation(
            stays=places | (skips & in_place) | starts_slide | swaps | continues | owes_line | processes,
            enters_line=(travels & ~continues) | after_recovery | (takes_line & ~owes_line) | pays_line,
            leaves_line=pays & in_territory,
            leaves_territory=skips & in_territory,
            ends_turn=pays & (state.phase == Phase.FORCED_ELIMINATION),
        )

    focus = jnp.where(places | starts_slide, cell, jnp.where(travels, landing, -1))
    applied = state.replace(
        stacks=stacks.pack(new_word),
        ground=new_ground.astype(jnp.int8),
        hand=hand,
        eliminated=eliminated,
        phase=phase.astype(jnp.int32),
        focus=focus.astype(jnp.int32),
        slide=jnp.where(starts_slide, direction, -1).astype(jnp.int32),
        owed=owes_line | processes,
        acted=state.acted | places | travels | recovers | takes_line | processes | pays,
        recovered=state.recovered | recovers,
        swapped=state.swapped ^ swaps,
    )
    return applied, then
