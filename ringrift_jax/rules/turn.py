"""What follows a decision without a choice: phases, end of turn, rotation, forced bookkeeping (RULES section 2)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..boards import Board
from . import lines, placement, rays, stacks, territory, victory
from .grid import any_bit, count_bits, pick, to_rows
from .state import Phase, Reason, State


class Continuation(NamedTuple):
    """Where a decision leads, before anything automatic happens; bool[N] each.

    Exactly one holds: the turn ``stays`` in the phase and with the focus of the state, enters ``line``, leaves it
    (or has paid for a region, which asks the same question), leaves ``terr``, or ends.
    """

    stays: jax.Array
    enters_line: jax.Array
    leaves_line: jax.Array
    leaves_territory: jax.Array
    ends_turn: jax.Array


def seats_on(
    board: Board, word: stacks.Word, seen: rays.Survey, can: placement.Mobility, land: territory.Land, hand: jax.Array
) -> victory.Seats:
    """The :class:`victory.Seats` of a board. ``hand``: int32[n, N]."""
    n = board.num_players
    # One bit per question and seat, so that a single pass over the board answers all of them.
    questions: list[jax.Array] = []
    for seat in range(n):
        mine = seen.top == seat
        questions += [stacks.has_buried(word, seat), mine & can.stack, jnp.where(mine, can.own, can.other)]
    questions += [can.empty[0], can.empty[1], can.empty[2]]
    bits = sum((question.astype(jnp.uint32) << i for i, question in enumerate(questions)), start=jnp.uint32(0))
    answers = lax.reduce(bits, jnp.uint32(0), lax.bitwise_or, (0, 1))
    answers = (answers >> jnp.arange(len(questions), dtype=jnp.uint32)[:, None]) & 1 != 0
    buried, moves, on_stack = (answers[question : 3 * n : 3] for question in range(3))
    empty = answers[3 * n :]
    controls = any_bit(land.controlled)
    places_one = (on_stack | empty[0]) & (hand >= 1)
    return victory.Seats(
        controls=controls,
        on_board=land.active,
        places=places_one | (empty[1] & (hand >= 2)) | (empty[2] & (hand >= 3)),
        places_one=places_one,
        moves=moves,
        lines=lines.any_line(board, land.markers),
        recovers=~controls & any_bit(land.markers) & buried,
    )


def settle(
    board: Board,
    state: State,
    word: stacks.Word,
    seen: rays.Survey,
    can: placement.Mobility,
    then: Continuation,
) -> State:
    """Advances a state from just after a decision to the next decision or the end of the game."""
    n = board.num_players
    land = territory.survey_land(board, state.ground, word)
    seats = seats_on(board, word, seen, can, land, state.hand)
    regions, regions_in_recovery = _regions_exist(board, state, word, land)

    def after_line(seat, acted, has_regions):
        """Phase on leaving ``line``; OVER stands for the end of the turn."""
        blocked = jnp.where(~acted & pick(seats.controls, seat), Phase.FORCED_ELIMINATION, Phase.OVER)
        return jnp.where(has_regions, Phase.TERRITORY, blocked)

    def on_line(seat, acted, has_regions):
        return jnp.where(pick(seats.lines, seat), Phase.LINE, after_line(seat, acted, has_regions))

    seat, acted = state.current_seat, state.acted
    has_regions = jnp.where(state.recovered, regions_in_recovery, pick(regions, seat))
    phase = jnp.where(then.enters_line, on_line(seat, acted, has_regions), Phase.OVER)
    phase = jnp.where(then.leaves_line, after_line(seat, acted, has_regions), phase)
    phase = jnp.where(then.leaves_territory, after_line(seat, acted, jnp.zeros_like(acted)), phase)
    phase = jnp.where(then.ends_turn, Phase.OVER, phase)
    phase = jnp.where(then.stays, state.phase, phase)
    turn_over = phase == Phase.OVER

    alive = seats.on_board | (state.hand > 0)
    collapsed = jnp.stack([count_bits(to_rows(state.ground == -seat - 1)) for seat in range(n)])
    markers = count_bits(land.markers)
    winner, reason = victory.check(board, seats, state.hand, state.eliminated, collapsed, markers, seat)
    winner, reason = jnp.where(turn_over, winner, -1), jnp.where(turn_over, reason, Reason.NONE)
    just_lost = turn_over & ~alive & (state.lost_turn == 0)
    lost_turn = jnp.where(just_lost, state.turn, state.lost_turn)

    recovered, turn = state.recovered, state.turn
    rounds = victory.Rounds(state.round_first, state.marks, state.streak_seat, state.streak_length)
    # Each pass starts one turn; a blocked seat without a stack has no decision in it, and the next seat follows. The
    # board does not change meanwhile, so the victory check above need not be repeated.
    for _ in range(n):
        passing = turn_over & (winner < 0)
        following = seat
        for distance in reversed(range(1, n + 1)):
            candidate = (seat + distance) % n
            following = jnp.where(pick(alive, candidate), candidate, following)
        same_seat = following == seat
        new_acted, new_recovered = acted & same_seat, recovered & same_seat
        new_rounds, wins = victory.begin_turn(rounds, following, alive, seats.acts)
        has_regions = pick(regions, following)
        may_skip = (pick(state.hand, following) > 0) & (pick(seats.moves, following) | pick(seats.recovers, following))
        new_phase = jnp.where(
            pick(seats.places, following) | may_skip,
            Phase.PLACE,
            jnp.where(
                pick(seats.moves, following) | pick(seats.recovers, following),
                Phase.MOVE,
                on_line(following, new_acted, has_regions),
            ),
        )
        seat = jnp.where(passing, following, seat)
        acted = jnp.where(passing, new_acted, acted)
        recovered = jnp.where(passing, new_recovered, recovered)
        turn = turn + passing
        rounds = jax.tree.map(partial(jnp.where, passing), new_rounds, rounds)
        winner = jnp.where(passing & wins, following, winner)
        reason = jnp.where(passing & wins, Reason.LPS_ROUNDS, reason)
        phase = jnp.where(passing, new_phase, phase)
        turn_over = passing & ~wins & (new_phase == Phase.OVER)

    over = winner >= 0
    kept = then.stays & ~over
    return state.replace(
        current_seat=seat,
        phase=jnp.where(over, Phase.OVER, phase).astype(jnp.int32),
        focus=jnp.where(kept, state.focus, -1),
        slide=jnp.where(kept, state.slide, -1),
        owed=kept & state.owed,
        acted=acted & ~over,
        recovered=recovered & ~over,
        lost_turn=lost_turn,
        turn=turn,
        round_first=rounds.first,
        marks=rounds.marks,
        streak_seat=rounds.streak_seat,
        streak_length=rounds.streak_length,
        winner=winner,
        reason=reason.astype(jnp.int32),
        just_ended=over,
    )


def _regions_exist(board: Board, state: State, word: stacks.Word, land: territory.Land) -> tuple[jax.Array, jax.Array]:
    """bool[n, N]: seats that may process a region in an ordinary turn; bool[N]: the mover may in a recovery turn."""
    buried = to_rows(stacks.has_buried(word, state.current_seat))
    payers = jnp.concatenate([land.controlled, buried[None]])
    exist = jnp.any(any_bit(territory.processable(board, land, payers)), axis=1)
    return exist[:-1], exist[-1]
