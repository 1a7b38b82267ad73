"""Helpers for pytrees of arrays."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


def select(condition: jax.Array, yes: Any, no: Any) -> Any:
    """``where`` over two pytrees of one structure whose leaves begin with the axes of ``condition``."""

    def pick(y, n):
        return jnp.where(condition.reshape(condition.shape + (1,) * (jnp.ndim(n) - condition.ndim)), y, n)

    return jax.tree.map(pick, yes, no)


def stack(trees: Sequence[Any]) -> Any:
    """One pytree of those of one structure, at least one; their index is the first axis of its leaves."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def check_leading_axis(length: int, **trees: Any) -> None:
    """ValueError unless every leaf of the named trees begins with an axis of this length."""
    for name, tree in trees.items():
        for path, leaf in jax.tree.leaves_with_path(tree):
            if jnp.shape(leaf)[:1] != (length,):
                where = f"{name}{jax.tree_util.keystr(path)}"
                raise ValueError(f"{where} has shape {list(jnp.shape(leaf))}; its leading axis must be {length}")
