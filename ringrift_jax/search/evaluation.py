"""What a network says of positions, checked wherever one is asked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..game import Game


class Evaluation(NamedTuple):
    """What a network says of N positions; n = number of players.

    Attributes:
      logits: ``float32[N, num_actions]`` of all actions, legal or not.
      values: ``float32[N, n]`` the expected reward, in [-1, 1], of the i-th seat counted from the mover's.
      barren_values: ``float32[N, n]`` the same where it is known that the mover does not win in this turn; None of a
        network that does not tell the two apart.
    """

    logits: jax.Array
    values: jax.Array
    barren_values: jax.Array | None = None

    @property
    def in_barren_turn(self) -> jax.Array:
        """``float32[N, n]``: the best there is of the values where the mover does not win in this turn."""
        return self.values if self.barren_values is None else self.barren_values


Evaluate = Callable[[Any, jax.Array], tuple[jax.Array, ...]]
"""``(params, observations float32[N, ...]) -> (logits, values)`` or ``(logits, values, barren_values)``, see
:class:`Evaluation`."""


def evaluate_observations(game: Game, evaluate: Evaluate, params: Any, observations: jax.Array) -> Evaluation:
    """The evaluation of N positions.

    Args:
      game: the game.
      evaluate: the network.
      params: passed on to it.
      observations: ``float32[N, *observation_shape]``.

    Raises:
      ValueError: the network returns other shapes or no floats; when it is traced, hence before anything is computed.
    """
    found = evaluate(params, observations)
    if not isinstance(found, tuple | list) or len(found) not in (2, 3):
        raise ValueError(
            f"the network returned {_describe(found)}; it must return (logits, values) or "
            "(logits, values, barren_values)"
        )
    rows = len(observations)
    for name, got in zip(Evaluation._fields, found, strict=False):
        width, unit = (game.num_actions, "actions") if name == "logits" else (game.num_players, "seats")
        if jnp.shape(got) != (rows, width) or not jnp.issubdtype(jnp.result_type(got), jnp.floating):
            raise ValueError(
                f"the network returned {name} {_describe(got)}; they must be float32[{rows}, {width}], "
                f"for {rows} positions and {width} {unit}"
            )
    return Evaluation(*(jnp.asarray(got, jnp.float32) for got in found))


def _describe(found: Any) -> str:
    """Dtype and shape of an array, else its type."""
    if not hasattr(found, "shape"):
        return f"a {type(found).__name__}" + (f" of {len(found)}" if isinstance(found, tuple | list) else "")
    return f"{found.dtype}{list(found.shape)}"
