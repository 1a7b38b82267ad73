"""Helpers for pytrees of arrays."""

from typing import Any

import jax
import jax.numpy as jnp


def select(condition: jax.Array, yes: Any, no: Any) -> Any:
    """``where`` over two pytrees of one structure whose leaves begin with the axes of ``condition``."""

    def pick(y, n):
        return jnp.where(condition.reshape(condition.shape + (1,) * (jnp.ndim(n) - condition.ndim)), y, n)

    return jax.tree.map(pick, yes, no)
