"""Search over whole turns: a few turns of the player to move are played out, and the best of them is chosen.

The game is won at the ends of turns, so that is where positions are judged. First comes the exact search for a win of
the own turn (``winning_turn``). Where there is none, turns are drawn from the network's policy, its value orders their
ends, and the exact search of the next player's turn goes through them in this order until one holds no win. If all hold
one, others are drawn from a flatter policy.

What was chosen is a *plan*, which the decisions of the turn then follow.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..env import Env
from ..numerics import in_32_bits
from ..pytrees import select
from .config import SearchConfig
from .evaluation import Evaluate, evaluate_observations
from .winning_turn import LINE, turn_goes_on, winning_lines

WIDTH = 128
"""Turns that are played at once on a device, or as many as there are states if these are more: a CPU evaluates more
positions no faster, but a GPU does."""


class Plan(NamedTuple):
    """What a player means to do in its turn; leading axis ``[B]``, K turns considered.

    Attributes:
      lines: ``int32[B, K, LINE]`` decisions of the turns, -1 after the last or, for longer turns, the last remembered.
      values: ``float32[B, K]`` of the turns, for the player who plays them, in [-1, 1], and less by 3 where the next
        player then wins; infinitely low for none.
      chosen: ``int32[B]`` the turn that is played.
      at: ``int32[B]`` decisions of it that have been made.
      barren: ``int32[B]`` the number of the turn after it, if that is proved to hold no win, or a search with as many
        decisions as its player would try has found none; else -1.
    """

    lines: jax.Array
    values: jax.Array
    chosen: jax.Array
    at: jax.Array
    barren: jax.Array

    @property
    def decision(self) -> jax.Array:
        """``int32[B]``: the next one, -1 where the plan has none."""
        return jnp.take_along_axis(_column(self.lines, self.at), self.chosen[:, None], axis=1)[:, 0]

    @property
    def improves(self) -> jax.Array:
        """``bool[B]``: the next decision was compared with others. The rest of a turn chosen at random was not."""
        return (self.at == 0) | (self.chosen == jnp.argmax(self.values, axis=1))

    @property
    def value(self) -> jax.Array:
        """``float32[B]``: of the turn that is played."""
        return jnp.clip(jnp.take_along_axis(self.values, self.chosen[:, None], axis=1)[:, 0], -1, 1)

    def options(self, sharpness: float) -> tuple[jax.Array, jax.Array]:
        """``int32[B, K]`` the next decisions of the turns that begin like the one played, each once, else -1, and
        ``float32[B, K]`` their improved policy: turns are drawn from the policy, so that a turn's share of it is
        ``exp(sharpness * value)``."""
        length = self.lines.shape[-1]
        played = jnp.take_along_axis(self.lines, self.chosen[:, None, None], axis=1)
        alike = jnp.all((self.lines == played) | (jnp.arange(length) >= self.at[:, None, None]), axis=-1)
        actions = jnp.where(alike & (self.values > -jnp.inf), _column(self.lines, self.at), -1)
        weights = jax.nn.softmax(jnp.where(actions >= 0, sharpness * self.values, jnp.finfo(jnp.float32).min), axis=-1)
        same = (actions[:, :, None] == actions[:, None, :]) & (actions >= 0)[:, None, :]
        first = jnp.argmax(same, axis=-1) == jnp.arange(actions.shape[1])
        total = jnp.sum(jnp.where(same, weights[:, None, :], 0), axis=-1)
        return jnp.where(first, actions, -1), jnp.where(first & (actions >= 0), total, 0)

    def after_decision(self) -> "Plan":
        """The plan once its next decision is made."""
        return self._replace(at=self.at + (self.decision >= 0))


def _column(lines: jax.Array, at: jax.Array) -> jax.Array:
    """``int32[B, K]``: entry ``at`` of lines ``[B, K, LINE]``, -1 beyond the last."""
    found = jnp.take_along_axis(lines, jnp.minimum(at, lines.shape[-1] - 1)[:, None, None], axis=2)[:, :, 0]
    return jnp.where(at[:, None] < lines.shape[-1], found, -1)


def no_plans(batch: int, turns: int) -> Plan:
    """Plans without decisions."""
    zeros = jnp.zeros(batch, jnp.int32)
    lines = jnp.full((batch, turns, LINE), -1, jnp.int32)
    return Plan(lines, jnp.zeros((batch, turns), jnp.float32), zeros, zeros, zeros - 1)


@in_32_bits
def make_plans(
    env: Env,
    evaluate: Evaluate,
    config: SearchConfig,
    params: Any,
    states: Any,
    keys: jax.Array,
    asked: jax.Array,
    at_random: jax.Array,
    barren: jax.Array,
) -> Plan:
    """Plans for states ``[B]``, at any decision of a turn.

    Args:
      env: the environment.
      evaluate: the network.
      config: how much is searched.
      params: passed to ``evaluate``.
      states: ``[B]``.
      keys: typed keys ``[B]``, consumed.
      asked: ``bool[B]``; plans of other states mean nothing, and cost little.
      at_random: ``bool[B]``, any of the turns is played, but a win that was found.
      barren: ``bool[B]``, the turn has been searched and no win was found: it is not searched again.
    """
    batch, turns = len(asked), config.turns
    won, line = jnp.zeros(batch, bool), jnp.full((batch, LINE), -1, jnp.int32)
    if config.turn_nodes:
        win, line = winning_lines(env, states, config.turn_nodes, asked & ~barren)
        won = win.found
    both = jax.vmap(jax.random.split)(keys)
    found = _compare(env, evaluate, config, params, states, both[:, 0], asked & ~won, at_random)
    only = jnp.arange(turns) == 0
    lines = select(won, jnp.where(only[:, None], line[:, None], -1), found.lines)
    values = select(won, jnp.broadcast_to(jnp.where(only, 1.0, -jnp.inf), found.values.shape), found.values)
    drawn = jax.vmap(lambda key: jax.random.randint(key, (), 0, turns))(both[:, 1])
    chosen = jnp.where(at_random & ~won, drawn, jnp.argmax(values, axis=1)).astype(jnp.int32)
    return Plan(lines, values, chosen, jnp.zeros(batch, jnp.int32), found.barren[jnp.arange(batch), chosen])


class _Turns(NamedTuple):
    """Turns that are compared, ``[B, K]``.

    Attributes:
      lines, values: as in :class:`Plan`.
      barren: ``int32[B, K]`` as there, after each of them.
    """

    lines: jax.Array
    values: jax.Array
    barren: jax.Array


def _compare(
    env: Env,
    evaluate: Evaluate,
    config: SearchConfig,
    params: Any,
    states: Any,
    keys: jax.Array,
    asked: jax.Array,
    at_random: jax.Array,
) -> _Turns:
    """Turns of the policy; where all of them are lost, those of a flatter one, until one is not or they have been drawn
    ``config.redraws`` times more."""
    batch, turns = len(asked), config.turns

    def lost(now: _Turns, draws: jax.Array) -> jax.Array:
        return asked & (now.values.max(axis=1) <= -1) & ((draws == 0) | ~at_random)

    def draw(carry: tuple[jax.Array, _Turns]) -> tuple[jax.Array, _Turns]:
        draws, now = carry
        here = lost(now, draws)
        fresh = jnp.where(draws > 0, jax.vmap(jax.random.fold_in, (0, None))(keys, draws), keys)
        lines, values, ends = draw_turns(env, evaluate, config, params, states, fresh, here, 1.0 + draws)
        safe = jnp.zeros_like(values, bool)
        if config.answers:
            values, safe = _verify(env, config, ends, values, states.current_player, here)
        better = here & (values.max(axis=1) > now.values.max(axis=1))
        return draws + 1, select(better, _Turns(lines, values, jnp.where(safe, ends.turn, -1)), now)

    none = _Turns(
        lines=jnp.full((batch, turns, LINE), -1, jnp.int32),
        values=jnp.full((batch, turns), -jnp.inf),
        barren=jnp.full((batch, turns), -1, states.turn.dtype),
    )
    _, found = lax.while_loop(
        lambda carry: (carry[0] <= config.redraws) & lost(carry[1], carry[0]).any(), draw, (jnp.int32(0), none)
    )
    return found


class _Drawing(NamedTuple):
    """Turns being played; W places, and B * K turns in the end.

    Attributes:
      begun: ``int32`` turns that have a place or had one.
      turn: ``int32[W]`` which turn, B * K for none.
      length: ``int32[W]`` decisions made.
      state: ``[W]``.
      lines, values, ends: of the turns that have ended, ``[B * K]``.
    """

    begun: jax.Array
    turn: jax.Array
    length: jax.Array
    state: Any
    lines: jax.Array
    values: jax.Array
    ends: Any


def draw_turns(
    env: Env,
    evaluate: Evaluate,
    config: SearchConfig,
    params: Any,
    states: Any,
    keys: jax.Array,
    asked: jax.Array,
    temperature: jax.Array | float = 1.0,
) -> tuple[jax.Array, jax.Array, Any]:
    """Turns drawn from the policy: ``int32[B, K, LINE]`` decisions, ``float32[B, K]`` values for the player, and the
    states ``[B, K]`` after them. Of each K the first is the likeliest, unless ``temperature``, by which logits are
    divided, is another one than 1.

    Fewer turns than there are places in all are played at once; as one ends, the next takes its place. The value of an
    end is of the evaluation that would give the next decision; where the next player's turn is to be searched for a
    win, it is the value if there is none.
    """
    batch, turns = len(asked), config.turns
    total = batch * turns
    width = min(total, max(WIDTH, batch))
    (queue,) = jnp.nonzero(jnp.repeat(asked, turns), size=total, fill_value=total)
    number = turns * jnp.sum(asked, dtype=jnp.int32)
    start = _Drawing(
        begun=jnp.int32(0),
        turn=jnp.full(width, total, jnp.int32),
        length=jnp.zeros(width, jnp.int32),
        state=jax.tree.map(lambda leaf: jnp.zeros((width, *leaf.shape[1:]), leaf.dtype), states),
        lines=jnp.full((total, LINE), -1, jnp.int32),
        values=jnp.zeros(total, jnp.float32),
        ends=jax.tree.map(lambda leaf: jnp.zeros((total, *leaf.shape[1:]), leaf.dtype), states),
    )

    def play(now: _Drawing) -> _Drawing:
        free = now.turn == total
        waiting = queue.at[now.begun + jnp.cumsum(free) - 1].get(mode="fill", fill_value=total)
        turn = jnp.where(free, waiting, now.turn).astype(jnp.int32)
        lane = turn // turns
        begins = free & (turn < total)
        roots = jax.tree.map(lambda leaf: leaf.at[lane].get(mode="clip"), states)
        state, length = select(begins, roots, now.state), jnp.where(begins, 0, now.length)

        found = evaluate_observations(env, evaluate, params, jax.vmap(env.observe)(state))
        values = found.in_barren_turn if config.answers else found.values
        ends = ~turn_goes_on(roots, state)
        masks = jax.vmap(env.legal_action_mask)(state)
        lane_keys = jax.vmap(jax.random.fold_in)(keys.at[lane].get(mode="clip"), turn % turns)
        draws = jax.vmap(jax.random.fold_in)(lane_keys, length)
        greedy = (turn % turns == 0) & (temperature == 1)
        action = jax.vmap(_draw_action)(found.logits / temperature, masks, draws, greedy)
        ended = jnp.where(ends, turn, total)
        return _Drawing(
            begun=jnp.minimum(now.begun + jnp.sum(free, dtype=jnp.int32), number),
            turn=jnp.where(ends, total, turn),
            length=length + 1,
            state=select(ends, state, jax.vmap(env.step)(state, action)),
            lines=now.lines.at[jnp.where(ends, total, turn), length].set(action, mode="drop"),
            values=now.values.at[ended].set(_value(env, state, values, roots.current_player), mode="drop"),
            ends=jax.tree.map(lambda leaf, new: leaf.at[ended].set(new, mode="drop"), now.ends, state),
        )

    end = lax.while_loop(lambda now: (now.begun < number) | jnp.any(now.turn < total), play, start)
    return jax.tree.map(lambda leaf: leaf.reshape(batch, turns, *leaf.shape[1:]), (end.lines, end.values, end.ends))


def _value(env: Env, states: Any, values: jax.Array, player: jax.Array) -> jax.Array:
    """``float32[W]``: the network's for a player, who need not be the one to move, or the reward of a finished game."""
    seat = jnp.take_along_axis(states.seat_of_player, player[:, None], axis=1)[:, 0]
    relative = (seat - states.current_seat) % env.num_players
    value = jnp.take_along_axis(values, relative[:, None], axis=1)[:, 0]
    value = jnp.clip(jnp.where(jnp.isfinite(value), value, 0), -1, 1)
    reward = jnp.take_along_axis(states.rewards, player[:, None], axis=1)[:, 0]
    return jnp.where(states.is_over, reward, value)


