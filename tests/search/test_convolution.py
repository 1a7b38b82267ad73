"""The convolution equals JAX's own, gradients too, and is in the form XLA's CPU kernel takes even inside a loop."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax.search import convolution
from ringrift_jax.search.convolution import same_convolution


def reference(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.fixture(params=[convolution.CELLS, 500, 1], ids=["at once", "two parts", "parts of eight"])
def parts(request, monkeypatch):
    """In how many parts the gradient of 19 examples of 5 x 6 cells is summed up."""
    monkeypatch.setattr(convolution, "CELLS", request.param)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_values_and_gradients_are_those_of_jax(size, dtype, parts):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (19, 5, 6, 3), dtype)
    kernel = jax.random.normal(keys[1], (size, size, 3, 7), dtype)
    seed = jax.random.normal(keys[2], (19, 5, 6, 7), dtype)
    results = []
    for convolve in (same_convolution, reference):
        value, gradients = jax.jit(lambda x, k, f=convolve: (f(x, k), jax.vjp(f, x, k)[1](seed)))(x, kernel)
        results.append((value, *gradients))
    for got, wanted in zip(*results, strict=True):
        assert got.dtype == wanted.dtype
        wanted = np.asarray(wanted, np.float32)
        np.testing.assert_allclose(np.asarray(got, np.float32), wanted, atol=0.01 * np.abs(wanted).max())


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="about the CPU backend")
def test_in_a_loop_every_convolution_has_the_form_of_the_fast_kernel(parts):
    x, kernel = jnp.ones((19, 5, 6, 3)), jnp.ones((3, 3, 3, 3))

    def loop(convolve):
        gradient = jax.grad(lambda x, k: jnp.square(convolve(x, k)).sum(), argnums=(0, 1))

        def body(_, carry):
            return jax.tree.map(jnp.subtract, carry, gradient(*carry))

        text = jax.jit(lambda x, k: jax.lax.fori_loop(0, 3, body, (x, k))).lower(x, kernel).compile().as_text()
        return set(re.findall(r"dim_labels=(\S+?)[, ]", text or ""))

    assert loop(same_convolution) == {"b01f_01io->b01f"}
    assert len(loop(reference)) > 1


def test_what_is_not_supported_is_refused():
    with pytest.raises(ValueError, match="only 1 and 'SAME'"):
        same_convolution(jnp.ones((1, 3, 3, 1)), jnp.ones((3, 3, 1, 1)), (2, 2))
