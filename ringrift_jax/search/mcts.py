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

from ..pytrees import packing

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


class Grown(NamedTuple):
    """A tree of one position with N nodes and K slots, and what is known of its nodes for n sides.

    Attributes:
      visits: ``int32[N]``; 0 for nodes never made.
      values: ``float32[N, n]`` of all sides: means, or exact values of what is proved.
      raw_values: ``float32[N]`` what the evaluation said for the mover.
      movers: ``int32[N]``.
      most: ``float32[N]`` the most that the mover can be paid.
      complete: ``bool[N]`` all legal actions have slots.
      proved: ``bool[N]``; without proofs all False.
      logits: ``float32[N, K]``.
      children: ``int32[N, K]`` nodes, ``UNVISITED`` where there is none.
      children_visits: ``int32[N, K]``.
      children_values: ``float32[N, K]`` for the mover of the node.
      embeddings: ``[N]`` what is remembered of the nodes.
    """

    visits: jax.Array
    values: jax.Array
    raw_values: jax.Array
    movers: jax.Array
    most: jax.Array
    complete: jax.Array
    proved: jax.Array
    logits: jax.Array
    children: jax.Array
    children_visits: jax.Array
    children_values: jax.Array
    embeddings: Any

    def winning(self, node: jax.Array | int) -> jax.Array:
        """``bool[K]``: decisions of a node that are proved to give its mover the most there is."""
        child = self.children[node]
        return (child != UNVISITED) & self.proved[child] & (self.values[child, self.movers[node]] >= self.most[node])

    def tree(self, extra_data: Any) -> Any:
        """``mctx.Tree`` of one position: values of nodes and children are those of the node's mover, rewards are 0 and
        discounts 1."""
        nodes, slots = self.logits.shape
        node, slot = jnp.divmod(jnp.arange(nodes * slots, dtype=jnp.int32), slots)
        child = jnp.where(self.children == UNVISITED, nodes, self.children).reshape(-1)
        nowhere = jnp.full(nodes, mctx.Tree.NO_PARENT, jnp.int32)
        return mctx.Tree(
            node_visits=self.visits,
            raw_values=self.raw_values,
            node_values=jnp.take_along_axis(self.values, self.movers[:, None], axis=1)[:, 0],
            parents=nowhere.at[child].set(node, mode="drop"),
            action_from_parent=nowhere.at[child].set(slot, mode="drop"),
            children_index=self.children,
            children_prior_logits=self.logits,
            children_visits=self.children_visits,
            children_rewards=jnp.zeros_like(self.logits),
            children_discounts=jnp.ones_like(self.logits),
            children_values=self.children_values,
            embeddings=self.embeddings,
            root_invalid_actions=self.logits[ROOT] == jnp.finfo(jnp.float32).min,
            extra_data=extra_data,
        )


def grow(
    root: Leaf,
    expand: Callable[[Any, jax.Array], Leaf],
    choose_at_root: Callable[[Grown], Any],
    choose_below: Callable[[Grown, jax.Array], Any],
    simulations: int,
    max_depth: int,
    proofs: bool,
) -> Grown:
    """A tree of so many simulations.

    Args:
      root: where it starts.
      expand: ``expand(embedding, slot)``, the position after a decision. After the end of a game it is the end again.
      choose_at_root: ``choose_at_root(tree) -> int32`` a slot of the root.
      choose_below: ``choose_below(tree, node) -> int32`` a slot of another node.
      simulations: nodes to add.
      max_depth: longest path in decisions.
      proofs: whether what is proved is backed up as such.
    """
    # Few arrays in place of many: each is written by a kernel of its own.
    pack, unpack = packing(root.embedding)
    start = _plant(root._replace(embedding=pack(root.embedding)), simulations + 1, proofs)
    depth = min(max_depth, simulations)
    simulate = _simulation(pack, unpack, expand, choose_at_root, choose_below, depth, proofs)
    grown = lax.fori_loop(0, simulations, simulate, start)
    return grown._replace(embeddings=jax.vmap(unpack)(grown.embeddings))


