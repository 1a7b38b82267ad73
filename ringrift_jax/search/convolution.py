"""A convolution whose gradients are as fast inside a loop as outside, and on large boards as on small ones.

XLA's CPU backend rewrites convolutions for its fast kernel only outside loops. The gradients that JAX derives need the
rewriting, so that inside a compiled loop an optimiser step of 256 rows (32 channels, 4 blocks, 8x8 cells) took 7.7 s of
CPU time instead of 0.2 s. Here they are convolutions that the fast kernel takes as they are, and small enough for it
(docs/performance.md).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

_DIMENSIONS = "NHWC", "HWIO", "NHWC"
CELLS = 8192
"""Cells of the examples, at most, over which the CPU's kernel sums a gradient at once: of more it needs up to 2.8 times
as long for each, presumably because they do not fit its cache."""


def same_convolution(
    inputs: jax.Array, kernel: jax.Array, strides: Sequence[int] = (1, 1), padding: Any = "SAME", **_: Any
) -> jax.Array:
    """Convolves with stride 1 and zero padding to the same size; takes the arguments of ``lax.conv_general_dilated``.

    Args:
      inputs: ``float[B, rows, cols, inputs]``.
      kernel: ``float[height, width, inputs, outputs]``, height and width odd.
      strides: must be 1.
      padding: must be ``"SAME"``.

    Returns:
      ``float[B, rows, cols, outputs]``.
    """
    if tuple(strides) != (1, 1) or padding != "SAME":
        raise ValueError(f"strides are {strides} and padding is {padding!r}; only 1 and 'SAME' are supported")
    return _convolve(inputs, kernel)


def _plain(inputs: jax.Array, kernel: jax.Array, reach: Sequence[int]) -> jax.Array:
    padding = [(r, r) for r in reach]
    return jax.lax.conv_general_dilated(inputs, kernel, (1, 1), padding, dimension_numbers=_DIMENSIONS)


def _reach(kernel: jax.Array) -> tuple[int, int]:
    return kernel.shape[0] // 2, kernel.shape[1] // 2


@jax.custom_vjp
def _convolve(inputs: jax.Array, kernel: jax.Array) -> jax.Array:
    return _plain(inputs, kernel, _reach(kernel))


def _forward(inputs: jax.Array, kernel: jax.Array):
    return _convolve(inputs, kernel), (inputs, kernel)


def _backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    inputs, kernel = saved

    def on_cpu(inputs, kernel, gradient):
        of_inputs = _plain(gradient, jnp.flip(kernel, (0, 1)).swapaxes(2, 3), _reach(kernel))
        return of_inputs, _kernel_gradient(inputs, gradient, _reach(kernel))

    def elsewhere(inputs, kernel, gradient):
        return jax.vjp(lambda x, k: _plain(x, k, _reach(k)), inputs, kernel)[1](gradient)

    return jax.lax.platform_dependent(inputs, kernel, gradient, cpu=on_cpu, default=elsewhere)


def _kernel_gradient(inputs: jax.Array, gradient: jax.Array, reach: Sequence[int]) -> jax.Array:
    """``float[height, width, inputs, outputs]``, for a CPU."""
    batch, rows, cols, features = inputs.shape
    if tuple(reach) == (0, 0):
        all_cells = (0, 1, 2)
        return jax.lax.dot_general(inputs, gradient, ((all_cells, all_cells), ((), ())))[None, None]

    def of_part(inputs: jax.Array, gradient: jax.Array) -> jax.Array:
        # The batch is summed over, so it takes the place of the features.
        return _plain(inputs.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3), reach)

    number = -(-batch // max(8, CELLS // (rows * cols) // 8 * 8))
    if number == 1:
        return of_part(inputs, gradient).transpose(1, 2, 0, 3)
    size = -(-batch // number // 8) * 8  # the kernel is fast for multiples of 8

    def divided(examples: jax.Array) -> jax.Array:
        examples = jnp.pad(examples, ((0, number * size - batch), (0, 0), (0, 0), (0, 0)))
        return examples.reshape(number, size, *examples.shape[1:])

    parts = divided(inputs), divided(gradient)
    height, width = (2 * r + 1 for r in reach)
    start = jnp.zeros((features, height, width, gradient.shape[-1]), jnp.float32)
    total, _ = jax.lax.scan(lambda sum_, part: (sum_ + of_part(*part), None), start, parts)
    return total.transpose(1, 2, 0, 3).astype(gradient.dtype)


_convolve.defvjp(_forward, _backward)
