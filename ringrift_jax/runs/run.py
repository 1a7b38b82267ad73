"""The compiled loop of a run, and what a run does to its state between two iterations."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax

from ..devices import make_mesh, on_mesh, placed
from ..learning.config import RunConfig
from ..learning.games import PlayedGame
from ..learning.loop import LAYOUT, LoopState, begin_with, divided, make_iterate, new_loop, release, take_in
from ..numerics import new_key
from .ingest import add_games


class Run:
    """What training and playing its games again do alike; nothing is compiled before it is used.

    Attributes:
      env: the environment.
      mesh: as many devices as divide the lanes and the batch; of several processes, all devices.
      shardings: where its state is, the beginning of its pytree.
      abstract: shapes, dtypes and devices of the state.
    """

    def __init__(self, config: RunConfig):
        loop = config.loop
        self.env, self._loop, self._seed = config.make_env(), loop, config.seed
        self.mesh = make_mesh(*divided(loop).values())
        if jax.process_count() > 1 and self.mesh.size < jax.device_count():
            sizes = " and ".join(f"{name}, {size}," for name, size in divided(loop).items())
            raise ValueError(f"{sizes} must be multiples of the number of all processes' devices, {jax.device_count()}")
        self.shardings = on_mesh(LAYOUT, self.mesh)
        self.abstract = placed(jax.eval_shape(self._new), self.shardings)
        change = partial(jax.jit, donate_argnums=0, out_shardings=self.shardings)
        self._release, self._take_in = change(partial(release, loop)), change(partial(take_in, loop))
        self._begin_with = change(partial(begin_with, loop))

    def _new(self) -> LoopState:
        return new_loop(self.env, self._loop, new_key(self._seed))

    def start(self) -> LoopState:
        """The state before the first iteration."""
        return jax.jit(self._new, out_shardings=self.shardings)()

    def begin_with(self, state: LoopState, params: Any) -> LoopState:
        """The state before the first iteration with these parameters in place of untrained ones; it is consumed."""
        return self._begin_with(state, jax.device_get(params))  # whatever devices they are on

    def compile(self) -> jax.stages.Compiled:
        """The function that does one iteration; it consumes (donates) the state."""
        return make_iterate(self.env, self._loop, self.mesh).lower(self.abstract).compile()

    def add(self, state: LoopState, games: Sequence[PlayedGame]) -> LoopState:
        """The state with games of workers in its ring; it is consumed."""
        return add_games(self._take_in, state, games)

    def settle(self, state: LoopState, accepted: bool) -> LoopState:
        """The state after an iteration, once the games of the iteration before are replayed, if they are; consumed."""
        if self._loop.gates.parity_games and state.iteration > 1:
            return self._release(state, accepted)
        return state
