"""Lanes: the rules see a batch of games along the last axis of every array.

With the batch last, each operation on a board runs over contiguous games and vectorises on a CPU (measured in
docs/performance.md); with the batch first, as ``vmap`` would have it, the inner loop runs over the few cells of a row.
So every function of ``rules/`` takes and returns arrays with a trailing axis ``N``, and :func:`unbatched` turns the
outermost of them into functions of one state whose ``vmap`` merges the batch into the lanes.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jax.sharding import NamedSharding, PartitionSpec, auto_axes

T = TypeVar("T")


def unbatched(function: Callable[..., T]) -> Callable[..., T]:
    """Wraps a function of pytrees of ``[..., N]`` arrays as one of ``[...]`` arrays."""

    @custom_vmap
    def on_lanes(*args):
        return materialize(function(*materialize(args)))

    @on_lanes.def_vmap
    def on_more_lanes(axis_size, in_batched, *args):
        def merge(x, is_batched):
            if not is_batched:
                x = jnp.broadcast_to(x, (axis_size, *x.shape))
            x = jnp.moveaxis(x, 0, -2)
            return x.reshape(*x.shape[:-2], -1)

        def split(x):
            return jnp.moveaxis(x.reshape(*x.shape[:-1], axis_size, -1), -2, 0)

        result = on_lanes(*jax.tree.map(merge, args, tuple(in_batched)))
        return jax.tree.map(split, result), jax.tree.map(lambda _: True, result)

    @on_any_mesh
    @wraps(getattr(function, "func", function))
    def single(*args):
        result = on_lanes(*jax.tree.map(lambda x: jnp.asarray(x)[..., None], args))
        return materialize(jax.tree.map(lambda x: x[..., 0], result))

    return single


def on_any_mesh(function: Callable[..., T]) -> Callable[..., T]:
    """Lets a function of one state, and its ``vmap``, take states spread over a mesh with explicit axes.

    ``jax.make_mesh`` makes such axes. With them JAX asks for the sharding of every result that it does not derive by
    itself, of a reshape of games into lanes for one; so inside they are automatic, and results are spread like states.
    """

    @wraps(function)
    def on_mesh(*args):
        meshes = [jax.typeof(leaf).sharding.mesh for leaf in jax.tree.leaves(args)]
        explicit = [mesh for mesh in meshes if mesh.explicit_axes]
        if not explicit:
            return function(*args)
        one_state = NamedSharding(explicit[0], PartitionSpec())
        automatic: Any = auto_axes(function, axes=explicit[0].explicit_axes, out_sharding=one_state)
        return automatic(*args)

    return on_mesh


def materialize(tree: T) -> T:
    """Returns a pytree of integer and boolean arrays unchanged, but makes XLA's CPU backend compute it once.

    That backend fuses integer producers into each of their consumers, whatever the cost: a scalar that decides a whole
    plane is computed again for each cell, and ``lax.optimization_barrier`` is gone before fusion. It does not look into
    loops, so there the values pass through one that never runs.
    """
    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, _materialize.bind(*leaves))


_materialize = Primitive("materialize")
_materialize.multiple_results = True
_materialize.def_impl(lambda *values: list(values))
_materialize.def_abstract_eval(lambda *values: list(values))
batching.primitive_batchers[_materialize] = lambda values, axes: (_materialize.bind(*values), axes)


def _through_a_loop(*values):
    # False, but only because no integer is NaN, which the compiler does not infer.
    number = values[0].reshape(-1)[0].astype(jnp.float32)

    def change(carry):
        return carry[0] & False, jax.tree.map(lambda x: ~x, carry[1])

    return jax.lax.while_loop(lambda carry: carry[0], change, (number != number, values))[1]


mlir.register_lowering(_materialize, mlir.lower_fun(lambda *values: values, multiple_results=True))
mlir.register_lowering(_materialize, mlir.lower_fun(_through_a_loop, multiple_results=True), platform="cpu")
