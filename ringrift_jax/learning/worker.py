"""Self-play apart from training: games go on, ply by ply, while the network that plays them is exchanged.

Either all games go on with the new network from the next ply, or each is finished with the network that it began with.
In the second case two networks play side by side for a while, and a third has to wait until only one of them is left.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ..devices import everywhere, make_mesh
from ..game import Game, GameState
from ..numerics import in_32_bits
from ..players.agents import make_evaluate
from ..pytrees import select
from ..search.config import SearchOutput
from ..search.network import as_computed
from ..search.ply import Memory, play_ply
from ..settings import Count, checked
from .games import PlayedGame, games_of_lanes
from .loop import LoopConfig
from .ring import Replay
from .selfplay import Games, draw_openings, new_games, new_replay, no_stats, record_ply


class Network(NamedTuple):
    """Parameters of a network and the name by which its games remember it."""

    name: str
    params: Any


class Worker:
    """Plays games side by side with the search of a run.

    Attributes:
      lanes: games played side by side.
      plies: decisions that each of them has made.
      network: what new games are played with.
      former: what games that began earlier are finished with; None if there are none.
    """

    def __init__(
        self, env: Game, config: LoopConfig, lanes: int, network: Network, key: jax.Array, finish_games: bool = False
    ):
        """Every lane at the start of its first game.

        Args:
          env: the environment.
          config: of the run. Games of more than ``learner.replay_blocks`` decisions are lost, as in training.
          lanes: games to play side by side.
          network: to begin with.
          key: typed key, consumed.
          finish_games: finish each game with the network it began with.

        Raises:
          ValueError: what is wrong, and what is allowed.
        """
        self.lanes, self.plies, self.network = checked("lanes", lanes, Count), 0, network
        self.former: Network | None = None
        self._waiting: Network | None = None
        self._config = replace(config, self_play=replace(config.self_play, lanes=lanes))
        self._mesh, self._finish_games, self._players = make_mesh(lanes), finish_games, env.num_players
        self._begin, self._search, self._record = _functions(env, self._config, lanes, self._mesh)
        games_key, self._key = jax.random.split(key)
        self._games, self._replay = self._begin(games_key)
        self._fresh = np.ones(lanes, bool)  # lanes at the start of a game
        self._old = np.zeros(lanes, bool)  # lanes whose game is finished with the former network
        self._begun = [network.name] * lanes
        self.offer(network)
        self.switch()

    def offer(self, network: Network) -> None:
        """Has a network of the same size take over as soon as it may; of several that wait the last one does."""
        self._waiting = Network(network.name, jax.device_put(network.params, everywhere(self._mesh)))

    def ply(self) -> list[PlayedGame]:
        """Makes one decision in each game. Returns the games that have ended with it; their iterations are plies."""
        self.switch()
        for lane in np.flatnonzero(self._fresh).tolist():
            self._begun[lane] = self.network.name
        self.plies += 1
        search_key, record_key = jax.random.split(jax.random.fold_in(self._key, self.plies))
        played = self._search(self.network.params, self._games, search_key)
        if self.former:
            formerly = self._search(self.former.params, self._games, search_key)
            played = _choose(self._old, formerly, played)
        self._games, self._replay, ended = self._record(
            self._games, self._replay, *played, record_key, np.int32(self.plies)
        )
        self._fresh = np.asarray(ended)
        finished = self._ended(np.flatnonzero(self._fresh).tolist())
        self._old = self._old & ~self._fresh
        return finished

    def switch(self) -> bool:
        """Makes the network that waits the one that plays, if it may; returns whether it did. A ply begins with it."""
        if not self._old.any():
            self.former = None
        if self._waiting and not self.former:
            if self._finish_games and not self._fresh.all():
                self.former, self._old = self.network, ~self._fresh
            self.network, self._waiting = self._waiting, None
            return True
        return False

    def _ended(self, lanes: list[int]) -> list[PlayedGame]:
        games = games_of_lanes(self._config, self._replay, lanes, self.plies) if lanes else []
        return [replace(game, models=(self._model(game.lane),) * self._players) for game in games]

    def _model(self, lane: int) -> str:
        last = self.former.name if self.former and self._old[lane] else self.network.name
        first = self._begun[lane]
        return first if first == last else f"{first} to {last}"


@cache  # equal workers are compiled once in a process
def _functions(env: Game, config: LoopConfig, lanes: int, mesh: Mesh | None) -> tuple[Callable, Callable, Callable]:
    """Begins all games, searches a decision of each, records it; jitted. The last consumes (donates) games and ring."""
    evaluate = make_evaluate(env, config.network)

    @in_32_bits
    def begin(key: jax.Array) -> tuple[Games, Replay]:
        replay = new_replay(env, config.search, config.learner.replay_blocks, lanes)
        return new_games(env, config.self_play, config.search, key), replay

    @in_32_bits
    def search(params: Any, games: Games, key: jax.Array) -> tuple[GameState, SearchOutput, Memory]:
        keys, in_opening = jax.random.split(key, lanes), games.length < games.opening
        noise = jnp.ones(lanes, jnp.float32)
        params = as_computed(params, config.network)
        return play_ply(env, evaluate, config.search, params, games.state, keys, in_opening, noise, games.memory, mesh)

    @in_32_bits
    def record(
        games: Games,
        replay: Replay,
        after: GameState,
        found: SearchOutput,
        memory: Memory,
        key: jax.Array,
        ply: jax.Array,
    ) -> tuple[Games, Replay, jax.Array]:
        stats, version, openings = no_stats(env.num_players), jnp.int32(0), draw_openings(config.self_play, key)
        games, replay, _ = record_ply(
            env, config.self_play, games, replay, stats, after, found, memory, openings, ply, version
        )
        return games, replay, after.is_over

    sharding = everywhere(mesh)
    return (
        jax.jit(begin, out_shardings=sharding),
        jax.jit(search, out_shardings=sharding),
        jax.jit(record, donate_argnums=(0, 1), out_shardings=sharding),
    )


_choose = jax.jit(select)
