"""Feature planes of a position, from the view of the player to move.

Seats are *relative*: seat 0 of a plane's name is the mover, the others follow in turn order. Values lie in about
[0, 1]. Everything the rules depend on is here, with two exceptions: below depth ``RING_DEPTHS`` a stack shows how many
rings of each seat are buried, not in which order; and ``lost_turn``, which decides ranks only, is left out.
"""

import jax
import jax.numpy as jnp

from .boards import Board
from .rules.arrays import stacks
from .rules.placement import swap_is_open
from .rules.state import Mark, Phase, State

RING_DEPTHS = 5
"""Rings shown exactly, the top one included."""

HEIGHT_FEATURES = ("height", "cap", "buried")
"""Those that are shares of the board's highest stack."""

_STREAK = 3
"""Rounds that win by last player standing (rulebook section 12)."""

# Each of these is one plane per relative seat.
_CELL_FEATURES = (
    "control",  # controls the stack here
    "height",  # of a stack it controls
    "cap",  # of a stack it controls
    *(f"ring_{depth}" for depth in range(1, RING_DEPTHS)),  # its ring lies this far below the top
    "buried",  # how many of its rings lie below the top
    "marker",
    "collapsed",
)
_SEAT_FEATURES = (
    "hand",  # share of its rings
    "eliminated",  # share of the threshold
    "territory",  # share of the minimum
    "active",  # round tracking recorded a real action in this round
    "blocked",  # it recorded none
    "round_first",
    "streak",  # share of the rounds that win
    "first_seat",  # sits in seat 1, which wins ties
)
_PHASES = tuple(phase for phase in Phase if phase != Phase.OVER)
_FLAGS = ("owed", "acted", "recovered", "swapped", "swap_open")
_FOCUS = ("must_move", "capturing", "slide_from", "slide_to")


def feature_names(board: Board) -> tuple[str, ...]:
    """One name per feature, ending in ``/seat`` where there is one plane per relative seat."""
    seats = range(board.num_players)
    by_seat = tuple(f"{name}/{seat}" for name in _CELL_FEATURES + _SEAT_FEATURES for seat in seats)
    return (*by_seat, *(f"phase_{phase.name.lower()}" for phase in _PHASES), *_FLAGS, *_FOCUS, "board")


def num_features(board: Board) -> int:
    """F of :func:`observe`: 53, 71 and 89 for 2, 3 and 4 players."""
    return (len(_CELL_FEATURES) + len(_SEAT_FEATURES)) * board.num_players + len(_PHASES + _FLAGS + _FOCUS) + 1


def observe(board: Board, state: State) -> jax.Array:
    """The planes of one position.

    Returns:
      ``float32[S, S, F]`` in the order of :func:`feature_names`. The last plane is 1 on the board and 0 off it; all
      others are 0 off the board. ``swap_open`` is 1 where the swap rule, if it is on, lets the second player swap.
    """
    number = board.num_players
    seats = (state.current_seat + jnp.arange(number)) % number
    planes = jnp.concatenate([
        _cell_planes(board, state, seats),
        _broadcast(board, jnp.concatenate([_seat_values(board, state, seats), _global_values(board, state)])),
        _focus_planes(board, state),
        jnp.ones((1, board.size, board.size)),
    ])  # fmt: skip
    return jnp.moveaxis(planes * board.mask, 0, -1).astype(jnp.float32)


def _broadcast(board: Board, values: jax.Array) -> jax.Array:
    return jnp.broadcast_to(values[:, None, None], (values.shape[0], board.size, board.size))


def _cell_planes(board: Board, state: State, seats: jax.Array) -> jax.Array:
    """float32[features * n, S, S], by feature, then by relative seat."""
    seat = seats[:, None, None]
    word = stacks.unpack(state.stacks)
    rings = []
    for depth in range(RING_DEPTHS):
        below = stacks.pop_top(word, depth)
        rings.append(stacks.is_stack(below) & (stacks.top(below) == seat))
    control = rings[0]
    features = [
        control,
        control * stacks.height(word) / board.max_height,
        control * stacks.cap_height(word) / board.max_height,
        *rings[1:],
        (stacks.count(word, seat) - control) / board.max_height,
        state.ground == seat + 1,
        state.ground == -seat - 1,
    ]
    return jnp.concatenate([feature.astype(jnp.float32) for feature in features])


def _seat_values(board: Board, state: State, seats: jax.Array) -> jax.Array:
    """float32[features * n]."""
    features = [
        state.hand[seats] / board.rings_per_player,
        state.eliminated[seats] / board.ring_threshold,
        state.territory[seats] / board.territory_minimum,
        state.marks[seats] == Mark.ACTIVE,
        state.marks[seats] == Mark.BLOCKED,
        state.round_first == seats,
        jnp.where(state.streak_seat == seats, jnp.minimum(state.streak_length / _STREAK, 1.0), 0.0),
        seats == 0,
    ]
    return jnp.concatenate([feature.astype(jnp.float32) for feature in features])


def _global_values(board: Board, state: State) -> jax.Array:
    flags = [state.owed, state.acted, state.recovered, state.swapped, swap_is_open(board, state)]
    phases = state.phase == jnp.array([int(phase) for phase in _PHASES])
    return jnp.concatenate([phases, jnp.stack(flags)]).astype(jnp.float32)


def _focus_planes(board: Board, state: State) -> jax.Array:
    """float32[4, S, S]: the cell of the pending decision, in the plane of what it means."""
    size = board.size
    cells = jnp.arange(size * size).reshape(size, size)
    steps = jnp.array([dx * size + dy for dx, dy in board.directions])
    sliding = state.slide >= 0
    capturing = (state.phase == Phase.CAPTURE) | (state.phase == Phase.CHAIN)
    here = (cells == state.focus) & (state.focus >= 0)
    there = cells == state.focus + steps[state.slide]
    planes = [here & ~sliding & ~capturing, here & capturing, here & sliding, there & sliding]
    return jnp.stack(planes).astype(jnp.float32)
