"""The memory that a run needs, what is there, and which setting to change when it is too little."""

import os
from math import prod
from typing import Any

import jax

from ..learning.config import RunConfig
from ..learning.loop import LoopConfig, LoopState
from .run import Run

KNOBS = {
    "replay": "learner.replay_blocks",
    "games": "self_play.lanes",
    "search tree": "self_play.lanes or search.simulations",
    "network": "network.channels or network.blocks",
}
"""Which setting makes a part of the memory smaller, by the names of :func:`memory`."""


def memory(state: LoopState, config: LoopConfig) -> dict[str, int]:
    """Estimated bytes of what training takes on each device: replay, games, network (with champion and optimiser), and
    the search tree while it plays.

    ``state`` may be its ``jax.eval_shape``; where it does not say on which devices it is, it is on one.
    """
    lanes = _here(state.games.number)[0]
    slots = state.replay.rows.slot_actions.shape[-1]
    # Of a node mctx keeps six numbers per slot and five others, four bytes each, and the state with its slots' actions.
    node = 28 * slots + 20 + _bytes(state.games.state) // lanes
    return {
        "replay": _bytes(state.replay),
        "games": _bytes(state.games),
        # Twice: compiled for an H100, computing takes 2.3 to 2.5 times one tree (docs/performance.md).
        "search tree": 2 * lanes * (config.search.simulations + 1) * node,
        "network": _bytes((state.learner, state.champion)),
    }


def _bytes(tree: Any) -> int:
    return sum(prod(_here(leaf)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _here(leaf: Any) -> tuple[int, ...]:
    """The shape of what one device holds of an array."""
    return leaf.sharding.shard_shape(leaf.shape) if leaf.sharding else leaf.shape


def too_large(config: RunConfig) -> str | None:
    """What to say about a run that this machine cannot hold, before it takes any memory; None if it may fit."""
    run = Run(config)
    sizes, device = memory(run.abstract, config.loop), jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit")
    copies = 1
    if limit is None:  # the devices of the CPU share the machine's memory
        limit, copies = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), len(run.mesh.local_devices)
    needed = copies * sum(sizes.values())
    if needed <= limit:
        return None
    return f"a run of this size needs {size_text(needed)}, and there are {size_text(limit)}: {_advice(sizes)}"


def out_of_memory(problem: BaseException, config: RunConfig) -> str | None:
    """What to say about an error that means too little memory, naming the setting to change; None for other errors."""
    if "RESOURCE_EXHAUSTED" not in str(problem) and not isinstance(problem, MemoryError):
        return None
    return f"out of memory: {_advice(memory(Run(config).abstract, config.loop))}"


def _advice(sizes: dict[str, int]) -> str:
    largest = max(sizes, key=lambda name: sizes[name])
    parts = ", ".join(f"{name} {size_text(size)}" for name, size in sizes.items())
    return (
        f"{parts}, and what computing takes on top. The largest is the {largest}; {KNOBS[largest]} makes it smaller. "
        "Learning takes less with a smaller learner.batch_size"
    )


def size_text(number: int) -> str:
    """A number of bytes for people."""
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
