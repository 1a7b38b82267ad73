"""One decision: check it, apply it to the board, and settle what follows. Arrays have a trailing lane axis."""

import jax
import jax.numpy as jnp

from ..boards import Board
from . import legal, lines, movement, placement, recovery, territory, turn
from .actions import Action, Kind, decode
from .arrays import rays, stacks
from .arrays.grid import at, cell_bit
from .arrays.lanes import materialize
from .effect import Effect, apply, merge
from .position import Position, look, stack_at
from .state import Phase, Reason, State


def step(board: Board, swap_rule: bool, max_steps: int | None, state: State, action: jax.Array) -> State:
    """Plays a decision. An illegal one only sets ``illegal``; a finished game only loses ``just_ended``."""
    pos = look(board, state)
    can, slide = placement.mobility(board, pos.seen, state.ground), recovery.pending(board, pos)
    land = territory.survey_land(board, state.ground, pos.word)
    options = legal.options(board, swap_rule, pos, can, slide)
    act = decode(board, state.current_seat, action.astype(jnp.int32))
    cell = cell_bit(board, act.cell)
    asked = options.region & (act.kind == Kind.REGION)
    region = territory.region_at(board, land, jnp.where(asked, cell, 0), territory.payers(pos))
    is_legal = legal.is_legal(board, options, region, cell, act)
    # Nothing on the board changes under kind -1, so board planes need no selection at the end.
    act = act._replace(kind=jnp.where(is_legal, act.kind, -1))
    is_legal, act = materialize((is_legal, act))

    applied = _apply(board, pos, slide, land, region, act)
    settled = _counted(_settle(board, applied), state.steps + is_legal, max_steps)

    unchanged = state.replace(just_ended=jnp.zeros_like(is_legal))
    result = jax.tree.map(lambda new, old: jnp.where(is_legal, new, old), settled, unchanged)
    illegal = ~is_legal & ~state.is_over
    return result.replace(stacks=applied.stacks, ground=applied.ground, illegal=illegal)


def step_legal(board: Board, max_steps: int | None, state: State, action: jax.Array) -> State:
    """:func:`step` for decisions that are known to be legal, at four fifths of the cost. Of any other, and of a game
    that is over, the result has no meaning."""
    settled = _settle(board, _play(board, state, action))
    return _counted(settled, state.steps + 1, max_steps).replace(illegal=jnp.zeros_like(state.illegal))


def afterstate(board: Board, state: State, action: jax.Array) -> State:
    """The state right after a legal decision, before anything forced follows.

    So a move or a line leads to ``LINE`` even where no line is left. When the decision itself ends the turn
    (``FE``, the last ``ET``, ``SKIP_TERR``), the game is over or the next seat is in ``PLACE`` even if it cannot place.
    ``steps`` does not count.
    """
    applied = _play(board, state, action)

    def end_turns(applied: State) -> State:
        return _settle(board, applied, forced=False)

    def go_on(applied: State) -> State:
        seen = rays.survey(board, stacks.unpack(applied.stacks), applied.ground)
        return turn.stay(movement.end_chains(seen, applied))

    # To end a turn takes most of the time, and in earlier phases no decision does.
    may_end = jnp.any(state.phase >= Phase.TERRITORY)
    return jax.lax.cond(may_end, end_turns, go_on, applied)


def _counted(settled: State, steps: jax.Array, max_steps: int | None) -> State:
    """With the count of decisions, which may end the game."""
    settled = settled.replace(steps=steps)
    if max_steps is None:
        return settled
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
    return jax.tree.map(lambda new, old: jnp.where(truncate, new, old), stopped, settled)


def _play(board: Board, state: State, action: jax.Array) -> State:
    """The state after the effect of a legal decision."""
    pos = look(board, state)
    slide = recovery.pending(board, pos)
    act = materialize(decode(board, state.current_seat, action.astype(jnp.int32)))
    land = territory.survey_land(board, state.ground, pos.word)
    asked = jnp.where(act.kind == Kind.REGION, cell_bit(board, act.cell), 0)
    region = territory.region_at(board, land, asked, territory.payers(pos))
    return _apply(board, pos, slide, land, region, act)


def _settle(board: Board, applied: State, forced: bool = True) -> State:
    word = stacks.unpack(applied.stacks)
    seen = rays.survey(board, word, applied.ground)
    can = placement.mobility(board, seen, applied.ground)
    return turn.settle(board, movement.end_chains(seen, applied), word, seen, can, forced)


def _apply(
    board: Board,
    pos: Position,
    slide: recovery.PendingSlide,
    land: territory.Land,
    region: territory.Region,
    act: Action,
) -> State:
    """The state after the effect of a decision, from the chapter that it belongs to. Kind -1 belongs to none."""
    phase, kind = pos.state.phase, act.kind
    stack = stack_at(pos, act.cell)
    cap = at(pos.seen.cap, act.cell)
    travels = (kind == Kind.RAY) & stacks.is_stack(stack)
    skips = kind == Kind.SKIP
    acts = (kind >= 0) & ~skips
    chapters = (
        (skips, turn.skip_effect(phase)),
        (kind == Kind.PLACE, placement.effect(act)),
        (kind == Kind.SWAP, placement.swap_effect()),
        (travels, movement.effect(board, pos, act, stack)),
        (acts & (phase == Phase.MOVE) & ~travels, recovery.effect(board, slide, act)),
        (acts & (phase == Phase.LINE), lines.effect(board, pos, act)),
        (acts & (phase == Phase.TERRITORY), territory.effect(board, pos, land, region, act, cap)),
        (acts & (phase == Phase.FORCED_ELIMINATION), turn.forced_elimination_effect(cap)),
    )
    effect = merge(Effect(then=phase, landed=stack), chapters)
    return materialize(apply(board, pos, act.cell, stack, materialize(effect)))
