"""Max^n search: in a game of three or four every player maximises its own value (Luckhardt and Irani, 1986).

The tree has the values of all players in each node and backs them up together. Decisions are chosen as Gumbel MuZero
chooses them, by mctx's own functions, which see a node's values as its mover does. mctx backs up one number, so the
simulations are here. With two players, whose values are each other's opposites, it is the search of :mod:`.tree`.
"""

# pyright: reportCallIssue=false
# (it cannot see the fields of mctx's chex dataclasses)

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx
from jax import lax

ROOT, UNVISITED = mctx.Tree.ROOT_INDEX, mctx.Tree.UNVISITED


class Leaf(NamedTuple):
    """A position that has been evaluated, n players and K slots.

    Attributes:
      logits: ``float32[K]`` prior logits.
      values: ``float32[n]`` of the players; what they were paid if the game is over.
      mover: ``int32``, the player to decide.
      embedding: what the tree remembers of it.
    """

    logits: jax.Array
    values: jax.Array
    mover: jax.Array
    embedding: Any


class _Tree(NamedTuple):
    """``tree`` is mctx's, of one position: values of nodes and children are those of the node's mover, rewards are 0
    and discounts 1. ``values``: ``float32[N, n]`` means of the players; ``movers``: ``int32[N]``."""

    tree: Any
    values: jax.Array
    movers: jax.Array


def grow(
    root: Leaf,
    expand: Callable[[Any, jax.Array], Leaf],
    choose_at_root: Callable[[Any], Any],
    choose_below: Callable[[Any, jax.Array], Any],
    simulations: int,
    max_depth: int,
    extra_data: Any,
) -> tuple[Any, jax.Array]:
    """A tree of so many simulations.

    Args:
      root: where it starts.
      expand: ``expand(embedding, slot)``, the position after a decision. After the end of a game it is the end again.
      choose_at_root: ``choose_at_root(tree) -> int32`` a slot of the root.
      choose_below: ``choose_below(tree, node) -> int32`` a slot of another node.
      simulations: nodes to add.
      max_depth: longest path in decisions.
      extra_data: kept in the tree, for ``choose_at_root``.

    Returns:
      mctx's tree without batch axis, and ``float32[N, n]`` the values of all players in its nodes.
    """
    start = _plant(root, simulations + 1, extra_data)

    def simulate(number: jax.Array, now: _Tree) -> _Tree:
        parent, slot = _descend(now.tree, choose_at_root, choose_below, max_depth)
        known = now.tree.children_index[parent, slot]
        node = jnp.where(known == UNVISITED, number + 1, known)
        leaf = expand(jax.tree.map(lambda leaf: leaf[parent], now.tree.embeddings), slot)
        now = _put(now, node, leaf)
        tree = now.tree.replace(
            children_index=now.tree.children_index.at[parent, slot].set(node),
            parents=now.tree.parents.at[node].set(parent),
            action_from_parent=now.tree.action_from_parent.at[node].set(slot),
        )
        return _back_up(now._replace(tree=tree), node, leaf.values)

    end = lax.fori_loop(0, simulations, simulate, start)
    return end.tree, end.values


def _plant(root: Leaf, nodes: int, extra_data: Any) -> _Tree:
    slots = len(root.logits)

    def each(value: float, dtype: Any = jnp.float32) -> jax.Array:
        return jnp.full(nodes, value, dtype)

    def edge(value: float, dtype: Any = jnp.float32) -> jax.Array:
        return jnp.full((nodes, slots), value, dtype)

    tree = mctx.Tree(
        node_visits=each(0, jnp.int32),
        raw_values=each(0),
        node_values=each(0),
        parents=each(mctx.Tree.NO_PARENT, jnp.int32),
        action_from_parent=each(mctx.Tree.NO_PARENT, jnp.int32),
        children_index=edge(UNVISITED, jnp.int32),
        children_prior_logits=edge(0),
        children_visits=edge(0, jnp.int32),
        children_rewards=edge(0),
        children_discounts=edge(1),
        children_values=edge(0),
        embeddings=jax.tree.map(lambda leaf: jnp.zeros((nodes, *jnp.shape(leaf)), leaf.dtype), root.embedding),
        root_invalid_actions=root.logits == jnp.finfo(jnp.float32).min,
        extra_data=extra_data,
    )
    return _put(
        _Tree(tree, jnp.zeros((nodes, len(root.values)), jnp.float32), each(0, jnp.int32)), jnp.int32(ROOT), root
    )


def _put(now: _Tree, node: jax.Array, leaf: Leaf) -> _Tree:
    """With what is known of a node, and one more visit to it. One that was there before keeps its mean."""
    tree, visits = now.tree, now.tree.node_visits[node]
    values = (now.values[node] * visits + leaf.values) / (visits + 1)
    tree = tree.replace(
        node_visits=tree.node_visits.at[node].set(visits + 1),
        raw_values=tree.raw_values.at[node].set(leaf.values[leaf.mover]),
        node_values=tree.node_values.at[node].set(values[leaf.mover]),
        children_prior_logits=tree.children_prior_logits.at[node].set(leaf.logits),
        embeddings=jax.tree.map(lambda old, new: old.at[node].set(new), tree.embeddings, leaf.embedding),
    )
    return _Tree(tree, now.values.at[node].set(values), now.movers.at[node].set(leaf.mover))


def _descend(
    tree: Any, choose_at_root: Callable, choose_below: Callable, max_depth: int
) -> tuple[jax.Array, jax.Array]:
    """The node and the slot in which a simulation leaves the tree, or reaches the depth."""

    def step(carry: tuple) -> tuple:
        _, _, node, depth = carry
        slot = lax.cond(node == ROOT, lambda: choose_at_root(tree), lambda: choose_below(tree, node))
        return node, slot, tree.children_index[node, slot], depth + 1

    def goes_on(carry: tuple) -> jax.Array:
        _, _, node, depth = carry
        return (node != UNVISITED) & (depth < max_depth)

    zero = jnp.int32(0)
    node, slot, _, _ = lax.while_loop(goes_on, step, (zero, zero, jnp.int32(ROOT), zero))
    return node, slot


def _back_up(now: _Tree, node: jax.Array, values: jax.Array) -> _Tree:
    """Adds the values of a leaf to all nodes above it."""

    def up(carry: tuple[_Tree, jax.Array]) -> tuple[_Tree, jax.Array]:
        now, node = carry
        tree, parent, slot = now.tree, now.tree.parents[node], now.tree.action_from_parent[node]
        mover, visits = now.movers[parent], now.tree.node_visits[parent]
        mean = (now.values[parent] * visits + values) / (visits + 1)
        tree = tree.replace(
            node_visits=tree.node_visits.at[parent].set(visits + 1),
            node_values=tree.node_values.at[parent].set(mean[mover]),
            children_values=tree.children_values.at[parent, slot].set(now.values[node, mover]),
            children_visits=tree.children_visits.at[parent, slot].add(1),
        )
        return _Tree(tree, now.values.at[parent].set(mean), now.movers), parent

    return lax.while_loop(lambda carry: carry[1] != ROOT, up, (now, node))[0]