def plant(root: Leaf, nodes: int, proofs: bool) -> Grown:
    """A tree that has its root alone, and room for so many nodes; :func:`grow_on` lets it grow."""
    pack, unpack = packing(root.embedding)
    planted = _plant(root._replace(embedding=pack(root.embedding)), nodes, proofs)
    return planted._replace(embeddings=jax.vmap(unpack)(planted.embeddings))


def grow_on(
    grown: Grown,
    first: jax.Array | int,
    last: jax.Array | int,
    expand: Callable[[Any, jax.Array], Leaf],
    choose_at_root: Callable[[Grown], Any],
    choose_below: Callable[[Grown, jax.Array], Any],
    max_depth: int,
    proofs: bool,
) -> Grown:
    """A tree with the simulations from ``first`` to before ``last`` more, where ``first`` are done and the tree has
    room for ``last`` nodes below its root. The rest is as in :func:`grow`."""
    pack, unpack = packing(jax.tree.map(lambda rows: rows[0], grown.embeddings))
    simulate = _simulation(pack, unpack, expand, choose_at_root, choose_below, max_depth, proofs)
    packed = grown._replace(embeddings=jax.vmap(pack)(grown.embeddings))
    grown = lax.fori_loop(first, last, simulate, packed)
    return grown._replace(embeddings=jax.vmap(unpack)(grown.embeddings))


def _simulation(
    pack: Callable,
    unpack: Callable,
    expand: Callable,
    choose_at_root: Callable,
    choose_below: Callable,
    max_depth: int,
    proofs: bool,
) -> Callable[[jax.Array, Grown], Grown]:
    """``simulate(number, tree)``, with the simulation of this number, from 0, in a tree with packed embeddings."""

    def simulate(number: jax.Array, now: Grown) -> Grown:
        path = _descend(now, choose_at_root, choose_below, max_depth, proofs)
        parent, slot = path.parents[path.depth - 1], path.slots[path.depth - 1]
        known = now.children[parent, slot]
        node = jnp.where(known == UNVISITED, number + 1, known)
        leaf = expand(unpack({dtype: rows[parent] for dtype, rows in now.embeddings.items()}), slot)
        now = _put(now, node, leaf._replace(embedding=pack(leaf.embedding)), proofs)
        now = now._replace(children=now.children.at[parent, slot].set(node))
        found = jnp.where(now.proved[node], now.values[node], leaf.values) if proofs else leaf.values
        return _back_up(now, path, node, found, proofs)

    return simulate


class _Path(NamedTuple):
    """Where a simulation goes: ``int32[D]`` nodes, the root first, and the slots chosen in them, of which there are
    ``depth``. Behind them is a node that no tree has."""

    parents: jax.Array
    slots: jax.Array
    depth: jax.Array


def _plant(root: Leaf, nodes: int, proofs: bool) -> Grown:
    slots = len(root.logits)
    bare = Grown(
        visits=jnp.zeros(nodes, jnp.int32),
        values=jnp.zeros((nodes, len(root.values)), jnp.float32),
        raw_values=jnp.zeros(nodes, jnp.float32),
        movers=jnp.zeros(nodes, jnp.int32),
        most=jnp.zeros(nodes, jnp.float32),
        complete=jnp.zeros(nodes, bool),
        proved=jnp.zeros(nodes, bool),
        logits=jnp.zeros((nodes, slots), jnp.float32),
        children=jnp.full((nodes, slots), UNVISITED, jnp.int32),
        children_visits=jnp.zeros((nodes, slots), jnp.int32),
        children_values=jnp.zeros((nodes, slots), jnp.float32),
        embeddings={dtype: jnp.zeros((nodes, *row.shape), row.dtype) for dtype, row in root.embedding.items()},
    )
    return _put(bare, jnp.int32(ROOT), root, proofs)


