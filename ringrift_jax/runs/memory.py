"""The memory that a run needs, what is there, and which setting to change when it is too little."""

import os
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from ..game import Game
from ..learning.config import RunConfig
from ..learning.loop import LoopConfig, LoopState
from .run import Run

KNOBS = {
    "replay": "learner.replay_blocks",
    "games": "self_play.lanes",
    "computing": "self_play.lanes, search.simulations or learner.batch_size",
    "network": "network.channels or network.blocks",
}
"""Which setting makes a part of the memory smaller, by the names of :func:`memory`."""


def memory(env: Game, state: LoopState, config: LoopConfig) -> dict[str, int]:
    """Estimated bytes of what training takes on each device: replay, games, network (with champion and optimiser), and
    the computing that takes most, which is searching or learning.

    ``state`` may be its ``jax.eval_shape``; where it does not say on which devices it is, it is on one.
    """
    return {
        "replay": _bytes(state.replay),
        "games": _bytes(state.games),
        "computing": max(_searching(state, config), _learning(env, state, config)),
        "network": _bytes((state.learner, state.champion)),
    }


# The factors below are those of programs compiled for an H100 (docs/performance.md).


def _searching(state: LoopState, config: LoopConfig) -> int:
    """2.3 trees. A node has four numbers of each slot and its action, nine others, and the state."""
    lanes = _here(state.games.number)[0]
    slots = state.replay.rows.slot_actions.shape[-1]
    node = 20 * slots + 36 + _bytes(state.games.state) // lanes
    return round(2.3 * lanes * (config.search.simulations + 1) * node)


def _learning(env: Game, state: LoopState, config: LoopConfig) -> int:
    """For each row of a batch 4.8 numbers of each action, and of each channel of a cell 4.45 for each block and 2.4."""
    devices = state.games.number.shape[0] // _here(state.games.number)[0]
    rows, cols, _ = env.observation_shape
    network = config.network
    features = rows * cols * network.channels * jnp.dtype(network.dtype).itemsize
    row = 4.8 * 4 * env.num_actions + (4.45 * network.blocks + 2.4) * features
    return round(config.learner.batch_size / devices * row)


def _bytes(tree: Any) -> int:
    return sum(prod(_here(leaf)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _here(leaf: Any) -> tuple[int, ...]:
    """The shape of what one device holds of an array."""
    return leaf.sharding.shard_shape(leaf.shape) if leaf.sharding else leaf.shape


def too_large(config: RunConfig) -> str | None:
    """What to say about a run that this machine cannot hold, before it takes any memory; None if it may fit."""
    run = Run(config)
    sizes, device = memory(run.env, run.abstract, config.loop), jax.local_devices()[0]
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
    run = Run(config)
    return f"out of memory: {_advice(memory(run.env, run.abstract, config.loop))}"


def _advice(sizes: dict[str, int]) -> str:
    largest = max(sizes, key=lambda name: sizes[name])
    parts = ", ".join(f"{name} {size_text(size)}" for name, size in sizes.items())
    return f"{parts}. The largest part is {largest}; {KNOBS[largest]} makes it smaller"


def size_text(number: int) -> str:
    """A number of bytes for people."""
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
