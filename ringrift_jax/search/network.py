"""A residual network over feature planes, with a logit per action and two values per seat: the expected reward, and the
same for who knows that the mover does not win in this turn.

Whole turns are judged where they end once the next player's win is ruled out, and there the first kind of value is
mostly about whether there is one.

There is no normalisation layer, hence no mutable state: every residual branch ends in a convolution that starts at
zero, so that a network of any depth starts as its first layer. Each block also adds what it pools over the whole board
to every cell, because the thresholds of the game count over the whole board.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from ..boards import Offset
from ..game import Game
from ..settings import Count, CountOrZero, check
from .convolution import same_convolution
from .evaluation import Evaluation
from .landing import by_action

VALUE_LAYERS = ("value", "barren_value")
"""The last layers of the values and of the barren values."""
LANDING_LAYERS = ("policy_begin", "policy_land")
"""The layers of a cell's features where a move begins and where it lands, which not all networks have."""

_Conv = partial(nn.Conv, conv_general_dilated=same_convolution)


@dataclass(frozen=True)
class NetworkConfig:
    """Size of a network; hashable, static under jit.

    Attributes:
      channels: features of a cell in the trunk.
      blocks: residual blocks of two 3x3 convolutions each.
      dtype: what the network computes in. Parameters and outputs are float32 always.
      landing_features: features of a cell by whose scalar product the logit of a move sees where it lands, too
        (:mod:`.landing`); 0 for logits of the cell where it begins alone, which is all that networks had once.
    """

    channels: Count = 32
    blocks: Count = 4
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    landing_features: CountOrZero = 0

    def __post_init__(self) -> None:
        check(self)


class PolicyValueNetwork(nn.Module):
    """Maps observations to logits and values; made by :func:`make_network`.

    Attributes:
      num_actions: actions, in the order (plane, cell), then those without a cell.
      num_players: n.
      plane_offsets: by how many rows and columns the actions of each plane move; (0, 0) if not at all.
      config: size and dtype.
    """

    num_actions: int
    num_players: int
    plane_offsets: tuple[Offset, ...]
    config: NetworkConfig

    @nn.compact
    def __call__(self, observations: jax.Array) -> Evaluation:
        """Evaluates positions.

        Args:
          observations: ``float32[B, S, S, F]``; the last feature is 1 on the board and 0 off it.

        Returns:
          Logits and both values of ``B`` positions. Two players' values sum to 0.
        """
        config, dtype = self.config, jnp.dtype(self.config.dtype)
        batch, rows, cols, _ = observations.shape
        num_planes, num_rest = divmod(self.num_actions, rows * cols)
        x = observations.astype(dtype)
        board = x[..., -1:]
        share = board.mean((1, 2))
        x = _Conv(config.channels, (3, 3), dtype=dtype, name="stem")(x) * board
        for i in range(config.blocks):
            x = _Block(config.channels, dtype, name=f"block_{i}")(x, board, share)
        x = nn.relu(x)
        pooled = _pool(x, share)

        small = nn.initializers.variance_scaling(0.01, "fan_in", "truncated_normal")
        planes = _Conv(num_planes, (1, 1), dtype=dtype, kernel_init=small, name="policy_planes")(x)
        wide = nn.Dense(num_planes + num_rest, dtype=dtype, kernel_init=small, name="policy_pooled")(pooled)
        planes = jnp.moveaxis(planes, -1, 1) + wide[:, :num_planes, None, None]
        planes = planes.reshape(batch, num_planes, rows * cols)
        if config.landing_features and any(map(any, self.plane_offsets)):
            cells = x.reshape(batch, rows * cols, -1)
            features = partial(nn.Dense, config.landing_features, dtype=dtype)
            to_begin, to_land = LANDING_LAYERS
            begin = features(name=to_begin)(cells)
            # 0 at first, so that what has learned without them plays as before.
            land = features(name=to_land, kernel_init=nn.initializers.zeros)(cells)
            planes += by_action(begin @ land.swapaxes(1, 2), cols, self.plane_offsets)
        logits = jnp.concatenate([planes.reshape(batch, -1), wide[:, num_planes:]], axis=-1)

        hidden = nn.relu(nn.Dense(2 * config.channels, dtype=dtype, name="value_hidden")(pooled)).astype(jnp.float32)
        outputs = 1 if self.num_players == 2 else self.num_players

        def values(name: str) -> jax.Array:
            found = jnp.tanh(nn.Dense(outputs, kernel_init=small, name=name)(hidden))
            return jnp.concatenate([found, -found], axis=-1) if outputs == 1 else found

        return Evaluation(logits.astype(jnp.float32), *map(values, VALUE_LAYERS))


class _Block(nn.Module):
    """``x + conv(relu(conv(relu(x)) + what the first convolution pools))``, nothing off the board."""

    channels: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, board: jax.Array, share: jax.Array) -> jax.Array:
        y = _Conv(self.channels, (3, 3), dtype=self.dtype, name="first")(nn.relu(x)) * board
        pooled = nn.Dense(self.channels, dtype=self.dtype, name="pooled")(_pool(nn.relu(y), share))
        y = nn.relu(y + pooled[:, None, None, :]) * board
        y = _Conv(self.channels, (3, 3), dtype=self.dtype, kernel_init=nn.initializers.zeros, name="second")(y)
        return x + y * board


def _pool(x: jax.Array, share: jax.Array) -> jax.Array:
    """Mean and maximum over the board, ``[B, 2 * channels]``. ``x`` is at least 0, and 0 off the board; ``share``: the
    fraction ``[B, 1]`` of the array that is board."""
    mean, maximum = jax.lax.platform_dependent(x.mean((1, 2)), _maximum(x), cpu=_apart, default=_in_one_pass)
    return jnp.concatenate([mean / share, maximum], axis=-1)


def _apart(*values: jax.Array) -> tuple[jax.Array, ...]:
    return values


def _in_one_pass(*values: jax.Array) -> tuple[jax.Array, ...]:
    """A GPU otherwise computes a mean with what is made of it, and reads the features a second time for the maximum."""
    return jax.lax.optimization_barrier(values)


@jax.custom_vjp
def _maximum(x: jax.Array) -> jax.Array:
    """``[B, C]`` of ``[B, S, S, C]``. Equal cells share its gradient, as with JAX's own maximum, which counts them in
    floats: on a CPU that takes about a tenth of a gradient on square8 (docs/performance.md)."""
    return x.max((1, 2))


def _maximum_forward(x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    largest = _maximum(x)
    return largest, (x, largest)


def _maximum_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array]:
    x, largest = saved
    here = x == largest[:, None, None]
    share = gradient / here.sum((1, 2), dtype=jnp.int32).astype(gradient.dtype)
    return (jnp.where(here, share[:, None, None], 0).astype(x.dtype),)


_maximum.defvjp(_maximum_forward, _maximum_backward)


def make_network(env: Game, config: NetworkConfig) -> PolicyValueNetwork:
    """The network of an environment: ``init(key, observations)`` and ``apply(params, observations)``."""
    return PolicyValueNetwork(env.num_actions, env.num_players, env.plane_offsets, config)


def as_computed(params: Any, config: NetworkConfig) -> Any:
    """The parameters for many evaluations: those rounded that the network would round at each of them.

    The values' last layer computes in float32, whatever the dtype.
    """

    def rounded(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        exact = any(getattr(key, "key", None) in VALUE_LAYERS for key in path)
        return leaf if exact else leaf.astype(config.dtype)

    return jax.tree.map_with_path(rounded, params)


def count_parameters(params: Any) -> int:
    """Numbers in a tree of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
