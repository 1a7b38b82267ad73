"""Players behind one small interface: a batch of positions and a key per game in, an action per game out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from ..devices import spread
from ..env import Env, random_action, sample_mask
from ..game import Game
from ..numerics import in_32_bits
from ..search.config import SearchConfig
from ..search.evaluation import Evaluate, evaluate_observations
from ..search.network import NetworkConfig, make_network
from ..search.ply import no_memory, search_on
from ..search.winning_turn import usual_nodes, winning_turn
from . import heuristic

Agent = Callable[[Any, jax.Array], jax.Array]
"""``agent(states [B], keys [B]) -> int32[B]``, an action of every running game. The keys are consumed."""


@dataclass(frozen=True)
class Planner:
    """An agent that keeps to what it planned at the start of a turn, if its games remember that for it.

    Attributes:
      act: ``act(states [B], keys [B], memory [B]) -> int32[B], memory``.
      remember: the memory at the start of so many games.
    """

    act: Callable[[Any, jax.Array, Any], tuple[jax.Array, Any]]
    remember: Callable[[int], Any]

    def __call__(self, states: Any, keys: jax.Array) -> jax.Array:
        return self.act(states, keys, self.remember(len(keys)))[0]


def as_planner(agent: Agent) -> Planner:
    """The agent itself, or as one that remembers nothing."""
    if isinstance(agent, Planner):
        return agent
    return Planner(lambda states, keys, memory: (agent(states, keys), memory), lambda batch: ())


def make_evaluate(env: Game, config: NetworkConfig) -> Evaluate:
    """What evaluates positions with a network of this size, given its parameters."""
    return cast(Evaluate, make_network(env, config).apply)


def random_agent(env: Game) -> Agent:
    """Uniform over the legal actions."""

    def act(states, keys):
        return jax.vmap(lambda state, key: random_action(env, state, key))(states, keys)

    return act


def heuristic_agent(env: Env, weights: heuristic.Weights, mesh: Mesh | None = None) -> Agent:
    """The decision of the highest heuristic value; equal ones are equally likely. ``mesh``: devices to spread games
    over."""

    @in_32_bits
    def act(weights, states, keys):
        actions, values = heuristic.decision_values(env, states, weights)
        best = (values == values.max(axis=-1, keepdims=True)) & (actions >= 0)
        choice = jax.vmap(sample_mask)(best, keys)
        return jnp.take_along_axis(actions, choice[:, None], axis=-1)[:, 0]

    return partial(spread(act, mesh), weights)


def network_agent(env: Game, evaluate: Evaluate, params, mesh: Mesh | None = None) -> Agent:
    """The network without search: the legal action of the highest logit. ``mesh``: devices to spread games over.

    The agent raises ValueError when the network returns other shapes than it must.
    """

    @in_32_bits
    def act(params, states):
        logits = evaluate_observations(env, evaluate, params, jax.vmap(env.observe)(states)).logits
        masks = jax.vmap(env.legal_action_mask)(states)
        return jnp.argmax(jnp.where(masks, logits, -jnp.inf), axis=-1).astype(jnp.int32)

    return lambda states, keys: spread(act, mesh)(params, states)


def search_agent(env: Game, evaluate: Evaluate, params, config: SearchConfig, mesh: Mesh | None = None) -> Agent:
    """The network with search, without noise at the root. ``mesh``: devices to spread games over.

    The agent raises ValueError when the network returns other shapes than it must.
    """
    config = replace(config, gumbel_scale=0.0)

    def act(params, states, keys, memory):
        found, memory = search_on(env, evaluate, params, states, keys, config, memory)
        return found.action, memory

    return Planner(partial(spread(act, mesh), params), partial(no_memory, config))


def tactician(env: Env, agent: Agent, nodes: int | None = None, mesh: Mesh | None = None) -> Agent:
    """The agent, but it takes every win of its own turn that a search of so many decisions finds, by default of
    :func:`~ringrift_jax.search.winning_turn.usual_nodes`. ``mesh``: devices to spread games over."""
    nodes = nodes or usual_nodes(env)
    find = spread(lambda _, states: winning_turn(env, states, nodes), mesh)

    def act(states, keys):
        wins = find((), states)
        return jnp.where(wins.found, wins.action, agent(states, keys))

    return act
