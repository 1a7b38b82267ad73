"""The compiled loop: one jitted function advances the whole experiment by an iteration.

An iteration plays a chunk of self-play into the replay ring, judges it by the quality gates, from time to time lets
the network challenge the champion, and learns from the games that have ended. A network that wins becomes champion; one
that loses clearly is given up, and training goes on from the champion. Everything that changes is in
:class:`LoopState`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from ..collectives import ALONE, BY_GAME, EVERYWHERE, Collectives
from ..devices import on_mesh
from ..game import Game
from ..numerics import in_32_bits
from ..players.agents import make_evaluate
from ..players.arena import ArenaConfig, Match, advance, judge, new_match, next_turn, take
from ..players.sequential import Score
from ..pytrees import check_leading_axis, select
from ..search.config import SearchConfig
from ..search.evaluation import Evaluate
from ..search.network import NetworkConfig, as_computed, make_network
from ..search.ply import no_memory, play_ply
from ..settings import check
from . import ring
from .gates import GatesConfig, GatesReport, measure
from .learner import Learner, LearnerConfig, Losses, earn, new_learner, restart, train
from .ring import Replay
from .selfplay import Games, SelfPlayConfig, SelfPlayStats, draw_openings, new_games, new_replay, no_stats, record_ply


@dataclass(frozen=True)
class LoopConfig:
    """Everything about training that is not the game; see the parts."""

    network: NetworkConfig = NetworkConfig()
    search: SearchConfig = SearchConfig()
    self_play: SelfPlayConfig = SelfPlayConfig()
    learner: LearnerConfig = LearnerConfig()
    arena: ArenaConfig = ArenaConfig()
    gates: GatesConfig = GatesConfig()

    @property
    def arena_search(self) -> SearchConfig:
        """How both sides of an arena search."""
        return self.search.by_turns(self.arena.turns, self.arena.nodes) if self.arena.turns else self.search

    def __post_init__(self) -> None:
        check(self)
        rows = self.learner.replay_blocks * self.self_play.lanes
        if rows >= 2**31:  # they are counted in int32
            raise ValueError(
                f"learner.replay_blocks x self_play.lanes is {rows} positions; it must be less than {2**31}"
            )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LoopState:
    """The whole experiment between two iterations.

    Attributes:
      iteration: ``int32`` iterations done.
      learner: the network being trained.
      champion: parameters of the last network that won an arena, at first those that training began with.
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