def _put(now: Grown, node: jax.Array, leaf: Leaf, proofs: bool) -> Grown:
    """With what is known of a node, and one more visit to it. One that was there before keeps its mean, or its exact
    values."""
    visits = now.visits[node]
    values = (now.values[node] * visits + leaf.values) / (visits + 1)
    if proofs:
        values = jnp.where(now.proved[node], now.values[node], values)
    return now._replace(
        visits=now.visits.at[node].set(visits + 1),
        values=now.values.at[node].set(values),
        raw_values=now.raw_values.at[node].set(leaf.values[leaf.mover]),
        movers=now.movers.at[node].set(leaf.mover),
        most=now.most.at[node].set(leaf.most),
        complete=now.complete.at[node].set(leaf.complete),
        proved=now.proved.at[node].max(leaf.over) if proofs else now.proved,
        logits=now.logits.at[node].set(leaf.logits),
        embeddings={dtype: rows.at[node].set(leaf.embedding[dtype]) for dtype, rows in now.embeddings.items()},
    )


def _descend(now: Grown, choose_at_root: Callable, choose_below: Callable, max_depth: int, proofs: bool) -> _Path:
    """The way on which a simulation leaves the tree, comes to what is proved, or reaches the depth."""
    level = jnp.arange(max_depth)

    def add(path: _Path, node: jax.Array | int, slot: jax.Array) -> _Path:
        here = level == path.depth
        return _Path(jnp.where(here, node, path.parents), jnp.where(here, slot, path.slots), path.depth + 1)

    def step(carry: tuple[_Path, jax.Array]) -> tuple[_Path, jax.Array]:
        path, node = carry
        slot = choose_below(now, node)
        return add(path, node, slot), now.children[node, slot]

    def goes_on(carry: tuple[_Path, jax.Array]) -> jax.Array:
        path, node = carry
        on = (node != UNVISITED) & (path.depth < max_depth)
        return on & ~now.proved[node] if proofs else on

    nowhere = jnp.full(max_depth, len(now.visits), jnp.int32)
    slot = choose_at_root(now)
    start = add(_Path(nowhere, jnp.zeros_like(nowhere), jnp.int32(0)), ROOT, slot), now.children[ROOT, slot]
    return lax.while_loop(goes_on, step, start)[0]


def _back_up(now: Grown, path: _Path, node: jax.Array, found: jax.Array, proofs: bool) -> Grown:
    """Adds what was ``found`` in a leaf, ``float32[n]``, to all nodes above it, and proves those that it proves."""
    parents, edges = path.parents, (path.parents, path.slots)
    visits = now.visits.at[parents].get(mode="clip")
    if proofs:
        values, proved = _prove_upwards(now, path, found)
    else:
        old = now.values.at[parents].get(mode="clip")
        means = (old * visits[:, None] + found) / (visits[:, None] + 1)
        values, proved = now.values.at[parents].set(means, mode="drop"), now.proved
    child = jnp.where(jnp.arange(len(parents)) == path.depth - 1, node, jnp.roll(parents, -1))
    of_child = values.at[child, now.movers.at[parents].get(mode="clip")].get(mode="clip")
    return now._replace(
        visits=now.visits.at[parents].set(visits + 1, mode="drop"),
        values=values,
        proved=proved,
        children_visits=now.children_visits.at[edges].add(1, mode="drop"),
        children_values=now.children_values.at[edges].set(of_child, mode="drop"),
    )


def _prove_upwards(now: Grown, path: _Path, found: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The values of all nodes, and which are proved, after what was found in a leaf: the leaf's parent first."""

    def up(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        level, values, proved, found = carry
        node = path.parents[level]
        known, exact = _prove(now._replace(values=values, proved=proved), node)
        found = jnp.where(known, exact, found)
        mean = jnp.where(known, exact, (values[node] * now.visits[node] + found) / (now.visits[node] + 1))
        return level - 1, values.at[node].set(mean), proved.at[node].set(known), found

    start = path.depth - 1, now.values, now.proved, found
    _, values, proved, _ = lax.while_loop(lambda carry: carry[0] >= 0, up, start)
    return values, proved


def _prove(now: Grown, node: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Whether a node's children prove it, and its exact values ``float32[n]`` if they do: those of the best one."""
    child = now.children[node]
    known = (child != UNVISITED) & now.proved[child]
    empty = now.logits[node] == jnp.finfo(jnp.float32).min
    best = child[jnp.argmax(jnp.where(known, now.values[child, now.movers[node]], -jnp.inf))]
    return now.winning(node).any() | (now.complete[node] & (known | empty).all()), now.values[best]
