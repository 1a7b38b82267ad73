"""Gumbel MuZero search (mctx) over the legal slots of each node.

The tree is searched as the root *player* against the rest: a node's value is that of the side to decide there, the root
player or the others together, and one side may decide several times in a row. With two players this is ordinary
zero-sum search. With three or four it assumes the worst: all others play against the root player, although each node's
prior is that of its own mover. With ``SearchConfig.opponents`` of ``"maxn"`` each player maximises its own value
instead, and with ``SearchConfig.proofs`` what is proved is backed up as proved (:mod:`.mcts`).
"""

# pyright: reportCallIssue=false
# (it cannot see the fields of mctx's chex dataclasses)

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx

from ..game import Game, GameState
from ..numerics import check_typed_keys, in_32_bits
from ..pytrees import select
from .config import SearchConfig, SearchOutput, divergence, num_slots
from .evaluation import Evaluate, evaluate_observations
from .mcts import ROOT, Grown, Leaf, grow, grow_on, plant
from .slots import Slots, legal_slots


class Node(NamedTuple):
    """What the tree remembers of a node: its state, the actions of its slots, and what the root passes down."""

    state: GameState
    actions: jax.Array
    root_player: jax.Array
    depth: jax.Array
    overflow: jax.Array
    not_finite: jax.Array


class SearchResult(NamedTuple):
    """A finished search of one position.

    Attributes:
      tree: ``mctx.Tree`` without its batch axis, with K + 1 slots, of which the last is always empty. Its embeddings
        are :class:`Node`.
      slot: ``int32`` the chosen slot.
      weights: ``float32[K + 1]``.
      won: ``bool``, proved: the chosen decision wins. Without ``SearchConfig.proofs`` False.
      values: ``float32[simulations + 1, n]`` of the players in each node, where each maximises its own; else None.
      proved: ``bool[simulations + 1]``, nodes whose values are exact, with ``SearchConfig.proofs``; else None.
    """

    tree: Any
    slot: jax.Array
    weights: jax.Array
    won: jax.Array
    values: jax.Array | None = None
    proved: jax.Array | None = None


@in_32_bits
def search_tree(
    env: Game,
    evaluate: Evaluate,
    params: Any,
    state: GameState,
    key: jax.Array,
    config: SearchConfig,
    noise: jax.Array | float = 1.0,
) -> SearchResult:
    """The whole tree of one position. Unbatched ``state`` and ``key``; ``noise`` multiplies ``gumbel_scale``.

    ValueError when the state has a leading axis, or the network returns other shapes than it must.
    """
    check_typed_keys(key, 0)
    if jnp.ndim(state.current_seat):
        raise ValueError(f"the state has leading axes {jnp.shape(state.current_seat)}; search_tree takes one position")
    tree_key, gumbel_key = jax.random.split(key)
    root_player = state.current_player
    slots, values, finite = _evaluate(env, evaluate, params, state, config, gumbel_key, noise)
    node = Node(state, slots.actions, root_player, jnp.int32(0), slots.overflow, ~finite)
    qtransform = _qtransform(config)
    # mctx.gumbel_muzero_policy, except that the noise comes from the slots it helped to choose.
    invalid = slots.actions < 0
    at_root = partial(
        mctx.gumbel_muzero_root_action_selection,
        num_simulations=config.simulations,
        max_num_considered_actions=config.considered,
        qtransform=qtransform,
    )
    below = partial(mctx.gumbel_muzero_interior_action_selection, qtransform=qtransform)
    extra = mctx.GumbelMuZeroExtraData(root_gumbel=slots.gumbel)
    grown = grow(
        _leaf(config, state, slots, values, node),
        partial(_expand, env, evaluate, params, config),
        lambda grown: at_root(tree_key, grown.tree(extra), ROOT),
        lambda grown, node: below(tree_key, grown.tree(extra), node, 0),
        config.simulations,
        config.max_depth or config.simulations,
        config.proofs,
    )
    tree = grown.tree(extra)
    improved = jnp.where(invalid, slots.logits, slots.logits + qtransform(tree, jnp.int32(ROOT)))
    visits = tree.children_visits[ROOT]
    most_visited = ~invalid & (visits == visits.max())
    slot = jnp.argmax(jnp.where(most_visited, improved + slots.gumbel, -jnp.inf)).astype(jnp.int32)
    weights = jnp.where(invalid, 0.0, jax.nn.softmax(improved))
    won, values_of_all, proved = jnp.asarray(False), None, None
    if config.opponents == "maxn":
        values_of_all = grown.values
    if config.proofs:
        wins, proved = grown.winning(ROOT), grown.proved
        won = wins.any()
        slot = jnp.where(won, jnp.argmax(jnp.where(wins, improved, -jnp.inf)), slot).astype(jnp.int32)
        weights = jnp.where(won, (jnp.arange(len(weights)) == slot).astype(weights.dtype), weights)
    return SearchResult(tree, slot, weights, won, values_of_all, proved)


@in_32_bits
def begin_search(
    env: Game, evaluate: Evaluate, params: Any, state: GameState, config: SearchConfig, nodes: int
) -> Grown:
    """A search of one position to be continued as long as one likes, by :func:`continue_search`, with room for so many
    simulations less one. It has no noise."""
    slots, values, finite = _evaluate(env, evaluate, params, state, config, noise=0.0)
    root = Node(state, slots.actions, state.current_player, jnp.int32(0), slots.overflow, ~finite)
    return plant(_leaf(config, state, slots, values, root), nodes, config.proofs)


