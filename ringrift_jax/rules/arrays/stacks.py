"""Stacks packed into one or two 32-bit words: two bits per ring, top ring lowest, closed by a sentinel bit.

A stack of height H with seats r0 (top) .. r(H-1) (bottom) is ``sum(r_i << 2i) + (1 << 2H)``; an empty cell is 1. So
pushing and popping the top are shifts, and the position of the sentinel is the height. A *word* is a tuple of
``uint32`` arrays of one shape, low word first: one where 2 * max_height + 1 <= 32 bits suffice, else two. All functions
are elementwise and work for whole boards and for single stacks alike.
"""

import jax
import jax.numpy as jnp

from ...boards import Board

Word = tuple[jax.Array, ...]

_FIELDS = 0x55555555  # the low bit of each of a word's 16 fields


def num_words(board: Board) -> int:
    return 1 if 2 * board.max_height + 1 <= 32 else 2


def empty(board: Board) -> jax.Array:
    """uint32[words, S, S] with every cell empty."""
    words = [jnp.full((board.size, board.size), 1 - min(w, 1), jnp.uint32) for w in range(num_words(board))]
    return jnp.stack(words)


def unpack(stacks: jax.Array) -> Word:
    """Splits the leading axis of the state's array into a word."""
    return tuple(stacks[w] for w in range(stacks.shape[0]))


def pack(word: Word) -> jax.Array:
    return jnp.stack(word)


def select(condition: jax.Array, yes: Word, no: Word) -> Word:
    return tuple(jnp.where(condition, y, n) for y, n in zip(yes, no, strict=True))


def none_like(word: Word) -> Word:
    """Empty cells of the same shape."""
    return tuple(jnp.full_like(w, 1 - min(i, 1)) for i, w in enumerate(word))


def _u32(x) -> jax.Array:
    return jnp.asarray(x).astype(jnp.uint32)


def _shift_left(word: Word, bits) -> Word:
    """``bits``: int, or an array below 64; zeros enter from the right."""
    bits = _u32(bits)
    if len(word) == 1:
        return (word[0] << bits,)
    low, high = word
    # A shift by 32 or more is zero in XLA, which makes both cases one expression.
    return low << bits, (high << bits) | (low >> (32 - bits)) | (low << (bits - 32))


def _shift_right(word: Word, bits) -> Word:
    bits = _u32(bits)
    if len(word) == 1:
        return (word[0] >> bits,)
    low, high = word
    return (low >> bits) | (high << (32 - bits)) | (high >> (bits - 32)), high >> bits


def _or(a: Word, b: Word) -> Word:
    return tuple(x | y for x, y in zip(a, b, strict=True))


def _and(a: Word, b: Word) -> Word:
    return tuple(x & y for x, y in zip(a, b, strict=True))


def _minus_one(word: Word) -> Word:
    """Of a single bit: all bits below it."""
    if len(word) == 1:
        return (word[0] - 1,)
    low, high = word
    return low - 1, high - (low == 0).astype(jnp.uint32)


def _bit(position, like: Word) -> Word:
    one = (jnp.ones_like(like[0]), *(jnp.zeros_like(w) for w in like[1:]))
    return _shift_left(one, position)


def _top_bit(word: Word) -> jax.Array:
    """int32: position of the highest set bit; -1 for zero."""
    lengths = [32 - jax.lax.clz(w).astype(jnp.int32) for w in word]
    if len(word) == 1:
        return lengths[0] - 1
    return jnp.where(word[1] != 0, 32 + lengths[1], lengths[0]) - 1


def _low_bit(word: Word) -> jax.Array:
    """int32: position of the lowest set bit; large for zero."""
    lows = [31 - jax.lax.clz(w & (~w + 1)).astype(jnp.int32) for w in word]
    lows = [jnp.where(w != 0, low, 32) for w, low in zip(word, lows, strict=True)]
    return lows[0] if len(word) == 1 else jnp.where(word[0] != 0, lows[0], 32 + lows[1])


def height(word: Word) -> jax.Array:
    """int32: number of rings."""
    return _top_bit(word) >> 1


def is_stack(word: Word) -> jax.Array:
    """bool: whether there is any ring."""
    if len(word) == 1:
        return word[0] > 1
    return (word[0] > 1) | (word[1] != 0)


def top(word: Word) -> jax.Array:
    """int32: seat of the top ring, which controls the stack. Undefined for empty cells."""
    return (word[0] & 3).astype(jnp.int32)


def cap_height(word: Word) -> jax.Array:
    """int32: number of equal rings from the top; 0 for empty cells."""
    pattern = (word[0] & 3) * _FIELDS
    differs = tuple(w ^ pattern for w in word)
    return jnp.minimum(_low_bit(differs) >> 1, height(word))


def push_top(word: Word, seat, count: int | jax.Array = 1) -> Word:
    """Puts ``count`` rings (1 to 3, an int or an array) of a seat on top."""
    bits = 2 * _u32(count)
    rings = _u32(seat) * (_FIELDS & ((jnp.uint32(1) << bits) - 1))
    low, *rest = _shift_left(word, bits)
    return (low | rings, *rest)


def push_bottom(word: Word, seat) -> Word:
    """Inserts a ring of a seat below all others. The stack must not be empty."""
    sentinel = _top_bit(word)
    body = tuple(w ^ b for w, b in zip(word, _bit(sentinel, word), strict=True))
    ring = (4 + _u32(seat), *(jnp.zeros_like(w) for w in word[1:]))
    return _or(body, _shift_left(ring, sentinel))


def pop_top(word: Word, count: int | jax.Array = 1) -> Word:
    """Removes ``count`` rings (an int or an array) from the top. There must be that many."""
    return _shift_right(word, 2 * _u32(count))


def _rings_of(word: Word, seat) -> Word:
    """The low bit of every field that holds a ring of the seat."""
    pattern = _u32(seat) * _FIELDS
    differs = tuple(w ^ pattern for w in word)
    same = tuple(~(d | (d >> 1)) & _FIELDS for d in differs)
    return _and(same, _minus_one(_bit(_top_bit(word), word)))


def contains(word: Word, seat) -> jax.Array:
    """bool: whether the seat has a ring anywhere in the stack."""
    return jnp.any(jnp.stack([w != 0 for w in _rings_of(word, seat)]), axis=0)


def has_buried(word: Word, seat) -> jax.Array:
    """bool: whether the seat has a ring below the top."""
    low, *rest = _rings_of(word, seat)
    return jnp.any(jnp.stack([w != 0 for w in (low & ~jnp.uint32(3), *rest)]), axis=0)


def count(word: Word, seat) -> jax.Array:
    """int32: rings of the seat in the stack."""
    return sum((jax.lax.population_count(w).astype(jnp.int32) for w in _rings_of(word, seat)), start=jnp.int32(0))


def remove_bottommost(word: Word, seat) -> Word:
    """Takes out the bottommost ring of the seat. There must be one."""
    position = _top_bit(_rings_of(word, seat))
    below = _minus_one(_bit(position, word))
    tops = _and(word, below)
    rest = _shift_left(_shift_right(word, position + 2), position)
    return _or(tops, rest)
