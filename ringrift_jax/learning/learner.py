"""Learning from completed games: the policy towards the search's, the values towards the outcome. Barren values are
learned from positions whose mover did not win in the same turn."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax
from msgspec import Meta

from .. import symmetry
from ..collectives import ALONE, Collectives
from ..game import Game, GameState
from ..numerics import in_32_bits
from ..search.evaluation import Evaluate, evaluate_observations
from ..settings import Count, CountOrZero, NotNegative, Positive, Share, check
from . import ring
from .ring import Replay, Sample


@dataclass(frozen=True)
class LearnerConfig:
    """How the network learns.

    Attributes:
      replay_blocks: plies the replay ring remembers; it holds this many rows per lane.
      batch_size: rows of an optimiser step.
      samples_per_row: how often a row is sampled on average. This is the ratio of training to data, and only here.
      surprise: share of the samples that are drawn in proportion to how much the search changed the policy there, in
        [0, 1]; the others are drawn evenly.
      min_rows: rows that may be learned from the ring must hold before the first step.
      learning_rate: of AdamW, reached after ``warmup`` steps and then constant.
      warmup: optimiser steps in which the learning rate rises evenly.
      weight_decay: of AdamW.
      max_gradient: gradients of a larger global norm are scaled down to it.
      value_weight: weight of each of the two value losses against the policy loss.
      discount: of the values' targets for each turn until the game ends, in (0, 1]. Below 1 an early win is worth more
        than a late one, and results that are far away, which are mostly noise in long games, count little; values are
        no expected rewards then, which is what ``evaluate --judge`` compares them with.
      averaging: decay per step, in [0, 1), of the average of the parameters that plays in place of the last ones; less
        in the beginning. 0 for no averaging.
    """

    replay_blocks: Count = 1024
    batch_size: Count = 256
    samples_per_row: Positive = 4.0
    surprise: Share = 0.5
    min_rows: Count = 2048
    learning_rate: Positive = 1e-3
    warmup: CountOrZero = 100
    weight_decay: NotNegative = 1e-4
    max_gradient: Positive = 1.0
    value_weight: NotNegative = 1.0
    discount: Annotated[float, Meta(gt=0, le=1)] = 1.0
    averaging: Annotated[float, Meta(ge=0, lt=1)] = 0.998

    def __post_init__(self) -> None:
        check(self)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learner:
    """What learning changes.

    Attributes:
      params: parameters of the network.
      average: of the parameters over the last steps; these play, and become champion.
      optimizer: state of the optimiser.
      steps: ``int32`` optimiser steps, those skipped included.
      due: ``float32`` samples that rows have earned (:func:`earn`) and no step has used yet.
      skipped: ``int32`` steps not applied because the loss, the gradient or the new parameters were not finite.
    """

    params: Any
    average: Any
    optimizer: Any
    steps: jax.Array
    due: jax.Array
    skipped: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Losses:
    """Means over optimiser steps, ``float32`` each, 0 when there were none.

    Attributes:
      loss: the weighted sum that is minimised.
      policy_loss: cross-entropy of the policy with the search's over all legal actions, in nats.
      target_entropy: entropy of the search's policy, the least the policy loss could be.
      value_loss: mean squared error of the values.
      barren_value_loss: of the barren values, where positions whose mover won in the same turn count as 0; 0 of a
        network without such values.
      barren: share of the other positions.
      gradient: norm of the gradient before it is scaled down.
    """

    loss: jax.Array
    policy_loss: jax.Array
    target_entropy: jax.Array
    value_loss: jax.Array
    barren_value_loss: jax.Array
    barren: jax.Array
    gradient: jax.Array


def make_optimizer(config: LearnerConfig) -> optax.GradientTransformation:
    def schedule(step):
        return config.learning_rate * jnp.minimum(1.0, (step + 1) / max(config.warmup, 1))

    return optax.chain(
        optax.clip_by_global_norm(config.max_gradient),
        optax.adamw(schedule, weight_decay=config.weight_decay),
    )


def new_learner(config: LearnerConfig, params: Any) -> Learner:
    return Learner(params, params, make_optimizer(config).init(params), jnp.int32(0), jnp.float32(0), jnp.int32(0))


def earn(config: LearnerConfig, learner: Learner, rows: jax.Array) -> Learner:
    """The learner with the samples due that so many new rows, ``int32``, earn."""
    return replace(learner, due=learner.due + rows * config.samples_per_row)


def restart(config: LearnerConfig, learner: Learner, params: Any) -> Learner:
    """A learner that begins again with these parameters; what is due and counted goes on."""
    return replace(new_learner(config, params), due=learner.due, skipped=learner.skipped)


def relative_outcome(state: GameState, outcome: jax.Array) -> jax.Array:
    """The value target of one position.

    Args:
      state: the position, unbatched.
      outcome: ``float32[n]`` rewards of its game by player.

    Returns:
      ``float32[n]``: rewards of the players who now hold the seats, counted from the seat to move. A swap later in the
      game does not change whose reward that is, because rewards follow players.
    """
    players = outcome.shape[-1]
    seats = (state.current_seat + jnp.arange(players)) % players
    return outcome[state.seat_of_player[seats]]


def barren(sample: Sample) -> jax.Array:
    """``bool[B]``: the player to move did not win in the same turn."""
    state = sample.rows.state
    reward = jnp.take_along_axis(sample.outcome, state.current_player[:, None], axis=1)[:, 0]
    return (state.turn != sample.last_turn) | (reward <= 0)


@in_32_bits
def losses(
    env: Game, evaluate: Evaluate, config: LearnerConfig, params: Any, sample: Sample, keys: jax.Array
) -> Losses:
    """Losses of a batch; the gradient is left 0.

    Args:
      env: the environment.
      evaluate: the network.
      config: the weights of the losses.
      params: its parameters.
      sample: rows of finished games, leading axis ``[B]``.
      keys: typed keys ``[B]``, consumed: the network sees each position under a random symmetry.

    Raises:
      ValueError: the network returns other shapes than it must.
    """
    rows = sample.rows
    observations = jax.vmap(env.observe)(rows.state)
    if env.num_symmetries > 1:
        chosen = jax.vmap(lambda state, key: symmetry.draw(env.board, state, key))(rows.state, keys)
        observations = jax.vmap(lambda seen, g: symmetry.map_observation(env.board, seen, g))(observations, chosen)
        found = evaluate_observations(env, evaluate, params, observations)
        logits = jax.vmap(lambda row, g: symmetry.restore_logits(env.board, row, g))(found.logits, chosen)
    else:
        found = evaluate_observations(env, evaluate, params, observations)
        logits = found.logits
    legal = jax.vmap(env.legal_action_mask)(rows.state)
    log_policy = jax.nn.log_softmax(jnp.where(legal, logits, jnp.finfo(logits.dtype).min), axis=-1)
    weights = rows.slot_weights.astype(jnp.float32)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    log_slots = jnp.take_along_axis(log_policy, jnp.maximum(rows.slot_actions, 0).astype(jnp.int32), axis=-1)
    log_slots = jnp.where(rows.slot_actions >= 0, log_slots, 0)
    policy_loss = -jnp.sum(weights * log_slots, axis=-1).mean()
    paid = jax.vmap(relative_outcome)(rows.state, sample.outcome)
    if config.discount < 1:
        paid *= config.discount ** (sample.last_turn - rows.state.turn)[:, None].astype(paid.dtype)
    value_loss = jnp.square(found.values - paid).mean()
    counts, barren_value_loss = barren(sample), jnp.float32(0)
    if found.barren_values is not None:
        barren_value_loss = jnp.where(counts[:, None], jnp.square(found.barren_values - paid), 0).mean()
    return Losses(
        loss=policy_loss + config.value_weight * (value_loss + barren_value_loss),
        policy_loss=policy_loss,
        target_entropy=jax.scipy.special.entr(weights).sum(axis=-1).mean(),
        value_loss=value_loss,
        barren_value_loss=barren_value_loss,
        barren=counts.mean(),
        gradient=jnp.float32(0),
    )


@in_32_bits
def train(
    env: Game,
    evaluate: Evaluate,
    config: LearnerConfig,
    learner: Learner,
    replay: Replay,
    tickets: ring.Tickets,
    key: jax.Array,
    peers: Collectives = ALONE,
) -> tuple[Learner, Losses, jax.Array]:
    """As many optimiser steps as the data allow.

    Args:
      env: the environment.
      evaluate: the network.
      config: how to learn.
      learner: what changes.
      replay: the ring to sample from.
      tickets: of its rows.
      key: typed key, consumed.
      peers: the devices that hold the ring; each learns from its share of a batch.

    Returns:
      The learner, the mean losses of its steps, and their number ``int32``.
    """
    optimizer = make_optimizer(config)
    enough = tickets.rows >= config.min_rows
    steps = jnp.where(enough, learner.due // config.batch_size, 0).astype(jnp.int32)

    def objective(params, sample, keys):
        result = losses(env, evaluate, config, params, sample, keys)
        return result.loss, result

    def step(i, carry):
        params, average, state, skipped, total = carry
        sample_key, row_key = jax.random.split(jax.random.fold_in(key, i))
        sample = ring.sample(replay, tickets, sample_key, config.batch_size, peers)
        row_keys = peers.own(jax.random.split(row_key, config.batch_size))
        gradient, result = peers.mean(jax.grad(objective, has_aux=True)(params, sample, row_keys))
        norm = optax.tree.norm(gradient)
        updates, new_state = optimizer.update(gradient, state, params)
        changed = optax.apply_updates(params, updates), new_state
        finite = jnp.isfinite(jnp.stack([result.loss, norm, optax.tree.norm(changed[0])])).all()
        params, state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), changed, (params, state))
        done = learner.steps + i
        decay = jnp.minimum(config.averaging, done / (done + 10))
        average = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, params)
        total = jax.tree.map(jnp.add, total, replace(result, gradient=norm))
        return params, average, state, skipped + ~finite, total

    none = Losses(*[jnp.float32(0)] * len(fields(Losses)))
    carry = learner.params, learner.average, learner.optimizer, learner.skipped, none
    params, average, state, skipped, total = jax.lax.fori_loop(0, steps, step, carry)
    learner = Learner(params, average, state, learner.steps + steps, learner.due - steps * config.batch_size, skipped)
    return learner, jax.tree.map(lambda x: x / jnp.maximum(steps, 1), total), steps
