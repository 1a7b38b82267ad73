"""A tree that keeps the values of all sides, which mctx's does not: for max^n, and for a solver's backup.

In max^n every player maximises its own value (Luckhardt and Irani, 1986), so each node has the values of all and they
are backed up together. A solver's backup (MCTS-Solver: Winands, Björnsson and Saito, 2008) treats what is *proved* as
such: the end of a game; a position whose mover has a decision that is proved to give it the most there is; one all of
whose decisions are proved. It keeps its exact values, and no simulation goes below it.

Decisions are chosen as Gumbel MuZero chooses them, by mctx's own functions, which see a node's values as its mover
does. With two sides whose values are opposites, and no proofs, it is mctx's search.
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
    """A position that has been evaluated, n sides and K slots.

    Attributes:
      logits: ``float32[K]`` prior logits.
      values: ``float32[n]`` of the sides; what they were paid if the game is over.
      mover: ``int32``, the side to decide.
      most: ``float32``, the most that this side can be paid.
      over: ``bool``, the game is over.
      complete: ``bool``, all legal actions have slots.
      embedding: what the tree remembers of it.
    """

    logits: jax.Array
    values: jax.Array
    mover: jax.Array
    most: jax.Array
    over: jax.Array
    complete: jax.Array
    embedding: Any


class Solved(NamedTuple):
    """A tree of N nodes and K slots, and what is known of its nodes for n sides.

    Attributes:
      tree: mctx's, of one position: values of nodes and children are those of the node's mover, rewards are 0 and
        discounts 1.
      values: ``float32[N, n]`` of all sides: means, or exact values of what is proved.
      proved: ``bool[N]``; without proofs all False.
      movers: ``int32[N]``.
      most: ``float32[N]`` the most that the mover can be paid.
      complete: ``bool[N]`` all legal actions have slots.
    """

    tree: Any
    values: jax.Array
    proved: jax.Array
    movers: jax.Array
    most: jax.Array
    complete: jax.Array

    def winning(self, node: jax.Array | int) -> jax.Array:
        """``bool[K]``: decisions of a node that are proved to give its mover the most there is."""
        child = self.tree.children_index[node]
        return (child != UNVISITED) & self.proved[child] & (self.values[child, self.movers[node]] >= self.most[node])


def grow(
    root: Leaf,
    expand: Callable[[Any, jax.Array], Leaf],
    choose_at_root: Callable[[Any], Any],
    choose_below: Callable[[Any, jax.Array], Any],
    simulations: int,
    max_depth: int,
    extra_data: Any,
    proofs: bool,
) -> Solved:
    """A tree of so many simulations.

    Args:
      root: where it starts.
      expand: ``expand(embedding, slot)``, the position after a decision. After the end of a game it is the end again.
      choose_at_root: ``choose_at_root(tree) -> int32`` a slot of the root.
      choose_below: ``choose_below(tree, node) -> int32`` a slot of another node.
      simulations: nodes to add.
      max_depth: longest path in decisions.
      extra_data: kept in the tree, for ``choose_at_root``.
      proofs: whether what is proved is backed up as such.
    """
    start = _plant(root, simulations + 1, extra_data, proofs)

    def simulate(number: jax.Array, now: Solved) -> Solved:
        parent, slot = _descend(now, choose_at_root, choose_below, max_depth)
        known = now.tree.children_index[parent, slot]
        node = jnp.where(known == UNVISITED, number + 1, known)
        leaf = expand(jax.tree.map(lambda leaf: leaf[parent], now.tree.embeddings), slot)
        now = _put(now, node, leaf, proofs)
        tree = now.tree.replace(
            children_index=now.tree.children_index.at[parent, slot].set(node),
            parents=now.tree.parents.at[node].set(parent),
            action_from_parent=now.tree.action_from_parent.at[node].set(slot),
        )
        values = jnp.where(now.proved[node], now.values[node], leaf.values)
        return _back_up(now._replace(tree=tree), node, values, proofs)

    return lax.fori_loop(0, simulations, simulate, start)


def _plant(root: Leaf, nodes: int, extra_data: Any, proofs: bool) -> Solved:
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
    bare = Solved(
        tree=tree,
        values=jnp.zeros((nodes, len(root.values)), jnp.float32),
        proved=each(False, bool),
        movers=each(0, jnp.int32),
        most=each(0),
        complete=each(False, bool),
    )
    return _put(bare, jnp.int32(ROOT), root, proofs)


def _put(now: Solved, node: jax.Array, leaf: Leaf, proofs: bool) -> Solved:
    """With what is known of a node, and one more visit to it. One that was there before keeps its mean, or its exact
    values."""
    tree, visits = now.tree, now.tree.node_visits[node]
    means = (now.values[node] * visits + leaf.values) / (visits + 1)
    values = jnp.where(now.proved[node], now.values[node], means)
    tree = tree.replace(
        node_visits=tree.node_visits.at[node].set(visits + 1),
        raw_values=tree.raw_values.at[node].set(leaf.values[leaf.mover]),
        node_values=tree.node_values.at[node].set(values[leaf.mover]),
        children_prior_logits=tree.children_prior_logits.at[node].set(leaf.logits),
        embeddings=jax.tree.map(lambda old, new: old.at[node].set(new), tree.embeddings, leaf.embedding),
    )
    return Solved(
        tree=tree,
        values=now.values.at[node].set(values),
        proved=now.proved.at[node].max(leaf.over) if proofs else now.proved,
        movers=now.movers.at[node].set(leaf.mover),
        most=now.most.at[node].set(leaf.most),
        complete=now.complete.at[node].set(leaf.complete),
    )


def _descend(now: Solved, choose_at_root: Callable, choose_below: Callable, max_depth: int) -> tuple:
    """The node and the slot in which a simulation leaves the tree, comes to what is proved, or reaches the depth."""
    tree = now.tree

    def step(carry: tuple) -> tuple:
        _, _, node, depth = carry
        slot = lax.cond(node == ROOT, lambda: choose_at_root(tree), lambda: choose_below(tree, node))
        return node, slot, tree.children_index[node, slot], depth + 1

    def goes_on(carry: tuple) -> jax.Array:
        _, _, node, depth = carry
        return (depth == 0) | ((node != UNVISITED) & ~now.proved[node] & (depth < max_depth))

    zero = jnp.int32(0)
    node, slot, _, _ = lax.while_loop(goes_on, step, (zero, zero, jnp.int32(ROOT), zero))
    return node, slot


def _back_up(now: Solved, node: jax.Array, values: jax.Array, proofs: bool) -> Solved:
    """Adds the values of a leaf to all nodes above it, and proves those that they prove."""

    def up(carry: tuple[Solved, jax.Array, jax.Array]) -> tuple[Solved, jax.Array, jax.Array]:
        now, node, values = carry
        tree, parent, slot = now.tree, now.tree.parents[node], now.tree.action_from_parent[node]
        mover, visits = now.movers[parent], now.tree.node_visits[parent]
        proved, mean = now.proved, (now.values[parent] * visits + values) / (visits + 1)
        if proofs:
            known, exact = _prove(now, parent)
            values, mean = jnp.where(known, exact, values), jnp.where(known, exact, mean)
            proved = proved.at[parent].set(known)
        tree = tree.replace(
            node_visits=tree.node_visits.at[parent].set(visits + 1),
            node_values=tree.node_values.at[parent].set(mean[mover]),
            children_values=tree.children_values.at[parent, slot].set(now.values[node, mover]),
            children_visits=tree.children_visits.at[parent, slot].add(1),
        )
        return now._replace(tree=tree, values=now.values.at[parent].set(mean), proved=proved), parent, values

    return lax.while_loop(lambda carry: carry[1] != ROOT, up, (now, node, values))[0]


def _prove(now: Solved, node: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Whether a node's children prove it, and its exact values ``float32[n]`` if they do: those of the best one."""
    child = now.tree.children_index[node]
    known = (child != UNVISITED) & now.proved[child]
    empty = now.tree.children_prior_logits[node] == jnp.finfo(jnp.float32).min
    best = child[jnp.argmax(jnp.where(known, now.values[child, now.movers[node]], -jnp.inf))]
    return now.winning(node).any() | (now.complete[node] & (known | empty).all()), now.values[best]
