"""Many devices: the games of a batch are spread over them; all else is computed on each of them alike.

A CPU counts as one device unless the setting ``jax_num_cpu_devices`` makes it several, one thread each. XLA's CPU
backend runs a convolution on one thread, so that two devices on two cores search almost twice as fast as one.
"""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import TypeVar

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

T = TypeVar("T")

_AXIS = "games"


def deterministic_kernels() -> bool:
    """Whether XLA is told to have a GPU add up in a fixed order, so that runs repeat bit for bit; a CPU always does."""
    name, asked = "--xla_gpu_deterministic_ops", False
    for flag in os.environ.get("XLA_FLAGS", "").split():
        if flag in (name, f"{name}=true", f"{name}=false"):
            asked = flag != f"{name}=false"
    return asked


def wait_for_slower_devices() -> None:
    """Has the devices of a CPU wait for each other for a day at most. It counts only before JAX has looked for its
    devices.

    XLA ends the process when one of them has waited a minute, but an exact search of a long turn takes one device
    longer than the others are busy with theirs.
    """
    if not version("jaxlib").startswith(("0.10.", "0.11.")):  # others may not know the flags, and end the process too
        return
    flags = os.environ.get("XLA_FLAGS", "").split()
    for name in ("warn_stuck_timeout", "terminate_timeout"):
        flag = f"--xla_cpu_collective_call_{name}_seconds"
        if not any(given.startswith(flag) for given in flags):
            flags.append(f"{flag}={24 * 3600}")
    os.environ["XLA_FLAGS"] = " ".join(flags)


def make_mesh(*sizes: int) -> Mesh:
    """As many devices as divide all the given batch sizes evenly."""
    number = max(n for n in range(1, jax.device_count() + 1) if not any(size % n for size in sizes))
    return jax.make_mesh((number,), (_AXIS,), (jax.sharding.AxisType.Auto,), devices=jax.devices()[:number])


def everywhere(mesh: Mesh | None) -> jax.sharding.Sharding:
    """The sharding of what every device of a mesh holds, or the first device where there is no mesh."""
    return NamedSharding(mesh, P()) if mesh else jax.sharding.SingleDeviceSharding(jax.devices()[0])


def on_mesh(abstract: T, mesh: Mesh | None) -> T:
    """The result of ``jax.eval_shape``, told that every device of a mesh holds it."""
    sharding = everywhere(mesh)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), abstract)


def spread(function: Callable[..., T], mesh: Mesh | None) -> Callable[..., T]:
    """Spreads the batch of a function over the devices of a mesh.

    Args:
      function: ``function(shared, *batched)``; games of the batch do not depend on each other. All ``batched``, and
        everything it returns, have one leading axis, whose length is a multiple of the number of devices.
      mesh: of :func:`make_mesh`; None leaves the function as it is.

    Returns:
      A function of the same arguments, for use under ``jit``, whose result every device holds as a whole.
    """
    if mesh is None or mesh.size == 1:
        return function
    split = _over_devices(function, mesh, P(_AXIS))
    return lambda *arguments: jax.lax.with_sharding_constraint(split(*arguments), everywhere(mesh))


def spread_mean(function: Callable[..., T], mesh: Mesh | None) -> Callable[..., T]:
    """Like :func:`spread`, for a function that returns means over its batch: these become means over all of it."""
    if mesh is None or mesh.size == 1:
        return function

    def averaged(*arguments):
        return jax.lax.pmean(function(*arguments), _AXIS)

    return _over_devices(averaged, mesh, P())


def _over_devices(function: Callable[..., T], mesh: Mesh, results: P) -> Callable[..., T]:
    def on_all(shared, *batched):
        specs = P(), *(P(_AXIS) for _ in batched)
        return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=results, check_vma=False)(shared, *batched)

    return on_all
