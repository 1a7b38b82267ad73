"""The sequential tests that decide an arena: how many games it takes depends on how clear the result is.

Two of Wald's sequential probability ratio tests read the mean scores of the groups in the order of their openings,
however long their games take. One asks whether the challenger is stronger: 0 Elo against ``promote_elo``. The other
asks whether it is weaker: 0 Elo against ``-rollback_elo``. The scores count as normal with the variance seen so far. A
test that the last group leaves undecided counts as not passed.
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
class Verdict:
    """What the tests say.

    Attributes:
      decided: ``bool``, more groups change nothing.
      stronger, weaker: ``bool``, passed; never both.
      groups: ``int32`` groups read.
      score, error: ``float32`` their mean score, 0 without groups, and its standard error, 0 for fewer than two.
        A test that stops at a clear result makes the score look a little clearer than it is.
    """

    decided: jax.Array
    stronger: jax.Array
    weaker: jax.Array
    groups: jax.Array
    score: jax.Array
    error: jax.Array


@in_32_bits
def verdict(scores: jax.Array, ready: jax.Array, players: int, config: SequentialConfig) -> Verdict:
    """Reads the groups of a match.

    Args:
      scores: ``float32[G]`` mean score of the challenger in each group, in [-1, 1].
      ready: ``int32`` how many of them, from the first on, are known.
      players: of the game.
      config: of the tests.
    """
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
    read = jnp.minimum(groups, ready)
    last = jnp.maximum(read, 1) - 1
    spread = jnp.sqrt(jnp.maximum(squares[last] - read * mean[last] ** 2, 0) / jnp.maximum(read - 1, 1))
    return Verdict(
        decided=groups <= ready,
        stronger=stronger,
        weaker=weaker,
        groups=read.astype(jnp.int32),
        score=jnp.where(read > 0, mean[last], 0),
        error=jnp.where(read > 1, spread / jnp.sqrt(jnp.maximum(read, 1)), 0),
    )
