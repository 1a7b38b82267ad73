"""NVIDIA cards that are not there, but that XLA compiles for: meshes of them for what only compiles.

The compiler is in the wheel of JAX's CUDA plugin and asks for neither a driver nor a card where it is told what the
card is like (the files beside this one).
"""

import os
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jax.experimental import topologies
from jax.sharding import AbstractDevice, AbstractMesh, AxisType, Mesh, use_abstract_mesh

from ringrift_jax.collectives import AXIS

CardName = Literal["h100", "h200"]

OPTIONS = {"xla_gpu_enable_cub_radix_sort": False}
"""Of the compiler, without a card: it asks one how much memory CUB's sort needs."""

NOT_INSTALLED = (
    "XLA's compiler for NVIDIA cards comes with JAX's CUDA plugin, which is not installed; "
    "install the extra cuda12 or cuda13, as in: pip install '.[cuda12]'"
)


def installed() -> bool:
    """Whether there is a compiler for NVIDIA cards."""
    return _plugin() is not None


def make_mesh(name: CardName, devices: int) -> Mesh:
    """So many cards of one kind, for lowering and compiling.

    Raises:
      ModuleNotFoundError: the compiler is not installed.
    """
    plugin = _plugin()
    if plugin is None:
        raise ModuleNotFoundError(NOT_INSTALLED)
    # The plugin otherwise compares the versions of its libraries with the driver's, which there need not be.
    os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
    described = (Path(__file__).parent / f"{name}.txtpb").read_text(encoding="utf-8")

    def cards() -> list[Any]:
        topology = f"1x1x{devices}"  # parts x hosts x cards
        found = topologies.get_topology_desc("", "cuda", target_config=described, topology=topology)
        return list(found.devices)

    try:
        found = cards()
    except NotImplementedError:  # JAX has started before, and the plugin has refused to
        plugin.load().initialize()
        found = cards()
    return Mesh(np.array(found), (AXIS,), (AxisType.Auto,))


def as_target(kind: str) -> AbstractContextManager[Any]:
    """Lowering inside is for cards of a kind, as JAX calls it. A kernel written in Pallas otherwise asks for the card
    that there is."""
    card = AbstractDevice(device_kind=kind, num_cores=None, platform="gpu")
    return use_abstract_mesh(AbstractMesh((), (), abstract_device=card))


def _plugin() -> EntryPoint | None:
    """JAX's CUDA plugin."""
    found = (entry for entry in entry_points(group="jax_plugins") if entry.name.startswith("xla_cuda"))
    return next(found, None)
