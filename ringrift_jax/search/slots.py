"""Compaction of a legal action mask into K slots, for search over few actions instead of thousands.

A mask is packed into words of 32 actions, the words are spread over *candidates* by their bit counts, and each
candidate finds its own bit: three passes over narrow arrays, where a sort or ``nonzero`` over all actions would
dominate the search. The best K candidates by prior become the slots.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..boards import MAX_PLACEMENT
from ..game import Game
from ..numerics import in_32_bits
from ..settings import INT32_MAX

_BITS = 32


class Slots(NamedTuple):
    """The actions a search node considers, best first.

    Attributes:
      actions: ``int32[K]``, -1 in empty slots, which follow all others.
      logits: ``float32[K]`` prior logits, ``finfo.min`` in empty slots.
      gumbel: ``float32[K]`` the noise that took part in the ranking; 0 without a key and in empty slots.
      overflow: ``bool``, there were more legal actions than slots.
    """

    actions: jax.Array
    logits: jax.Array
    gumbel: jax.Array
    overflow: jax.Array


def num_cells(env: Game) -> int:
    """Cells of an action plane. Actions from ``num_actions // num_cells * num_cells`` on have no cell."""
    rows, cols, _ = env.observation_shape
    return rows * cols


def num_candidates(env: Game) -> int:
    """Actions that compete for the slots.

    This is at least the number of legal actions of an opening, the most seen in any recorded game. If there are ever
    more, the surplus is dropped whatever its prior, and counts as overflow like everything else without a slot.
    """
    opening = MAX_PLACEMENT * num_cells(env) + 2
    return min(-(-opening // 128) * 128, env.num_actions)


@in_32_bits
def candidates(mask: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """The first ``count`` true entries of a mask, in an order of its own.

    Args:
      mask: ``bool[A]``.
      count: static length of the result.

    Returns:
      ``int32[count]`` indices, -1 after the last, and ``int32`` how many entries are true in all.
    """
    _, actions, total = entries(pack(mask)[None], count)
    return actions, total


def pack(mask: jax.Array) -> jax.Array:
    """``uint32[W]``, a mask ``bool[A]`` in words: bit b of word w is entry b * W + w."""
    num_words = -(-mask.shape[0] // _BITS)
    rows = jnp.pad(mask, (0, num_words * _BITS - mask.shape[0])).reshape(_BITS, num_words).astype(jnp.uint32)
    return (rows << jnp.arange(_BITS, dtype=jnp.uint32)[:, None]).sum(0, dtype=jnp.uint32)


def entries(
    masks: jax.Array, count: int, skip: jax.Array | int = 0, most: jax.Array | int = INT32_MAX
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The first ``count`` true entries of packed masks ``uint32[R, W]``, one mask after the other, or ``most`` if these
    are fewer, after those that are skipped.

    Returns:
      ``int32[count]`` masks and ``int32[count]`` indices in them, -1 after the last, and ``int32`` how many there are.
    """
    num_words = masks.shape[1]
    words = masks.reshape(-1)
    bits = jax.lax.population_count(words).astype(jnp.int32)
    ends = jnp.cumsum(bits)
    starts = ends - bits - skip
    # Each word with any bit claims its first position, and the maximum so far spreads it to the positions that follow.
    claims = jnp.where(bits > 0, jnp.maximum(starts, 0), count)
    word = jnp.zeros(count, jnp.int32).at[claims].max(jnp.arange(len(words), dtype=jnp.int32), mode="drop")
    word = jax.lax.cummax(word)
    position = jnp.arange(count)
    bit = _nth_bit(words[word], position - starts[word])
    valid = position < jnp.minimum(ends[-1] - skip, most)
    row, column = jnp.divmod(word, num_words)
    return jnp.where(valid, row, -1), jnp.where(valid, bit * num_words + column, -1), ends[-1]


def _nth_bit(words: jax.Array, n: jax.Array) -> jax.Array:
    """int32: position of the n-th set bit of each ``uint32`` word, counting from 0, by halving."""
    position = jnp.zeros_like(n)
    for width in (16, 8, 4, 2, 1):
        low = (words >> position.astype(jnp.uint32)) & jnp.uint32((1 << width) - 1)
        count = jax.lax.population_count(low).astype(jnp.int32)
        above = n >= count
        position += jnp.where(above, width, 0)
        n -= jnp.where(above, count, 0)
    return position


@in_32_bits
def legal_slots(
    env: Game,
    mask: jax.Array,
    logits: jax.Array,
    num_slots: int,
    key: jax.Array | None = None,
    gumbel_scale: jax.Array | float = 1.0,
) -> Slots:
    """Chooses the slots of a node.

    All legal actions fit unless there are more than ``num_slots``. Then actions without a cell (``skip``, ``swap``)
    stay, and of the others those with the highest logits; with a key, those with the highest sum of logit and Gumbel
    noise, which is sampling without replacement from the prior, so that no action is shut out for good.

    Args:
      env: gives ``num_actions`` and ``observation_shape``.
      mask: ``bool[num_actions]`` of legal actions.
      logits: ``float32[num_actions]``.
      num_slots: K, static.
      key: one typed PRNG key for the noise, or None for none.
      gumbel_scale: factor of the noise.
    """
    actions, legal = candidates(mask, num_candidates(env))
    valid = actions >= 0
    candidate_logits = jnp.where(valid, logits[actions], jnp.finfo(jnp.float32).min)
    gumbel = jnp.zeros_like(candidate_logits)
    if key is not None:
        gumbel = jnp.where(valid, gumbel_scale * jax.random.gumbel(key, actions.shape), 0.0)
    no_cell = actions >= env.num_actions // num_cells(env) * num_cells(env)
    ranking = jnp.where(valid, candidate_logits + gumbel, -jnp.inf)
    _, best = jax.lax.top_k(jnp.where(no_cell, jnp.inf, ranking), min(num_slots, actions.shape[0]))
    pad = (0, num_slots - best.shape[0])
    return Slots(
        actions=jnp.pad(actions[best], pad, constant_values=-1),
        logits=jnp.pad(candidate_logits[best], pad, constant_values=jnp.finfo(jnp.float32).min),
        gumbel=jnp.pad(gumbel[best], pad),
        overflow=legal > num_slots,
    )
