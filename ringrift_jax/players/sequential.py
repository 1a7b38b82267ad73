"""The sequential tests that decide an arena: how many games it takes depends on how clear the result is.

Two of Wald's sequential probability ratio tests read the mean scores of the groups in the order of their openings,
however long their games take. One asks whether the challenger is stronger: 0 Elo against ``promote_elo``. The other
asks whether it is weaker: 0 Elo against ``-rollback_elo``. The scores count as normal with the variance seen so far. A
test that the last group leaves undecided counts as not passed.

A test that ends at a clear result ends when one side has been lucky, so the groups that it read say too much about how
much stronger a promoted challenger is. The groups that follow had no part in that: their mean is without bias.
"""

from dataclasses import dataclass
from math import log
from typing import Annotated

import jax
import jax.numpy as jnp
from msgspec import Meta

from ..numerics import in_32_bits
from ..settings import Positive, check
from .ratings import reward_of_elo


@dataclass(frozen=True)
class SequentialConfig:
    """What the tests tell apart, and how surely.

    Attributes:
      promote_elo: a challenger so much stronger becomes champion but for a share ``error_rate`` of arenas; one of equal
        strength does in at most that share. In between it is in between.
      rollback_elo: likewise for a challenger so much weaker: training goes back to the champion.
      error_rate: of both tests, both ways; above 0, at most 0.5.
    """

    promote_elo: Positive = 35.0
    rollback_elo: Positive = 50.0
    error_rate: Annotated[float, Meta(gt=0, le=0.5)] = 0.05

    def __post_init__(self) -> None:
        check(self)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Score:
    """How the challenger did in some groups.

    Attributes:
      groups: ``int32`` their number.
      mean, error: ``float32`` their mean score, 0 without groups, and its standard error, 0 for fewer than two.
    """

    groups: jax.Array
    mean: jax.Array
    error: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Verdict:
    """What the tests say.

    Attributes:
      decided: ``bool``, more groups change nothing.
      stronger, weaker: ``bool``, passed; never both.
      read: of the groups that the tests read.
      following: of so many groups that follow as are held out, as far as they are known, once the tests are decided;
        else of none.
      complete: ``bool``, there is nothing left to play for: the tests are decided, and if the challenger is stronger
        the groups that follow are known.
    """

    decided: jax.Array
    stronger: jax.Array
    weaker: jax.Array
    read: Score
    following: Score
    complete: jax.Array


@in_32_bits
def verdict(scores: jax.Array, ready: jax.Array, players: int, config: SequentialConfig, held_out: int = 0) -> Verdict:
    """Reads the groups of a match.

    Args:
      scores: ``float32[G]`` mean score of the challenger in each group, in [-1, 1].
      ready: ``int32`` how many of them, from the first on, are known.
      players: of the game.
      config: of the tests.
      held_out: groups that follow those that the tests read. So many of the last ones are never read.
    """
    tested = scores[: len(scores) - held_out]
    decided, stronger, weaker, read = _test(tested, jnp.minimum(ready, len(tested)), players, config)
    index, end = jnp.arange(len(scores)), read + held_out
    follows = (index >= read) & (index < jnp.minimum(end, ready))
    return Verdict(
        decided=decided,
        stronger=stronger,
        weaker=weaker,
        read=_score(scores, index < read),
        following=_score(scores, follows & decided),
        complete=decided & (~stronger | (end <= ready)),
    )


def _test(
    scores: jax.Array, ready: jax.Array, players: int, config: SequentialConfig
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Whether the tests are decided, what they say, and how many groups they have read."""
    total = len(scores)
    count = jnp.arange(1, total + 1)
    sums, squares = jnp.cumsum(scores), jnp.cumsum(scores**2)
    mean = sums / count
    # One group of variance 1 in addition keeps the first few, which may be equal, from looking certain.
    variance = (squares - count * mean**2 + 1) / count

    def test(reward: float) -> tuple[jax.Array, jax.Array]:
        """When the test between 0 and a mean reward ends, ``total`` if it does not, and whether the second won."""
        ratio = count * reward * (mean - reward / 2) / variance
        bound = log((1 - config.error_rate) / config.error_rate)
        ended = (jnp.abs(ratio) >= bound) & (count <= ready)
        at = jnp.argmax(ended)
        return jnp.where(ended.any(), at + 1, total), ended.any() & (ratio[at] > 0)

    until, stronger = test(reward_of_elo(config.promote_elo, players))
    until_weaker, weaker = test(-reward_of_elo(config.rollback_elo, players))
    weaker &= ~stronger
    groups = jnp.where(stronger, until, jnp.maximum(until, until_weaker))
    return groups <= ready, stronger, weaker, jnp.minimum(groups, ready)


def _score(scores: jax.Array, chosen: jax.Array) -> Score:
    groups = chosen.sum(dtype=jnp.int32)
    mean = jnp.where(chosen, scores, 0).sum() / jnp.maximum(groups, 1)
    squares = jnp.where(chosen, (scores - mean) ** 2, 0).sum()
    return Score(groups, mean, jnp.sqrt(squares / jnp.maximum(groups * (groups - 1), 1)))
