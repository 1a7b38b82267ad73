"""Quality gates: what self-play must look like before anything is learned from it.

The gates measure one chunk of self-play, in the compiled loop. If one of them fails, the games that ended in the chunk
are dropped, and self-play goes on. The parity gate, which replays a sample of these games with the reference engine,
runs on the host: see :mod:`.parity`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..collectives import ALONE, Collectives
from ..game import GameState
from ..numerics import in_32_bits
from ..rules.state import Phase
from ..settings import Count, CountOrZero, NotNegative, Share, check
from .ring import Replay
from .selfplay import SelfPlayStats

OPENING = 10
"""Decisions after which openings are compared."""


@dataclass(frozen=True)
class GatesConfig:
    """The limits. Gates of games and of openings judge chunks with at least ``min_games`` of them, the others all.

    Attributes:
      min_games: games that ended in a chunk, or positions after 10 decisions in it.
      min_length, max_length: mean decisions of a game.
      max_unfinished: share of the games that were truncated.
      min_unique: share of the positions of the chunk, with their number of decisions, that are different ones.
      min_openings: the same share of the positions after 10 decisions.
      min_entropy: mean entropy of the search's policies, where there is a choice, in nats.
      max_seat_share: share of the games that one seat wins.
      max_not_finite: evaluations by the network and weights of policies that are not finite.
      parity_games: games of a chunk that are replayed with the reference engine; 0 for none. Otherwise the caller of
        the loop replays them and reports the result, see :func:`ringrift_jax.learning.loop.release`.
    """

    min_games: Count = 16
    min_length: NotNegative = 4.0
    max_length: NotNegative = 5000.0
    max_unfinished: Share = 0.05
    min_unique: Share = 0.1
    min_openings: Share = 0.05
    min_entropy: NotNegative = 0.01
    max_seat_share: Share = 0.97
    max_not_finite: CountOrZero = 0
    parity_games: CountOrZero = 0

    def __post_init__(self) -> None:
        check(self, "gates.{}".format)


class GateResult(NamedTuple):
    """What one gate found.

    Attributes:
      value: ``float32`` measured, 0 if there was too little to judge.
      passed: ``bool``, True if there was too little to judge.
      judged: ``bool``, there was enough.
    """

    value: jax.Array
    passed: jax.Array
    judged: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GatesReport:
    """What the gates found in a chunk.

    Attributes:
      results: by the name of the gate.
      entropy: ``float32[7]`` mean entropy of the search's policies by phase, in nats; 0 where there was no choice.
      choices: ``int32[7]`` positions of the chunk, by phase, in which there was one.
    """

    results: dict[str, GateResult]
    entropy: jax.Array
    choices: jax.Array

    @property
    def passed(self) -> jax.Array:
        """``bool``: all of them."""
        return jnp.stack([result.passed for result in self.results.values()]).all()


@in_32_bits
def measure(
    config: GatesConfig, replay: Replay, stats: SelfPlayStats, chunk: int, peers: Collectives = ALONE
) -> GatesReport:
    """Judges a chunk of self-play.

    Args:
      config: the limits.
      replay: the ring after the chunk.
      stats: of the chunk, on all devices.
      chunk: blocks it wrote, the last ones.
      peers: the devices that hold the ring.
    """
    blocks = replay.status.shape[0]
    chunk = min(chunk, blocks)
    recent = (replay.cursor - chunk + jnp.arange(chunk)) % blocks
    rows = jax.tree.map(lambda leaf: leaf[recent], replay.rows)
    choice = jnp.sum(rows.slot_actions >= 0, axis=-1) > 1
    weights = rows.slot_weights.astype(jnp.float32)
    entropy = jnp.where(choice, jax.scipy.special.entr(weights).sum(axis=-1), 0)
    phase = jax.nn.one_hot(rows.state.phase, len(Phase) - 1, dtype=jnp.float32, axis=0) * choice
    prints, opening = peers.gather((fingerprint(rows.state), rows.state.steps == OPENING))
    entropies, choices, mean_entropy, choice, not_finite = peers.total(
        (
            (phase * entropy).sum((1, 2)),
            phase.sum((1, 2)),
            entropy.sum(),
            choice.sum(),
            jnp.sum(~jnp.isfinite(weights), dtype=jnp.int32),
        )
    )
    mean_entropy /= jnp.maximum(choice, 1)
    not_finite += stats.not_finite

    games = jnp.maximum(stats.games, 1).astype(jnp.float32)
    enough = stats.games >= config.min_games
    length = stats.decisions / games
    openings = jnp.sum(opening)

    def gate(value, passed, judged: jax.Array | bool = True) -> GateResult:
        judged = jnp.asarray(judged)
        return GateResult(jnp.where(judged, value, 0).astype(jnp.float32), passed | ~judged, judged)

    unfinished = stats.truncated / games
    unique = _distinct(prints, jnp.ones_like(opening)) / opening.size
    distinct_openings = _distinct(prints, opening) / jnp.maximum(openings, 1)
    seat_share = stats.wins.max() / games
    results = {
        "length": gate(length, (length >= config.min_length) & (length <= config.max_length), enough),
        "unfinished": gate(unfinished, unfinished <= config.max_unfinished, enough),
        "unique": gate(unique, unique >= config.min_unique),
        "openings": gate(distinct_openings, distinct_openings >= config.min_openings, openings >= config.min_games),
        "entropy": gate(mean_entropy, mean_entropy >= config.min_entropy, choice >= config.min_games),
        "seat_balance": gate(seat_share, seat_share <= config.max_seat_share, enough),
        "finite": gate(not_finite, not_finite <= config.max_not_finite),
    }
    return GatesReport(results, entropies / jnp.maximum(choices, 1), choices.astype(jnp.int32))


def fingerprint(states: GameState) -> jax.Array:
    """``uint32[...]`` of states with any leading axes, as many as ``steps`` has; different states rarely share it."""
    lead = states.steps.shape
    total = jnp.zeros(lead, jnp.uint32)
    random = np.random.default_rng(0)
    for leaf in jax.tree.leaves(states):
        words = leaf.reshape(*lead, -1).astype(jnp.uint32)
        factors = random.integers(2**32, size=words.shape[-1], dtype=np.uint32) | np.uint32(1)
        total += (words * factors).sum(axis=-1, dtype=jnp.uint32)
    return total


def _distinct(prints: jax.Array, among: jax.Array) -> jax.Array:
    """``int32``: how many different fingerprints there are where ``among``."""
    last = jnp.uint32(jnp.iinfo(jnp.uint32).max)
    ordered = jnp.sort(jnp.where(among, prints, last).ravel())
    new = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
    return jnp.sum(new & (ordered != last), dtype=jnp.int32)
