"""Packed stacks against lists of rings, in one and in two words."""

import random

import jax.numpy as jnp
import numpy as np
import pytest

from ringrift_jax import boards
from ringrift_jax.rules.arrays import stacks

SEATS = 4


def packed(rings: list[int]) -> int:
    """Rings from bottom to top."""
    value = 1
    for seat in rings:
        value = value << 2 | seat
    return value


def to_word(values: list[int], words: int) -> stacks.Word:
    return tuple(jnp.asarray(np.array([v >> 32 * w & 0xFFFFFFFF for v in values], np.uint32)) for w in range(words))


def to_values(word: stacks.Word) -> list[int]:
    return [sum(int(w) << 32 * i for i, w in enumerate(ws)) for ws in zip(*word, strict=True)]


def cap(rings: list[int]) -> int:
    height = 1
    while height < len(rings) and rings[-height - 1] == rings[-1]:
        height += 1
    return height


def without_bottommost(rings: list[int], seat: int) -> list[int]:
    rest = list(rings)
    rest.remove(seat)
    return rest


@pytest.mark.parametrize("board", [boards.standard("square8"), boards.standard("hexagonal")], ids=lambda b: b.name)
def test_packed_stacks_behave_like_lists(board):
    rng = random.Random(0)
    piles = [[rng.randrange(SEATS) for _ in range(rng.randrange(1, board.max_height))] for _ in range(300)]
    word = to_word([packed(pile) for pile in piles], stacks.num_words(board))

    assert stacks.height(word).tolist() == [len(pile) for pile in piles]
    assert stacks.cap_height(word).tolist() == [cap(pile) for pile in piles]
    assert stacks.top(word).tolist() == [pile[-1] for pile in piles]
    assert stacks.is_stack(word).all() and not stacks.is_stack(stacks.none_like(word)).any()
    assert to_values(stacks.pop_top(word)) == [packed(pile[:-1]) for pile in piles]
    assert to_values(stacks.pop_top(word, stacks.cap_height(word))) == [packed(p[: len(p) - cap(p)]) for p in piles]
    for seat in range(SEATS):
        assert to_values(stacks.push_top(word, seat)) == [packed([*pile, seat]) for pile in piles]
        assert to_values(stacks.push_bottom(word, seat)) == [packed([seat, *pile]) for pile in piles]
        assert stacks.contains(word, seat).tolist() == [seat in pile for pile in piles]
        assert stacks.has_buried(word, seat).tolist() == [seat in pile[:-1] for pile in piles]
        extracted = to_values(stacks.remove_bottommost(word, seat))
        for pile, value in zip(piles, extracted, strict=True):
            assert seat not in pile or value == packed(without_bottommost(pile, seat))
    none = stacks.none_like(word)
    for number in (1, 2, 3):
        assert set(to_values(stacks.push_top(none, 2, number))) == {packed([2] * number)}
