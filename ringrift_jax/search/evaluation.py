"""What a network says of positions, checked wherever one is asked."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..game import Game

Evaluate = Callable[[Any, jax.Array], tuple[jax.Array, jax.Array]]
"""``(params, observations float32[N, ...]) -> (logits float32[N, num_actions], values float32[N, n])``: logits of all
actions, legal or not, and the expected reward, in [-1, 1], of the i-th seat counted from the mover's."""


def evaluate_observations(
    game: Game, evaluate: Evaluate, params: Any, observations: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Logits ``float32[N, num_actions]`` and values ``float32[N, n]`` of N positions.

    Args:
      game: the game.
      evaluate: the network.
      params: passed on to it.
      observations: ``float32[N, *observation_shape]``.

    Raises:
      ValueError: the network returns other shapes or no floats; when it is traced, hence before anything is computed.
    """
    found = evaluate(params, observations)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ValueError(f"the network returned {_describe(found)}; it must return the pair (logits, values)")
    rows = len(observations)
    for name, got, width, unit in zip(
        ("logits", "values"), found, (game.num_actions, game.num_players), ("actions", "seats"), strict=True
    ):
        if jnp.shape(got) != (rows, width) or not jnp.issubdtype(jnp.result_type(got), jnp.floating):
            raise ValueError(
                f"the network returned {name} {_describe(got)}; they must be float32[{rows}, {width}], "
                f"for {rows} positions and {width} {unit}"
            )
    logits, values = found
    return jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32)


def _describe(found: Any) -> str:
    """Dtype and shape of an array, else its type."""
    if not hasattr(found, "shape"):
        return f"a {type(found).__name__}" + (f" of {len(found)}" if isinstance(found, tuple | list) else "")
    return f"{found.dtype}{list(found.shape)}"
