"""Logits of moves that are scalar products: of features of the cell where a move begins and of that where it lands.

Networks of Leela Chess Zero answer so, with the first cell as query and the second as key (Monroe et al.,
arXiv:2409.12272, "attention policy").
"""

from functools import cache

import jax
import numpy as np

from ..boards import Offset


def by_action(pairs: jax.Array, cols: int, offsets: tuple[Offset, ...]) -> jax.Array:
    """Numbers of pairs of cells, as those of actions.

    Args:
      pairs: ``float[B, cells, cells]``, by the cell where a move begins, then by that where it lands.
      cols: of the array of cells.
      offsets: of each plane, by how many rows and columns its actions move; (0, 0) if not at all. No two that move are
        alike.

    Returns:
      ``float[B, planes, cells]``; 0 where a move would leave the array, and in planes that do not move.
    """
    pair_of_action, action_of_pair = _tables(pairs.shape[1], cols, offsets)

    @jax.custom_vjp
    def look_up(pairs: jax.Array) -> jax.Array:
        return _taken(pairs, pair_of_action)

    # A pair is of one action at most, so its gradient is looked up too, where JAX's own would add up.
    look_up.defvjp(lambda pairs: (look_up(pairs), None), lambda _, gradient: (_taken(gradient, action_of_pair),))
    return look_up(pairs)


def _taken(values: jax.Array, indices: np.ndarray) -> jax.Array:
    return values.reshape(len(values), -1).at[:, indices].get(mode="fill", fill_value=0)


@cache
def _tables(cells: int, cols: int, offsets: tuple[Offset, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``int32[planes, cells]``: of each action the pair ``begin * cells + land``, and ``int32[cells, cells]``: of each
    pair the action ``plane * cells + cell``. Where there is none, one beyond the last."""
    begin = np.arange(cells)
    x, y = np.divmod(begin, cols)
    dx, dy = np.array(offsets, np.int64).reshape(-1, 2, 1).swapaxes(0, 1)
    inside = (x + dx >= 0) & (x + dx < cells // cols) & (y + dy >= 0) & (y + dy < cols)
    land = np.where(inside & ((dx != 0) | (dy != 0)), (x + dx) * cols + y + dy, -1)
    pairs = np.where(land >= 0, begin * cells + land, cells * cells)
    actions = np.full(cells * cells + 1, land.size)
    actions[pairs] = np.arange(land.size).reshape(land.shape)
    return pairs.astype(np.int32), actions[:-1].reshape(cells, cells).astype(np.int32)