LAYOUT = LoopState(
    iteration=EVERYWHERE,
    learner=EVERYWHERE,
    champion=EVERYWHERE,
    version=EVERYWHERE,
    replay=ring.LAYOUT,
    games=BY_GAME,
    key=EVERYWHERE,
)
"""Every device holds its lanes and their rows, and all that is learned."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ArenaStats:
    """What an arena found; all 0 in iterations without one.

    Attributes:
      read: score of the network against the champion in the groups of games, one per player each, that decided.
      gain: of a network that was promoted, in the groups that followed and had no part in that; all 0 for others.
      decisions: ``int32`` all decisions played.
    """

    read: Score
    gain: Score
    decisions: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Metrics:
    """What an iteration did.

    Attributes:
      iteration: ``int32`` iterations done, this one included.
      self_play, gates, losses, arena: of this iteration.
      steps: ``int32`` optimiser steps of this iteration.
      skipped: ``int32`` optimiser steps not applied because they were not finite, since the beginning.
      trainable_rows: ``int32`` rows that may be learned from now.
      lost_rows: ``int32`` rows overwritten before their game ended, since the beginning.
      promoted: ``bool``, the network became champion.
      rolled_back: ``bool``, it was clearly weaker than the champion, from which training went on in its place.
      version: ``int32`` version of the champion now.
    """

    iteration: jax.Array
    self_play: SelfPlayStats
    gates: GatesReport
    losses: Losses
    steps: jax.Array
    skipped: jax.Array
    trainable_rows: jax.Array
    lost_rows: jax.Array
    arena: ArenaStats
    promoted: jax.Array
    rolled_back: jax.Array
    version: jax.Array


@partial(jax.jit, static_argnames=("env", "config"))
@in_32_bits
def new_loop(env: Game, config: LoopConfig, key: jax.Array) -> LoopState:
    """The state before the first iteration. The key is consumed."""
    network_key, games_key, key = jax.random.split(key, 3)
    network = make_network(env, config.network)
    params = network.init(network_key, jnp.zeros((1, *env.observation_shape), jnp.float32))
    games = new_games(env, config.self_play, config.search, games_key)
    return LoopState(
        iteration=jnp.int32(0),
        learner=new_learner(config.learner, params),
        champion=params,
        version=jnp.int32(0),
        replay=new_replay(env, config.search, config.learner.replay_blocks, config.self_play.lanes),
        games=games,
        key=key,
    )


@in_32_bits
def begin_with(config: LoopConfig, state: LoopState, params: Any) -> LoopState:
    """The state before the first iteration, with these parameters in place of untrained ones."""
    return replace(state, learner=new_learner(config.learner, params), champion=params)


@cache  # equal loops are compiled once in a process
def make_iterate(
    env: Game, config: LoopConfig, mesh: Mesh | None = None
) -> Callable[[LoopState], tuple[LoopState, Metrics]]:
    """The function that does one iteration, jitted; it consumes (donates) the state it is given.

    Args:
      env: the environment.
      config: of the loop.
      mesh: devices to use, each of which holds its share of the state (:data:`LAYOUT`); None for one.

    Raises:
      ValueError: the lanes or the batch cannot be divided among the devices. The function itself raises it, when it is
        traced, for a state of other settings.
    """
    peers = Collectives.of(mesh)
    for name, number in divided(config).items():
        if number % peers.size:
            raise ValueError(f"{name} is {number}; it must be a multiple of the number of devices, {peers.size}")
    evaluate = make_evaluate(env, config.network)

    @in_32_bits
    def iterate(state: LoopState) -> tuple[LoopState, Metrics]:
        key, play_key, learn_key = jax.random.split(state.key, 3)
        *play_keys, match_key = jax.random.split(play_key, 3)
        iteration = state.iteration + 1

        games, replay, self_play = play(env, evaluate, config, state, jnp.stack(play_keys), peers)
        report = measure(config.gates, replay, self_play, config.self_play.chunk, peers)
        replay = ring.drop(replay, iteration, ~report.passed)

        challenge = iteration % config.arena.every == 0
        held = peers.after(challenge, (self_play, replay.lost, report))
        match = challenge_champion(env, evaluate, config, state, held, match_key, peers)
        verdict = judge(match, env.num_players, config.arena, peers)
        decisions = peers.total(match.length.sum())
        iteration, approved = peers.after((iteration, replay.approved), (verdict, decisions))
        replay = replace(replay, approved=approved)
        promoted, rolled_back = challenge & verdict.stronger, challenge & verdict.weaker
        nothing = jax.tree.map(jnp.zeros_like, verdict.read)
        champion = select(promoted, state.learner.average, state.champion)
        version = state.version + promoted
        learner = select(rolled_back, restart(config.learner, state.learner, state.champion), state.learner)

        if not config.gates.parity_games:
            replay, released = ring.approve(replay, iteration)
            learner = earn(config.learner, learner, peers.total(released))
        tickets = ring.give_tickets(replay, config.learner.surprise, peers)
        learner, losses, steps = train(env, evaluate, config.learner, learner, replay, tickets, learn_key, peers)

        following = LoopState(iteration, learner, champion, version, replay, games, key)
        metrics = Metrics(
            iteration=iteration,
            self_play=self_play,
            gates=report,
            losses=losses,
            steps=steps,
            skipped=learner.skipped,
            trainable_rows=tickets.rows,
            lost_rows=replay.lost,
            arena=ArenaStats(
                read=select(challenge, verdict.read, nothing),
                gain=select(promoted, verdict.following, nothing),
                decisions=decisions,
            ),
            promoted=promoted,
            rolled_back=rolled_back,
            version=version,
        )
        return following, metrics

    on_each = peers.on_each(iterate, (LAYOUT,), (LAYOUT, EVERYWHERE))

    def whole(state: LoopState) -> tuple[LoopState, Metrics]:
        _check_sizes(config, state)
        return on_each(state)

    return jax.jit(whole, donate_argnums=0, out_shardings=on_mesh((LAYOUT, EVERYWHERE), mesh) if mesh else None)


def divided(config: LoopConfig) -> dict[str, int]:
    """What is divided evenly among devices: the number of each setting, by its name."""
    return {
        "self_play.lanes": config.self_play.lanes,
        "learner.batch_size": config.learner.batch_size,
    }


def multiplied(config: LoopConfig, devices: int) -> LoopConfig:
    """The same with so many times of what is :func:`divided`."""
    self_play, learner = config.self_play, config.learner
    return replace(
        config,
        self_play=replace(self_play, lanes=devices * self_play.lanes),
        learner=replace(learner, batch_size=devices * learner.batch_size),
    )


@in_32_bits
def play(
    env: Game, evaluate: Evaluate, config: LoopConfig, state: LoopState, keys: jax.Array, peers: Collectives = ALONE
) -> tuple[Games, Replay, SelfPlayStats]:
    """A chunk of self-play; it searches with noise.

    Args:
      env: the environment.
      evaluate: the network.
      config: of the loop.
      state: before the iteration.
      keys: typed keys ``[2]``, consumed: of the lanes, and of the openings of games that begin.
      peers: the devices that share the games.

    Returns:
      The games, the ring, and the statistics of all devices' lanes.
    """
    lanes = config.self_play.lanes // peers.size
    player = as_computed(
        state.learner.average if config.self_play.network == "latest" else state.champion, config.network
    )
    lane_keys = peers.own(jax.random.split(keys[0], config.self_play.lanes))
    noise = jnp.ones(lanes, jnp.float32)

    def of_ply(ply, carry):
        games, replay, stats = carry
        ply_keys = jax.vmap(jax.random.fold_in, (0, None))(lane_keys, ply)
        in_opening = games.length < games.opening
        after, found, memory = play_ply(
            env, evaluate, config.search, player, games.state, ply_keys, in_opening, noise, games.memory
        )
        openings = peers.own(draw_openings(config.self_play, jax.random.fold_in(keys[1], ply)))
        return record_ply(
            env, config.self_play, games, replay, stats, after, found, memory, openings,
            state.iteration + 1, state.version,
        )  # fmt: skip

    start = state.games, replace(state.replay, lost=jnp.int32(0)), no_stats(env.num_players)
    games, replay, stats = jax.lax.fori_loop(0, config.self_play.chunk, of_ply, start)
    return games, replace(replay, lost=state.replay.lost + peers.total(replay.lost)), stats.of_all(peers)


@in_32_bits
def challenge_champion(
    env: Game,
    evaluate: Evaluate,
    config: LoopConfig,
    state: LoopState,
    held: jax.Array,
    key: jax.Array,
    peers: Collectives = ALONE,
) -> Match:
    """A match between the network being trained and the champion, until it is decided, and some games more if the
    network wins.

    Both search without noise, but in the openings. A ply moves as many games as there are lanes.

    Args:
      env: the environment.
      evaluate: the network.
      config: of the loop.
      state: before the iteration.
      held: ``bool``; otherwise no game begins.
      key: typed key, consumed.
      peers: the devices to which the games are dealt, by openings.
    """
    lanes = config.self_play.lanes // peers.size
    latest, champion = as_computed((state.learner.average, state.champion), config.network)
    opening, search = config.arena.opening, config.arena_search
    group_keys = peers.deal(jax.random.split(key, config.arena.openings))
    game_keys = jnp.repeat(group_keys, env.num_players)

    def of_ply(carry):
        match, _ = carry
        turn = next_turn(env, match, lanes, opening)
        states, lengths, memory = take(turn, (match.state, match.length, match.memory))
        keys = jax.vmap(jax.random.fold_in)(take(turn, game_keys), lengths)
        side, in_opening = select(turn.challenging, latest, champion), lengths < opening
        after, _, memory = play_ply(
            env, evaluate, search, side, states, keys, in_opening, in_opening.astype(jnp.float32), memory
        )
        match = advance(env, match, turn, after, memory)
        return match, ~judge(match, env.num_players, config.arena, peers).complete

    match = new_match(env, len(group_keys), no_memory(search, len(game_keys)))
    return jax.lax.while_loop(lambda carry: carry[1], of_ply, (match, held))[0]


@in_32_bits
def release(config: LoopConfig, state: LoopState, accepted: jax.Array | bool) -> LoopState:
    """Lets the games of one more iteration be learned from, or drops them.

    For the caller of a loop with ``gates.parity_games``: after each iteration, the games of the one before it, which
    are the first that are not approved, are released by what their replay gave.

    Args:
      config: of the loop.
      state: between two iterations.
      accepted: ``bool``.
    """
    iteration = state.replay.approved + 1
    replay = ring.drop(state.replay, iteration, ~jnp.asarray(accepted))
    replay, rows = ring.approve(replay, iteration)
    return replace(state, replay=replay, learner=earn(config.learner, state.learner, rows))


@in_32_bits
def take_in(config: LoopConfig, state: LoopState, sample: ring.Sample, number: jax.Array | int) -> LoopState:
    """Adds a block of finished games from elsewhere, between two iterations; see :func:`.ring.insert`."""
    replay = ring.insert(state.replay, sample, number)
    return replace(state, replay=replay, learner=earn(config.learner, state.learner, jnp.asarray(number, jnp.int32)))


def _check_sizes(config: LoopConfig, state: LoopState) -> None:
    """ValueError unless the state has the lanes and the ring of the settings."""
    check_leading_axis(config.self_play.lanes, games=state.games)
    got, wanted = state.replay.status.shape, (config.learner.replay_blocks, config.self_play.lanes)
    if got != wanted:
        raise ValueError(f"replay.status has shape {list(got)}; by the settings it must be {list(wanted)}")