@in_32_bits
def continue_search(
    env: Game,
    evaluate: Evaluate,
    params: Any,
    grown: Grown,
    first: jax.Array | int,
    last: jax.Array | int,
    config: SearchConfig,
    max_depth: int,
) -> Grown:
    """The search with the simulations from ``first``, which are done, to before ``last``. At the root as below it a
    decision is visited as often as the policy that is improved by the values found has it, because how many simulations
    there will be is not known, which sequential halving has to know."""
    extra = mctx.GumbelMuZeroExtraData(root_gumbel=jnp.zeros_like(grown.logits[ROOT]))
    key = jax.random.key(0)  # the choice is not random, mctx only asks for a key
    choose = partial(mctx.gumbel_muzero_interior_action_selection, qtransform=_qtransform(config))
    return grow_on(
        grown,
        first,
        last,
        partial(_expand, env, evaluate, params, config),
        lambda grown: choose(key, grown.tree(extra), ROOT, 0),
        lambda grown, node: choose(key, grown.tree(extra), node, 0),
        max_depth,
        config.proofs,
    )


def _qtransform(config: SearchConfig):
    return partial(
        mctx.qtransform_completed_by_mix_value,
        value_scale=config.value_scale,
        maxvisit_init=config.maxvisit_init,
        rescale_values=config.rescale_values,
        use_mixed_value=config.use_mixed_value,
    )


def _evaluate(
    env: Game, evaluate, params, state, config, key=None, noise: jax.Array | float = 1.0
) -> tuple[Slots, jax.Array, jax.Array]:
    """The slots of a position, none when the game is over, the network's values of all players ``float32[n]``, and
    whether the evaluation was finite."""
    raw = evaluate_observations(env, evaluate, params, env.observe(state)[None])
    logits, values = (jnp.where(jnp.isfinite(numbers), numbers, 0) for numbers in (raw.logits, raw.values))
    finite = jnp.isfinite(raw.logits).all() & jnp.isfinite(raw.values).all()
    # One slot more than asked for, always empty: mctx's completed Q-values count an action never visited, which
    # full-width search always has.
    num = num_slots(env, config)
    key = None if config.gumbel_scale == 0 else key
    slots = legal_slots(env, env.legal_action_mask(state), logits[0], num, key, config.gumbel_scale * noise)
    slots = slots._replace(
        actions=jnp.pad(slots.actions, (0, 1), constant_values=-1),
        logits=jnp.pad(slots.logits, (0, 1), constant_values=jnp.finfo(jnp.float32).min),
        gumbel=jnp.pad(slots.gumbel, (0, 1)),
    )
    return slots, values[0, (state.seat_of_player - state.current_seat) % env.num_players], finite


def _expand(env: Game, evaluate, params, config: SearchConfig, node: Node, slot: jax.Array) -> Leaf:
    """Plays a slot's action. A finished game stays as it ended."""
    state = select(node.state.is_over, node.state, env.step(node.state, node.actions[slot]))
    slots, values, finite = _evaluate(env, evaluate, params, state, config)
    depth = node.depth + jnp.where(node.state.is_over, 0, 1)
    return _leaf(
        config, state, slots, values, Node(state, slots.actions, node.root_player, depth, slots.overflow, ~finite)
    )


def _leaf(config: SearchConfig, state, slots: Slots, values: jax.Array, node: Node) -> Leaf:
    """The sides are the players where each plays for itself, else the root player and the rest."""
    values, mover, most = jnp.where(state.is_over, state.rewards, values), state.current_player, jnp.float32(1)
    if config.opponents != "maxn":
        value, rest = values[node.root_player], mover != node.root_player
        # What the rest wins is what the root player loses, and that is 1, 1/2 or 1/3.
        most = jnp.where(rest, 1 / (len(values) - 1), 1.0).astype(jnp.float32)
        values, mover = jnp.stack([value, -value]), rest.astype(jnp.int32)
    return Leaf(slots.logits, values, mover, most, state.is_over, ~slots.overflow, node)


@in_32_bits
def summarise(result: SearchResult) -> SearchOutput:
    """One search's :class:`SearchOutput`, without the leading axis."""
    tree = result.tree
    nodes: Node = tree.embeddings
    actions = nodes.actions[ROOT]
    # How often a simulation ended in each node; the root's one is its own evaluation.
    endings = (tree.node_visits - tree.children_visits.sum(-1)).at[ROOT].set(0)
    log_priors = jax.nn.log_softmax(tree.children_prior_logits[ROOT])
    return SearchOutput(
        action=actions[result.slot],
        slot_actions=actions[:-1],
        slot_weights=result.weights[:-1],
        slot_log_priors=log_priors[:-1],
        value=jnp.where(nodes.state.is_over[ROOT], 0, tree.node_values[ROOT]),
        mean_depth=(endings * nodes.depth).sum() / endings.sum(),
        max_depth=nodes.depth.max(),
        overflow=(nodes.overflow & (tree.node_visits > 0)).sum(dtype=jnp.int32),
        not_finite=(nodes.not_finite & (tree.node_visits > 0)).sum(dtype=jnp.int32),
        surprise=divergence(result.weights, log_priors),
    )
