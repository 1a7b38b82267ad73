"""The compiled loop: one jitted function advances the whole experiment by an iteration.

An iteration plays a chunk of self-play into the replay ring, learns from games that have ended, and from time to time
lets the network challenge the champion, which it replaces if it wins. Everything that changes is in :class:`LoopState`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from . import replay as ring
from .arena import ArenaConfig, mean_and_error, play_match
from .learner import Learner, LearnerConfig, Losses, new_learner, train
from .networks import NetworkConfig, make_network
from .replay import Replay
from .search import SearchConfig, num_slots, search
from .selfplay import Games, SelfPlayConfig, SelfPlayStats, new_games, play_chunk, select


@dataclass(frozen=True)
class LoopConfig:
    """Everything about training that is not the game; see the parts."""

    network: NetworkConfig = NetworkConfig()
    search: SearchConfig = SearchConfig()
    self_play: SelfPlayConfig = SelfPlayConfig()
    learner: LearnerConfig = LearnerConfig()
    arena: ArenaConfig = ArenaConfig()


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["iteration", "learner", "champion", "version", "replay", "games", "key"],
    meta_fields=[],
)
@dataclass(frozen=True)
class LoopState:
    """The whole experiment between two iterations.

    Attributes:
      iteration: ``int32`` iterations done.
      learner: the network being trained.
      champion: parameters of the last network that won an arena, at first the untrained ones.
      version: ``int32`` promotions so far, which numbers the champions.
      replay: rows to learn from.
      games: running games.
      key: typed key that the next iteration consumes.
    """

    iteration: jax.Array
    learner: Learner
    champion: Any
    version: jax.Array
    replay: Replay
    games: Games
    key: jax.Array


@partial(jax.tree_util.register_dataclass, data_fields=["score", "error", "decisions"], meta_fields=[])
@dataclass(frozen=True)
class ArenaStats:
    """``float32`` mean score of the network against the champion and its standard error, NaN in iterations without an
    arena, and the ``int32`` decisions played."""

    score: jax.Array
    error: jax.Array
    decisions: jax.Array


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "iteration", "self_play", "losses", "steps", "skipped", "complete_rows", "lost_rows", "arena", "promoted",
        "version",
    ],
    meta_fields=[],
)  # fmt: skip
@dataclass(frozen=True)
class Metrics:
    """What an iteration did.

    Attributes:
      iteration: ``int32`` iterations done, this one included.
      self_play, losses, arena: of this iteration.
      steps: ``int32`` optimiser steps of this iteration.
      skipped: ``int32`` optimiser steps not applied because they were not finite, since the beginning.
      complete_rows: ``int32`` rows that can be sampled now.
      lost_rows: ``int32`` rows overwritten before their game ended, since the beginning.
      promoted: ``bool``, the network became champion.
      version: ``int32`` version of the champion now.
    """

    iteration: jax.Array
    self_play: SelfPlayStats
    losses: Losses
    steps: jax.Array
    skipped: jax.Array
    complete_rows: jax.Array
    lost_rows: jax.Array
    arena: ArenaStats
    promoted: jax.Array
    version: jax.Array


def new_loop(env, config: LoopConfig, key: jax.Array) -> LoopState:
    """The state before the first iteration. Pure; the key is consumed."""
    network_key, games_key, key = jax.random.split(key, 3)
    network = make_network(env, config.network)
    params = network.init(network_key, jnp.zeros((1, *env.observation_shape), jnp.float32))
    games = new_games(env, config.self_play, games_key)
    slots = jnp.zeros(num_slots(env, config.search))
    row = ring.make_rows(env.init(), slots, slots, env.num_actions)
    return LoopState(
        iteration=jnp.int32(0),
        learner=new_learner(config.learner, params),
        champion=jax.tree.map(jnp.copy, params),
        version=jnp.int32(0),
        replay=ring.empty(row, config.learner.replay_blocks, config.self_play.lanes, env.num_players),
        games=games,
        key=key,
    )


def make_iterate(env, config: LoopConfig) -> Callable[[LoopState], tuple[LoopState, Metrics]]:
    """The function that does one iteration, jitted; it consumes (donates) the state it is given."""
    evaluate = make_network(env, config.network).apply

    def challenge(params, champion, key):
        def act(challenging, states, keys):
            chosen = select(challenging, params, champion)
            return search(env, evaluate, chosen, states, keys, config.search).action

        result = play_match(env, act, config.arena.groups, config.arena.opening, key)
        score, error = mean_and_error(result.score)
        return ArenaStats(score, error, result.length.sum())

    def no_challenge(params, champion, key):
        del params, champion, key
        return ArenaStats(jnp.float32(jnp.nan), jnp.float32(jnp.nan), jnp.int32(0))

    def iterate(state: LoopState) -> tuple[LoopState, Metrics]:
        key, play_key, learn_key, arena_key = jax.random.split(state.key, 4)
        iteration = state.iteration + 1

        player = state.learner.params if config.self_play.network == "latest" else state.champion
        games, replay, self_play = play_chunk(
            env, evaluate, config.search, config.self_play, player, state.games, state.replay, play_key
        )
        earned = replay.completed - state.replay.completed
        learner, losses, steps = train(env, evaluate, config.learner, state.learner, replay, earned, learn_key)

        arena = jax.lax.cond(
            iteration % config.arena.every == 0, challenge, no_challenge, learner.params, state.champion, arena_key
        )
        promoted = arena.score > config.arena.confidence * arena.error
        version = state.version + promoted
        state = LoopState(
            iteration=iteration,
            learner=learner,
            champion=select(promoted, learner.params, state.champion),
            version=version,
            replay=replay,
            games=games,
            key=key,
        )
        metrics = Metrics(
            iteration=iteration,
            self_play=self_play,
            losses=losses,
            steps=steps,
            skipped=learner.skipped,
            complete_rows=ring.count(replay, ring.Status.COMPLETE),
            lost_rows=replay.lost,
            arena=arena,
            promoted=promoted,
            version=version,
        )
        return state, metrics

    return jax.jit(iterate, donate_argnums=0)


def memory(state: LoopState, config: LoopConfig) -> dict[str, int]:
    """Estimated bytes of what training keeps: replay, games, search tree, network (with champion and optimiser).

    ``state`` may be its ``jax.eval_shape``.
    """
    lanes = config.self_play.lanes
    slots = state.replay.rows.slot_actions.shape[-1]
    # Of a node mctx keeps six numbers per slot and five others, four bytes each, and the state with its slots' actions.
    node = 28 * slots + 20 + _bytes(state.games.state) // lanes
    return {
        "replay": _bytes(state.replay),
        "games": _bytes(state.games),
        "search tree": lanes * (config.search.simulations + 1) * node,
        "network": _bytes((state.learner, state.champion)),
    }


def _bytes(tree: Any) -> int:
    return sum(prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
