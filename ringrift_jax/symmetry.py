"""The exact symmetries of a board, on cells, states, observations and actions.

Squares have 8 symmetries, ``hexagonal`` 12, and hex boards with border closure 4, because the closure spreads over
square offsets (rulebook section 8.3). A symmetry is an index ``g`` below ``order(board)``, a Python int or a traced
int32; 0 is the identity.

Step, mask and observation commute with every symmetry, with one exception that is in the rules: a recovery slide that
makes two longest lines collapses the one on the first axis (rulebook section 0, P2), and a symmetry may
reorder the axes.
"""

from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

from .boards import SQUARE_AXES, Board, Offset
from .rules import recovery, territory
from .rules.actions import Layout
from .rules.state import Phase, State


def order(board: Board) -> int:
    """Number of symmetries."""
    return len(_matrices(board))


@cache
def cell_tables(board: Board) -> np.ndarray:
    """``int32[order, S * S]``: the image of every cell; cells off the board stay where they are."""
    size = board.size
    here = np.arange(size * size)
    centred = 2 * np.stack(np.divmod(here, size)) - (size - 1)
    x, y = ((_matrices(board) @ centred + size - 1) // 2).swapaxes(0, 1)
    return np.where(board.mask.reshape(-1), x * size + y, here).astype(np.int32)


@cache
def action_tables(board: Board) -> np.ndarray:
    """``int32[order, num_actions]``: the image of every action whose image does not depend on the state.

    -1 for regions, which :func:`map_action` maps, and for actions that name a cell off the board.
    """
    layout, axes, length = Layout(board), len(board.axes), board.line_length
    planes = np.arange(layout.num_planes * layout.cells, dtype=np.int32).reshape(-1, layout.cells)
    tables = np.full((order(board), layout.num_actions), -1, np.int32)
    for table, cells, directions in zip(tables, cell_tables(board), _direction_tables(board), strict=True):
        by_plane = table[: planes.size].reshape(planes.shape)

        def send(plane: int, to: int, key: np.ndarray, cells=cells, by_plane=by_plane) -> None:
            """Sends the actions of a plane to another, each to the image of the cell ``key`` gives for it."""
            known = board.mask.reshape(-1) & (key >= 0)
            by_plane[plane, known] = planes[to, cells[key[known]]]

        same = np.arange(layout.cells)
        for plane in (*range(layout.rays), layout.payment):
            send(plane, plane, same)
        for direction, image in enumerate(directions):
            for steps in range(board.max_distance):
                here, there = (layout.rays + d * board.max_distance + steps for d in (direction, image))
                send(here, there, same)
        for axis, image in enumerate(directions[:axes]):
            # A reversed line is keyed from its other end.
            turned = image >= axes
            here, there = layout.lines + 3 * axis, layout.lines + 3 * (image % axes)
            send(here, there, same)
            send(here + 1, there + 1, _moved(board, axis, 1) if turned else same)
            send(here + 2, there + 2, _moved(board, axis, length - 1) if turned else same)
        table[[layout.skip, layout.swap]] = layout.skip, layout.swap
    return tables


def map_state(board: Board, state: State, g) -> State:
    """The image of a state. Works under any leading batch axes."""
    cells = jnp.asarray(cell_tables(board))[g]
    directions = jnp.asarray(_direction_tables(board))[g]
    return state.replace(
        stacks=map_planes(board, state.stacks, g),
        ground=map_planes(board, state.ground, g),
        focus=jnp.where(state.focus >= 0, cells[state.focus], -1),
        slide=jnp.where(state.slide >= 0, directions[state.slide], -1),
    )


def map_planes(board: Board, planes: jax.Array, g) -> jax.Array:
    """The image of ``[..., S, S]`` planes."""
    flat = planes.reshape(*planes.shape[:-2], -1)
    return flat[..., jnp.asarray(_inverse_cell_tables(board))[g]].reshape(planes.shape)


def map_observation(board: Board, observation: jax.Array, g) -> jax.Array:
    """The image of ``[..., S, S, features]`` observations."""
    return jnp.moveaxis(map_planes(board, jnp.moveaxis(observation, -1, -3), g), -3, -1)


def map_action(board: Board, state: State, action, g) -> jax.Array:
    """int32: the image of a legal action of one unbatched state, which is legal in the image of the state."""
    layout = Layout(board)
    n = board.num_players
    action = jnp.asarray(action, jnp.int32)
    static = jnp.asarray(action_tables(board))[g, action]
    plane, cell = action // layout.cells, action % layout.cells
    colour = jnp.where(plane == layout.regions + n, -1, (plane - layout.regions + state.current_seat) % n)
    cells, _ = territory.region_of(board, state, colour, cell)
    first = jnp.argmax(map_planes(board, cells, g).reshape(-1)).astype(jnp.int32)
    is_region = (plane >= layout.regions) & (plane <= layout.regions + n)
    return jnp.where(is_region, action - cell + first, static)


def draw(board: Board, state: State, key: jax.Array) -> jax.Array:
    """int32: a random symmetry that permutes the legal actions of one unbatched state by :func:`action_tables` alone.

    It is the identity where regions are to be chosen and while a recovery slide is pending, whose windows a symmetry
    may change (:func:`keeps_line`). The key is consumed.
    """
    fixed = (state.phase == Phase.TERRITORY) | (state.slide >= 0)
    return jnp.where(fixed, 0, jax.random.randint(key, (), 0, order(board), jnp.int32))


def restore_logits(board: Board, logits: jax.Array, g) -> jax.Array:
    """``float32[num_actions]`` of a state from those of its image, for the actions that :func:`action_tables` maps."""
    table = action_tables(board)
    return logits[jnp.asarray(np.where(table >= 0, table, np.arange(table.shape[1])))[g]]


def keeps_line(board: Board, state: State, g) -> jax.Array:
    """bool: whether the pending recovery slide, if any, makes its line on the same axis in the image of the state.

    False is possible only when it makes two longest lines; then mask and step need not commute.
    """
    slide = recovery.slide_info(board, state)
    image = recovery.slide_info(board, map_state(board, state, g))
    axis = jnp.asarray(_direction_tables(board))[g, slide.axis] % len(board.axes)
    return (state.slide < 0) | ~slide.line | (axis == image.axis)


@cache
def _matrices(board: Board) -> np.ndarray:
    """``int[order, 2, 2]``: the linear maps that keep every set of offsets the rules use; the identity first."""
    kept: list[tuple[Offset, ...]] = [board.directions, board.territory_offsets]
    if board.border_closure:
        kept.append(SQUARE_AXES + tuple((-dx, -dy) for dx, dy in SQUARE_AXES))
    identity = np.eye(2, dtype=int)
    matrices = [np.reshape(entries, (2, 2)) for entries in product((1, 0, -1), repeat=4)]
    matrices = [
        m for m in matrices if all({tuple((m @ o).tolist()) for o in offsets} == set(offsets) for offsets in kept)
    ]
    return np.stack(sorted(matrices, key=lambda m: not np.array_equal(m, identity)))


@cache
def _inverse_cell_tables(board: Board) -> np.ndarray:
    return np.argsort(cell_tables(board), axis=-1).astype(np.int32)


@cache
def _direction_tables(board: Board) -> np.ndarray:
    """``int32[order, directions]``: the image of every direction."""
    images = [[board.directions.index(tuple((m @ d).tolist())) for d in board.directions] for m in _matrices(board)]
    return np.array(images, np.int32)


def _moved(board: Board, axis: int, steps: int) -> np.ndarray:
    """For every cell, the cell some steps along an axis, -1 where that is off the board."""
    dx, dy = board.axes[axis]
    x, y = np.divmod(np.arange(board.size**2), board.size)
    x, y = x + steps * dx, y + steps * dy
    inside = (x >= 0) & (x < board.size) & (y >= 0) & (y < board.size)
    index = np.where(inside, x * board.size + y, 0)
    return np.where(inside & board.mask.reshape(-1)[index], index, -1)
