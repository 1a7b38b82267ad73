"""The compiled loop of a run, and what a run does to its state between two iterations."""

from collections.abc import Sequence
from functools import partial

import jax

from ..devices import everywhere, make_mesh, on_mesh
from ..learning.config import RunConfig
from ..learning.games import PlayedGame
from ..learning.loop import LoopState, make_iterate, new_loop, release, take_in
from ..numerics import new_key
from .ingest import add_games

_release = jax.jit(release, static_argnums=0, donate_argnums=1)
_take_in = jax.jit(take_in, static_argnums=0, donate_argnums=1)


class Run:
    """What training and playing its games again do alike; nothing is compiled before it is used.

    Attributes:
      env: the environment.
      mesh: as many devices as divide the lanes and the batch.
      abstract: shapes, dtypes and devices of the state.
    """

    def __init__(self, config: RunConfig):
        loop = config.loop
        self.env, self._loop, self._seed = config.make_env(), loop, config.seed
        self.mesh = make_mesh(loop.self_play.lanes, loop.learner.batch_size)
        self.abstract = on_mesh(jax.eval_shape(self._new), self.mesh)

    def _new(self) -> LoopState:
        return new_loop(self.env, self._loop, new_key(self._seed))

    def start(self) -> LoopState:
        """The state before the first iteration."""
        return jax.device_put(self._new(), everywhere(self.mesh))

    def compile(self) -> jax.stages.Compiled:
        """The function that does one iteration; it consumes (donates) the state."""
        return make_iterate(self.env, self._loop, self.mesh).lower(self.abstract).compile()

    def add(self, state: LoopState, games: Sequence[PlayedGame]) -> LoopState:
        """The state with games of workers in its ring; it is consumed."""
        return add_games(partial(_take_in, self._loop), state, games)

    def settle(self, state: LoopState, accepted: bool) -> LoopState:
        """The state after an iteration, once the games of the iteration before are replayed, if they are; consumed."""
        if self._loop.gates.parity_games and state.iteration > 1:
            return _release(self._loop, state, accepted)
        return state
