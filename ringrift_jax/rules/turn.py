"""What follows a decision without a choice: phases, end of turn, rotation, forced bookkeeping (rulebook section 2)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board
from . import lines, placement, recovery, territory, victory
from .arrays import rays, stacks
from .arrays.grid import any_bit, count_bits, pick, seat_axis, to_rows
from .arrays.lanes import materialize
from .effect import Effect
from .state import Phase, Reason, State


def skip_effect(phase: jax.Array) -> Effect:
    """Where each skip leads: to the move, to the lines, or past the regions.

    By rulebook section 2. Twin: reference/turn.py::_place, _move, _capture and _territory, in what they do at last.
    """
    then = jnp.where(phase == Phase.TERRITORY, Phase.FORCED_ELIMINATION, Phase.LINE)
    return Effect(then=jnp.where(phase == Phase.PLACE, Phase.MOVE, then))


def forced_elimination_effect(cap: jax.Array) -> Effect:
    """A cap of int32[N] rings is eliminated, and the turn ends.

    By rulebook section 9. Twin: reference/turn.py::_forced.
    """
    return Effect(then=Phase.OVER, paid=cap, acted=True)


def seats_on(
    board: Board, word: stacks.Word, seen: rays.Survey, can: placement.Mobility, land: territory.Land, hand: jax.Array
) -> victory.Seats:
    """The :class:`victory.Seats` of a board. ``hand``: int32[n, N]."""
    seats = seat_axis(board)
    mine = seen.top == seats
    # One bit per question, so that a single pass over the board answers all of them for every seat.
    questions = [stacks.has_buried(word, seats), mine & can.stack, jnp.where(mine, can.own, can.other), *can.empty]
    bits = sum((question.astype(jnp.uint32) << i for i, question in enumerate(questions)), start=jnp.uint32(0))
    answers = lax.reduce(bits, jnp.uint32(0), lax.bitwise_or, (1, 2))
    buried, moves, on_stack, *empty = (answers >> i & 1 != 0 for i in range(len(questions)))
    controls = any_bit(land.controlled)
    places_one = (on_stack | empty[0]) & (hand >= 1)
    return victory.Seats(
        controls=controls,
        on_board=land.active,
        places=places_one | (empty[1] & (hand >= 2)) | (empty[2] & (hand >= 3)),
        places_one=places_one,
        moves=moves,
        lines=lines.any_line(board, land.markers),
        recovers=recovery.eligible(controls, any_bit(land.markers), buried),
    )


def settle(
    board: Board,
    state: State,
    word: stacks.Word,
    seen: rays.Survey,
    can: placement.Mobility,
    forced: bool = True,
) -> State:
    """Advances a state from just after a decision to the next decision or the end of the game.

    Its phase is the one that the effect leads to (``Effect.then``): the turn goes on there if it has a decision, else
    in the next phase that has one, and ``OVER`` ends it. Without ``forced`` it stops before the first forced move: on
    entering ``LINE``, and when the next turn begins.
    """
    land = territory.survey_land(board, state.ground, word)
    seats = seats_on(board, word, seen, can, land, state.hand)
    regions, regions_in_recovery = _regions_exist(board, state, word, land)

    def after_line(blocked, has_regions):
        """Phase on leaving ``line``; OVER stands for the end of the turn."""
        at_end = jnp.where(blocked, jnp.int32(Phase.FORCED_ELIMINATION), jnp.int32(Phase.OVER))
        return jnp.where(has_regions, Phase.TERRITORY, at_end)

    seat = state.current_seat
    blocked = ~state.acted & pick(seats.controls, seat)
    has_regions = jnp.where(state.recovered, regions_in_recovery, pick(regions, seat))
    left_line = after_line(blocked, has_regions)
    entered = jnp.where(pick(seats.lines, seat), Phase.LINE, left_line) if forced else Phase.LINE
    left_territory = after_line(blocked, jnp.zeros_like(has_regions))
    phase = jnp.where(state.phase == Phase.LINE, entered, Phase.OVER)
    phase = jnp.where(state.phase == Phase.TERRITORY, left_line, phase)
    phase = jnp.where(state.phase == Phase.FORCED_ELIMINATION, left_territory, phase)
    stays = _stays(state)
    phase = jnp.where(stays, state.phase, phase)
    turn_over = phase == Phase.OVER

    alive = seats.on_board | (state.hand > 0)
    collapsed = count_bits(to_rows(state.ground == -seat_axis(board) - 1))
    markers = count_bits(land.markers)
    winner, reason = victory.check(board, seats, state.hand, state.eliminated, collapsed, markers, seat)
    just_lost = turn_over & ~alive & (state.lost_turn == 0)

    begun = materialize(
        _Turns(
            passing=turn_over & (winner < 0),
            seat=seat,
            phase=phase,
            acted=state.acted,
            recovered=state.recovered,
            turn=state.turn,
            rounds=victory.Rounds(state.round_first, state.marks, state.streak_seat, state.streak_length),
            winner=jnp.where(turn_over, winner, -1),
            reason=jnp.where(turn_over, reason, Reason.NONE),
        )
    )
    moves = seats.moves | seats.recovers
    # Where a turn begins that nothing has happened in yet.
    opening = jnp.where(seats.lines, Phase.LINE, after_line(seats.controls, regions))
    opening = jnp.where(moves, Phase.MOVE, opening)
    opening = jnp.where(seats.places | ((state.hand > 0) & moves) | (not forced), Phase.PLACE, opening)
    turns = _begin_turns(begun, *materialize((opening, alive, seats.acts)))

    over = turns.winner >= 0
    return _keep(state, stays & ~over).replace(
        current_seat=turns.seat,
        phase=jnp.where(over, Phase.OVER, turns.phase),
        acted=turns.acted & ~over,
        recovered=turns.recovered & ~over,
        lost_turn=jnp.where(just_lost, state.turn, state.lost_turn),
        turn=turns.turn,
        round_first=turns.rounds.first,
        marks=turns.rounds.marks,
        streak_seat=turns.rounds.streak_seat,
        streak_length=turns.rounds.streak_length,
        winner=turns.winner,
        reason=turns.reason,
        just_ended=over,
    )


def stay(state: State) -> State:
    """:func:`settle` without ``forced``, when no lane's turn may end."""
    return _keep(state, _stays(state)).replace(just_ended=jnp.zeros_like(state.just_ended))


