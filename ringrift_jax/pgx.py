"""RingRift as an environment of Pgx (Koyamada et al., 2023), for training code that is written for its interface.

Needs ``pip install pgx``. Everything that Pgx asks of an environment is derived from :class:`ringrift_jax.State`, so
the rules are the same; what differs is what Pgx defines: all actions are legal once a game is over, and an illegal
action ends it, with reward -1 for who chose it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import pgx.core
from flax import serialization, struct

from . import render
from .env import Env, make
from .rules import state as rules

VERSION = "v0"


@struct.dataclass
class State(pgx.core.State):
    """Pgx's fields, and the position they come from."""

    current_player: jax.Array
    observation: jax.Array
    rewards: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    legal_action_mask: jax.Array
    _step_count: jax.Array
    _position: rules.State

    @property
    def env_id(self) -> Any:
        return _id(self._position.board)

    def to_svg(self, *, color_theme: str | None = None, scale: float | None = None) -> str:
        """One state, or the first ones of a batch. ``scale`` is Pgx's and changes nothing: SVG has no size."""
        return render.states_svg(self._position, theme=color_theme or "light")

    def save_svg(self, filename: Any, *, color_theme: str | None = None, scale: float | None = None) -> None:
        """Writes :meth:`to_svg` to a file, whose name must end in ``.svg``."""
        if not str(filename).endswith(".svg"):
            raise ValueError(f"{filename} must end in .svg")
        with open(filename, "w", encoding="utf-8") as file:
            file.write(self.to_svg(color_theme=color_theme))


class RingRift(pgx.core.Env):
    """One game; ``step``, ``init`` and ``observe`` are inherited from Pgx.

    Attributes:
      env: the environment that has the rules.
    """

    def __init__(self, board: str | Env = "square8", num_players: int = 2, swap_rule: bool = False):
        """``board`` may be an environment of any board; then the other arguments count for nothing.

        Raises:
          ValueError: there is no such game; the message says what is allowed.
        """
        super().__init__()
        self.env = board if isinstance(board, Env) else make(board, num_players, swap_rule)

    def _init(self, key: jax.Array) -> State:
        return self._state(self.env.init(), jnp.int32(0))

    def _step(self, state: State, action: jax.Array, key: jax.Array | None) -> State:
        return self._state(self.env.step(state._position, action), state._step_count)

    def _observe(self, state: State, player_id: jax.Array) -> jax.Array:
        # Everything is seen by everybody; the planes are those of the player to move, whoever asks.
        return self.env.observe(state._position)

    def _state(self, position: rules.State, steps: jax.Array) -> State:
        return State(
            current_player=position.current_player,
            observation=jnp.zeros(self.env.observation_shape, jnp.float32),
            rewards=position.rewards,
            terminated=position.terminated,
            truncated=position.truncated,
            legal_action_mask=self.env.legal_action_mask(position),
            _step_count=steps,
            _position=position,
        )

    @property
    def id(self) -> Any:
        return _id(self.env.board)

    @property
    def version(self) -> str:
        return VERSION

    @property
    def num_players(self) -> int:
        return self.env.num_players

    @property
    def num_actions(self) -> int:
        return self.env.num_actions

    @property
    def observation_shape(self) -> tuple[int, ...]:
        return self.env.observation_shape


def _id(board: Any) -> str:
    return f"ringrift_{board.name}_{board.num_players}p"


def _to_dict(state: rules.State) -> dict[str, Any]:
    return {name: leaf for name, leaf in vars(state).items() if name != "board"}


def _from_dict(state: rules.State, values: dict[str, Any]) -> rules.State:
    return state.replace(**values)


# Pgx promises that its states can be written by flax.serialization, which has to know the position in them.
serialization.register_serialization_state(rules.State, _to_dict, _from_dict)