def _draw_action(logits: jax.Array, mask: jax.Array, key: jax.Array, greedy: jax.Array) -> jax.Array:
    """``int32``: a legal action by its probability, or the likeliest."""
    block = 64  # a running sum over all actions costs more than the network's head
    logits = jnp.where(mask, logits, -jnp.inf)
    shares = jnp.where(mask, jnp.exp(logits - logits.max()), 0)
    shares = jnp.pad(shares, (0, -len(shares) % block)).reshape(-1, block)
    mark = jax.random.uniform(key) * shares.sum()
    row, mark = _place(shares.sum(axis=1), mark)
    column, _ = _place(shares[row], mark)
    return jnp.where(greedy, jnp.argmax(logits), row * block + column).astype(jnp.int32)


def _place(shares: jax.Array, mark: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where in a running sum of shares a mark lies, never at a share of 0, and how far into that share."""
    ends = jnp.cumsum(shares)
    # Below the total, whatever rounding does.
    place = jnp.argmax(ends > jnp.minimum(mark, jnp.nextafter(ends[-1], jnp.float32(0))))
    return place, mark - (ends[place] - shares[place])


def _verify(
    env: Env, config: SearchConfig, ends: Any, values: jax.Array, player: jax.Array, asked: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The values of ends ``[B, K]``, best first lowered to less than -1 where the next player wins, until one does not
    or so many have been tried; and ``bool[B, K]`` those after which the next player would find no win either. Where all
    others pass, the next player is the same, ``player`` ``[B]``, and its win is worth 1.

    A search of few positions takes as long as one of about an eighth of the batch, so where few states are left,
    several ends of each are tried at once.
    """
    batch, turns = values.shape
    over = ends.is_over
    flat = jax.tree.map(lambda leaf: leaf.reshape(batch * turns, *leaf.shape[2:]), ends)

    def unanswered(values: jax.Array, tried: jax.Array) -> jax.Array:
        best = jnp.argmax(values, axis=1)[:, None]
        known = jnp.take_along_axis(over | tried, best, axis=1)[:, 0]
        return asked & ~known & (tried.sum(axis=1) < config.answers)

    def verify(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        values, tried, safe = carry
        open_ = unanswered(values, tried)
        at_once = jnp.maximum(1, batch // 8 // jnp.maximum(1, open_.sum()))
        allowed = jnp.minimum(at_once, config.answers - tried.sum(axis=1))
        untried = open_[:, None] & ~over & ~tried
        rank = jnp.argsort(jnp.argsort(jnp.where(untried, -values, jnp.inf), axis=1), axis=1)
        here = untried & (rank < allowed[:, None])
        (chosen,) = jnp.nonzero(here.reshape(-1), size=batch, fill_value=batch * turns)
        some = jax.tree.map(lambda leaf: leaf.at[chosen].get(mode="clip"), flat)
        answer, _ = winning_lines(env, some, config.answer_nodes, chosen < batch * turns)
        # A proof, or what a search with no more decisions would hardly say otherwise.
        none = ~answer.found & (answer.complete | (config.turn_nodes <= config.answer_nodes))

        def of_ends(answers: jax.Array) -> jax.Array:
            return jnp.zeros(batch * turns, bool).at[chosen].set(answers, mode="drop").reshape(batch, turns)

        won = jnp.where(ends.current_player == player[:, None], 1.0, values - 3)
        return jnp.where(of_ends(answer.found), won, values), tried | here, safe | of_ends(none)

    start = values, jnp.zeros_like(over), jnp.zeros_like(over)
    values, _, safe = lax.while_loop(lambda carry: unanswered(*carry[:2]).any(), verify, start)
    return values, safe
