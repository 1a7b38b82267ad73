"""Many devices: each has its share of the games; all else is computed on each of them alike.

A CPU counts as one device unless the setting ``jax_num_cpu_devices`` makes it several, one thread each. XLA's CPU
backend runs a convolution on one thread, so that two devices on two cores search almost twice as fast as one.
"""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from .collectives import ALONE, AXIS, BY_GAME, EVERYWHERE, Collectives

T = TypeVar("T")


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
    # Others may not know the flags, and end the process too.
    if not version("jaxlib").startswith(("0.10.", "0.11.", "0.12.")):
        return
    flags = os.environ.get("XLA_FLAGS", "").split()
    for name in ("warn_stuck_timeout", "terminate_timeout"):
        flag = f"--xla_cpu_collective_call_{name}_seconds"
        if not any(given.startswith(flag) for given in flags):
            flags.append(f"{flag}={24 * 3600}")
    os.environ["XLA_FLAGS"] = " ".join(flags)


def make_mesh(*sizes: int) -> Mesh:
    """As many devices as divide all the given batch sizes evenly, of all processes."""
    number = max(n for n in range(1, jax.device_count() + 1) if not any(size % n for size in sizes))
    return jax.make_mesh((number,), (AXIS,), (jax.sharding.AxisType.Auto,), devices=jax.devices()[:number])


def everywhere(mesh: Mesh | None) -> Sharding:
    """The sharding of what every device of a mesh holds, or the first device where there is no mesh."""
    return on_mesh(EVERYWHERE, mesh)


def on_mesh(layout: Any, mesh: Mesh | None) -> Any:
    """The shardings of a layout, which is a pytree of :data:`.EVERYWHERE`, :data:`.BY_GAME` and :data:`.BY_LANE`; where
    there is no mesh, the first device holds all."""
    one = SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda spec: NamedSharding(mesh, spec) if mesh else one, layout, is_leaf=_is_spec)


def placed(abstract: T, shardings: Any) -> T:
    """The result of ``jax.eval_shape``, told where it is held. ``shardings``: a pytree or the beginning of one."""

    def place(sharding: Sharding, part: Any) -> Any:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), part)

    return jax.tree.map(place, shardings, abstract)


def _is_spec(node: Any) -> bool:
    return isinstance(node, PartitionSpec)


def spread(function: Callable[..., T], mesh: Mesh | None) -> Callable[..., T]:
    """Spreads the batch of a function over the devices of a mesh.

    Args:
      function: ``function(shared, *batched)``; games of the batch do not depend on each other. All ``batched``, and
        everything it returns, have one leading axis, whose length is a multiple of the number of devices.
      mesh: of :func:`make_mesh`; None leaves the function as it is.

    Returns:
      A function of the same arguments, for use under ``jit``, whose result every device holds as a whole.
    """
    peers = Collectives.of(mesh)
    if peers == ALONE:
        return function

    def on_all(shared, *batched):
        specs = EVERYWHERE, *(BY_GAME for _ in batched)
        whole = peers.on_each(function, specs, BY_GAME)(shared, *batched)
        return jax.lax.with_sharding_constraint(whole, everywhere(mesh))

    return on_all
