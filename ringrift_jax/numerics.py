"""What keeps results independent of JAX's environment variables: 32-bit numbers, and one generator of keys."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp

P = ParamSpec("P")
T = TypeVar("T")

_GENERATOR = "threefry2x32"


def new_key(seed: int) -> jax.Array:
    """A typed key, the same whatever ``JAX_DEFAULT_PRNG_IMPL`` says: a run can go on where another default is set."""
    return jax.random.key(seed, impl=_GENERATOR)


def key_of(data: Any) -> jax.Array:
    """The key of :func:`new_key`'s generator with these numbers, ``uint32[..., 2]`` of ``jax.random.key_data``."""
    return jax.random.wrap_key_data(data, impl=_GENERATOR)


def check_typed_keys(keys: jax.Array, axes: int) -> None:
    """ValueError unless these are typed keys with so many axes."""
    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) or keys.ndim != axes:
        wanted = "one typed key" if axes == 0 else "typed keys [B]"
        raise ValueError(f"keys are {keys.dtype}{list(keys.shape)}; they must be {wanted}, as of jax.random.key")


def in_32_bits(function: Callable[P, T]) -> Callable[P, T]:
    """The function, traced or run as without ``JAX_ENABLE_X64``: the same dtypes and, bit for bit, the same results.

    JAX's 64-bit mode widens what has no dtype of its own, such as sums of int32, here and in the libraries that search
    and learning stand on. Below ``jit``: ``jax.jit(in_32_bits(function))``.
    """

    @wraps(function)
    def narrow(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.enable_x64(False):
            return function(*args, **kwargs)

    return narrow
