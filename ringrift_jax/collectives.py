"""What devices tell each other, in a function that runs on each of them with its share of the games.

Each exchange is one message of bytes, and a sum is added up in the order of the devices by all alike, so that it does
not depend on which process or machine they are in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from .pytrees import select

T = TypeVar("T")

AXIS = "games"
"""Of a mesh, by which games are divided."""

EVERYWHERE: Any = P()
"""What every device holds. This and the next two stand in for arrays in pytrees of their places."""

BY_GAME: Any = P(AXIS)
"""Arrays whose leading axis is that of the games, of which each device holds its share."""

BY_LANE: Any = P(None, AXIS)
"""Arrays whose second axis it is."""


@dataclass(frozen=True)
class Collectives:
    """What one device knows of all of them.

    Every device must come to the same call. Exchanges in a loop must be kept apart from those before and after it, see
    :meth:`after`. Alone (``mesh`` None) no method does anything, but for :meth:`gather`, which adds its axis.
    """

    mesh: Mesh | None = None

    @classmethod
    def of(cls, mesh: Mesh | None) -> "Collectives":
        """Those of a mesh; alone where it is of one device."""
        return cls(mesh) if mesh and mesh.size > 1 else ALONE

    @classmethod
    def that_share(cls, x: jax.Array) -> "Collectives":
        """The devices that hold an array, if each has its share of it."""
        sharding: Any = x.sharding
        return ALONE if sharding.is_fully_replicated else cls(sharding.mesh)

    @property
    def size(self) -> int:
        """Number of devices."""
        return self.mesh.size if self.mesh else 1

    @property
    def rank(self) -> jax.Array | int:
        """``int32``: which of them this is."""
        return jax.lax.axis_index(AXIS) if self.mesh else 0

    def on_each(self, function: Callable[..., T], arguments: Any, results: Any) -> Callable[..., T]:
        """The function of whole arrays that one of shares is. ``arguments``, ``results``: their layouts."""
        if self.mesh is None:
            return function
        return jax.shard_map(function, mesh=self.mesh, in_specs=arguments, out_specs=results, check_vma=False)

    def own(self, x: jax.Array) -> jax.Array:
        """This device's share ``[G / size, ...]`` of what is known of all games ``[G, ...]``."""
        return x.reshape(self.size, -1, *x.shape[1:])[self.rank]

    def deal(self, x: jax.Array) -> jax.Array:
        """Entries ``[ceil(G / size), ...]`` of ``[G, ...]``, of which the devices get one each in turn; the last one
        again where there are no more."""
        return x.at[self.rank + self.size * jnp.arange(-(-len(x) // self.size))].get(mode="clip")

    def gather(self, x: Any) -> Any:
        """The same pytree as each device has it: the first axis is that of the devices. One exchange."""
        if self.mesh is None:
            return jax.tree.map(lambda leaf: leaf[None], x)
        sent = _to_bytes(x, 0)
        return _from_bytes(jax.lax.all_gather(sent, AXIS), x, 0)

    def collect(self, x: Any) -> Any:
        """All entries that were dealt, ``[ceil(G / size), ...]`` on each device, in the order from before. One
        exchange."""
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1).reshape(-1, *leaf.shape[2:]), self.gather(x))

    def total(self, x: T) -> T:
        """Sums over the devices; of booleans, whether it is so on any. One exchange."""
        if self.mesh is None:
            return x

        def add(leaf: jax.Array) -> jax.Array:
            return leaf.any(axis=0) if leaf.dtype == bool else leaf.sum(axis=0, dtype=leaf.dtype)

        return jax.tree.map(add, self.gather(x))

    def mean(self, x: T) -> T:
        """Means of ``float32`` over the devices, each of which adds up a part of them. Two exchanges."""
        if self.mesh is None:
            return x
        flat, restore = ravel_pytree(x)
        parts = jnp.pad(flat, (0, -len(flat) % self.size)).reshape(self.size, -1)
        part = jax.lax.all_to_all(parts, AXIS, 0, 0).sum(axis=0) / self.size
        return restore(jax.lax.all_gather(part, AXIS, tiled=True)[: len(flat)])

    def pick(self, x: T, here: jax.Array) -> T:
        """This device's share ``[G / size, ...]`` of games ``[G, ...]``, each from the device on which it is ``here``.

        Args:
          x: pytree with leading axis ``[G]``; only what is here counts.
          here: ``bool[G]``, True on one device each.
        """
        if self.mesh is None:
            return x
        sent = _to_bytes(x, 1)
        sent = select(here, sent, jnp.zeros_like(sent))
        return _from_bytes(jax.lax.psum_scatter(sent, AXIS, tiled=True), x, 1)

    def after(self, x: T, known: Any) -> T:
        """``x``, a pytree of numbers, which the compiler takes to need all that is ``known`` from other devices.

        XLA's CPU backend keeps the exchanges of a program in order, and those of a loop's body, but lets a loop run
        beside exchanges that neither need it nor are needed by it. Then one device waits in the loop for the other, and
        that one outside it for the first.
        """
        if self.mesh is None:
            return x
        always = (_to_bytes(known, 0) | 1).min() > 0
        return jax.tree.map(lambda leaf: jnp.where(always, leaf, jnp.zeros_like(leaf)), x)


ALONE = Collectives()
"""One device."""


def _to_bytes(x: Any, axes: int) -> jax.Array:
    """``uint8[..., N]``: a pytree of arrays that begin with so many axes in common, of which one is left for each."""

    def flat(leaf: jax.Array) -> jax.Array:
        leaf = leaf.astype(jnp.uint8) if leaf.dtype == bool else jax.lax.bitcast_convert_type(leaf, jnp.uint8)
        return leaf.reshape(*leaf.shape[:axes], -1)

    return jnp.concatenate([flat(leaf) for leaf in jax.tree.leaves(x)], axis=-1)


def _from_bytes(sent: jax.Array, like: T, axes: int) -> T:
    """The pytree that was sent; ``like`` has its dtypes, and its shapes after so many axes."""
    leaves, structure = jax.tree.flatten(like)
    sizes = [prod(leaf.shape[axes:]) * leaf.dtype.itemsize for leaf in leaves]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]

    def restore(part: jax.Array, leaf: jax.Array) -> jax.Array:
        if leaf.dtype == bool:
            part = part != 0
        else:
            part = part.reshape(*part.shape[:-1], -1, *([leaf.dtype.itemsize] if leaf.dtype.itemsize > 1 else []))
            part = jax.lax.bitcast_convert_type(part, leaf.dtype)
        return part.reshape(*sent.shape[:-1], *leaf.shape[axes:])

    parts = jnp.split(sent, ends[:-1], axis=-1)
    return structure.unflatten([restore(part, leaf) for part, leaf in zip(parts, leaves, strict=True)])
