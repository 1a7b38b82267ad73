"""Helpers for pytrees of arrays."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
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


def packing(example: Any) -> tuple[Callable[[Any], dict[str, jax.Array]], Callable[[dict[str, jax.Array]], Any]]:
    """How pytrees like this one are written as one array ``[M]`` of each dtype, by its name, and how they are read."""
    leaves, structure = jax.tree.flatten(example)
    shapes, names = [jnp.shape(leaf) for leaf in leaves], [str(jnp.result_type(leaf)) for leaf in leaves]
    where = {name: [i for i, its in enumerate(names) if its == name] for name in dict.fromkeys(names)}

    def pack(tree: Any) -> dict[str, jax.Array]:
        flat = jax.tree.leaves(tree)
        return {name: jnp.concatenate([jnp.ravel(flat[i]) for i in here]) for name, here in where.items()}

    def unpack(packed: dict[str, jax.Array]) -> Any:
        flat: list[Any] = [None] * len(leaves)
        for name, here in where.items():
            ends = list(accumulate(prod(shapes[i]) for i in here))
            for i, part in zip(here, jnp.split(packed[name], ends[:-1]), strict=True):
                flat[i] = part.reshape(shapes[i])
        return jax.tree.unflatten(structure, flat)

    return pack, unpack


def check_leading_axis(length: int, **trees: Any) -> None:
    """ValueError unless every leaf of the named trees begins with an axis of this length."""
    for name, tree in trees.items():
        for path, leaf in jax.tree.leaves_with_path(tree):
            if jnp.shape(leaf)[:1] != (length,):
                where = f"{name}{jax.tree_util.keystr(path)}"
                raise ValueError(f"{where} has shape {list(jnp.shape(leaf))}; its leading axis must be {length}")