def _stays(state: State) -> jax.Array:
    """bool[N]: whether the effect itself left something to decide in its phase."""
    return (state.phase < Phase.LINE) | state.owed


def _keep(state: State, kept: jax.Array) -> State:
    """Forgets what belongs to a phase in lanes that leave it."""
    return state.replace(
        focus=jnp.where(kept, state.focus, -1),
        slide=jnp.where(kept, state.slide, -1),
        owed=kept & state.owed,
    )


class _Turns(NamedTuple):
    """What changes while turns begin; ``[N]`` each, fields as in the state. ``passing``: another one must begin."""

    passing: jax.Array
    seat: jax.Array
    phase: jax.Array
    acted: jax.Array
    recovered: jax.Array
    turn: jax.Array
    rounds: victory.Rounds
    winner: jax.Array
    reason: jax.Array


def _begin_turns(begun: _Turns, opening: jax.Array, alive: jax.Array, acts: jax.Array) -> _Turns:
    """Rotates to the next seat with a decision. ``opening``: int32[n, N] phase of each seat's first decision, or OVER.

    A seat without a decision in its turn is passed over with all its tracking. The board does not change meanwhile, so
    the victory check need not be repeated, and after n passes every seat has been asked.
    """
    n = alive.shape[0]

    def begin(_, now):
        following = now.seat
        for distance in reversed(range(1, n + 1)):
            candidate = lax.rem(now.seat + distance, jnp.int32(n))
            following = jnp.where(pick(alive, candidate), candidate, following)
        # The flags follow the contiguous run of one seat's moves (rulebook section 2.3).
        same_seat = following == now.seat
        rounds, wins = victory.begin_turn(now.rounds, following, alive, acts)
        phase = pick(opening, following)
        after = _Turns(
            passing=~wins & (phase == Phase.OVER),
            seat=following,
            phase=phase,
            acted=now.acted & same_seat,
            recovered=now.recovered & same_seat,
            turn=now.turn + 1,
            rounds=rounds,
            winner=jnp.where(wins, following, now.winner),
            reason=jnp.where(wins, Reason.LPS_ROUNDS, now.reason),
        )
        return jax.tree.map(partial(jnp.where, now.passing), after, now)

    # As often as ever needed: what a condition saves, reading it costs.
    return lax.fori_loop(0, n, begin, begun, unroll=True)


def _regions_exist(board: Board, state: State, word: stacks.Word, land: territory.Land) -> tuple[jax.Array, jax.Array]:
    """bool[n, N]: seats that may process a region in an ordinary turn; bool[N]: the mover may in a recovery turn."""
    buried = to_rows(stacks.has_buried(word, state.current_seat))
    payers = jnp.concatenate([land.controlled, buried[None]])
    exist = jnp.any(any_bit(territory.processable(board, land, payers)), axis=1)
    return exist[:-1], exist[-1]
