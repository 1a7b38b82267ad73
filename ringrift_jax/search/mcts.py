"""Monte Carlo tree search of one position that keeps the values of all sides.

Decisions are chosen as Gumbel MuZero chooses them, by mctx's own functions, which see a node's values as its mover
does. With two sides whose values are opposites it is mctx's search; with more it is max^n, in which every player
maximises its own value (Luckhardt and Irani, 1986), so that the values of all are backed up together. mctx's own search
has one value for each node, and backs it up by copying the whole tree at every level of a batch.

A solver's backup (MCTS-Solver: Winands, Björnsson and Saito, 2008) treats what is *proved* as such: the end of a game;
a position whose mover has a decision that is proved to give it the most there is; one all of whose decisions are
proved. It keeps its exact values, and no simulation goes below it.
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
        path = _descend(now, choose_at_root, choose_below, min(max_depth, simulations))
        parent, slot = path.parents[path.depth - 1], path.slots[path.depth - 1]
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
        return _back_up(now._replace(tree=tree), path, node, values, proofs)

    return lax.fori_loop(0, simulations, simulate, start)


class _Path(NamedTuple):
    """Where a simulation goes: ``int32[D]`` nodes, the root first, and the slots chosen in them, of which there are
    ``depth``. Behind them is a node that no tree has."""

    parents: jax.Array
    slots: jax.Array
    depth: jax.Array


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


def _descend(now: Solved, choose_at_root: Callable, choose_below: Callable, max_depth: int) -> _Path:
    """The way on which a simulation leaves the tree, comes to what is proved, or reaches the depth."""
    tree, level = now.tree, jnp.arange(max_depth)

    def add(path: _Path, node: jax.Array | int, slot: jax.Array) -> _Path:
        here = level == path.depth
        return _Path(jnp.where(here, node, path.parents), jnp.where(here, slot, path.slots), path.depth + 1)

    def step(carry: tuple[_Path, jax.Array]) -> tuple[_Path, jax.Array]:
        path, node = carry
        slot = choose_below(tree, node)
        return add(path, node, slot), tree.children_index[node, slot]

    def goes_on(carry: tuple[_Path, jax.Array]) -> jax.Array:
        path, node = carry
        return (node != UNVISITED) & ~now.proved[node] & (path.depth < max_depth)

    nowhere = jnp.full(max_depth, len(tree.node_visits), jnp.int32)
    slot = choose_at_root(tree)
    start = add(_Path(nowhere, jnp.zeros_like(nowhere), jnp.int32(0)), ROOT, slot), tree.children_index[ROOT, slot]
    return lax.while_loop(goes_on, step, start)[0]


def _back_up(now: Solved, path: _Path, node: jax.Array, found: jax.Array, proofs: bool) -> Solved:
    """Adds what was ``found`` in a leaf, ``float32[n]``, to all nodes above it, and proves those that it proves."""
    tree, parents = now.tree, path.parents
    visits = tree.node_visits.at[parents].get(mode="clip")
    if proofs:
        values, proved = _prove_upwards(now, path, found)
    else:
        old = now.values.at[parents].get(mode="clip")
        means = (old * visits[:, None] + found) / (visits[:, None] + 1)
        values, proved = now.values.at[parents].set(means, mode="drop"), now.proved
    children = jnp.where(jnp.arange(len(parents)) == path.depth - 1, node, jnp.roll(parents, -1))
    mover = now.movers.at[parents].get(mode="clip")
    edges = parents, path.slots
    tree = tree.replace(
        node_visits=tree.node_visits.at[parents].set(visits + 1, mode="drop"),
        node_values=tree.node_values.at[parents].set(values.at[parents, mover].get(mode="clip"), mode="drop"),
        children_values=tree.children_values.at[edges].set(values.at[children, mover].get(mode="clip"), mode="drop"),
        children_visits=tree.children_visits.at[edges].add(1, mode="drop"),
    )
    return now._replace(tree=tree, values=values, proved=proved)


def _prove_upwards(now: Solved, path: _Path, found: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The values of all nodes, and which are proved, after what was found in a leaf: the leaf's parent first."""

    def up(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        level, values, proved, found = carry
        node = path.parents[level]
        visits = now.tree.node_visits[node]
        known, exact = _prove(now._replace(values=values, proved=proved), node)
        found = jnp.where(known, exact, found)
        mean = jnp.where(known, exact, (values[node] * visits + found) / (visits + 1))
        return level - 1, values.at[node].set(mean), proved.at[node].set(known), found

    start = path.depth - 1, now.values, now.proved, found
    _, values, proved, _ = lax.while_loop(lambda carry: carry[0] >= 0, up, start)
    return values, proved


def _prove(now: Solved, node: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Whether a node's children prove it, and its exact values ``float32[n]`` if they do: those of the best one."""
    child = now.tree.children_index[node]
    known = (child != UNVISITED) & now.proved[child]
    empty = now.tree.children_prior_logits[node] == jnp.finfo(jnp.float32).min
    best = child[jnp.argmax(jnp.where(known, now.values[child, now.movers[node]], -jnp.inf))]
    return now.winning(node).any() | (now.complete[node] & (known | empty).all()), now.values[best]
