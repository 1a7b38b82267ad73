"""A tiny takeaway game with the interface of ``ringrift_jax.env.Env``, for tests of the search and of the loop.

A heap of tokens; seats take 1 to 4 tokens in turn, and whoever takes the last token wins. A seat that takes exactly 1
goes on in phase ``CHAIN``: it takes 1 or 2 more, or skips. So one player often decides twice in a row. With
``swap_rule`` seat 1 may exchange players 0 and 1 at its first decision, once, and the other player decides next.

Actions, laid out as (plane, cell) on a 2 x 2 board and two more: 0 to 3 take 1 to 4 tokens, 4 skips, 5 swaps.
"""

import dataclasses
from dataclasses import dataclass, field, replace
from functools import cache, partial

import jax
import jax.numpy as jnp

from ringrift_jax import boards
from ringrift_jax.rules.state import Phase, Reason

SKIP, SWAP = 4, 5


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ToyState:
    heap: jax.Array
    current_seat: jax.Array
    phase: jax.Array
    swapped: jax.Array
    turn: jax.Array
    steps: jax.Array
    illegal: jax.Array
    just_ended: jax.Array
    winner: jax.Array
    reason: jax.Array
    num_players: int = field(metadata=dict(static=True))

    def replace(self, **changes) -> "ToyState":
        return dataclasses.replace(self, **changes)

    @property
    def seat_of_player(self):
        seats = jnp.arange(self.num_players)
        return jnp.where(self.swapped[..., None], jnp.where(seats < 2, 1 - seats, seats), seats)

    @property
    def current_player(self):
        return jnp.where(self.swapped & (self.current_seat < 2), 1 - self.current_seat, self.current_seat)

    @property
    def is_over(self):
        return self.phase == Phase.OVER

    @property
    def truncated(self):
        return self.reason == Reason.TRUNCATED

    @property
    def terminated(self):
        return self.is_over & ~self.truncated

    @property
    def rewards(self):
        won = self.seat_of_player == self.winner[..., None]
        paid = (self.just_ended & (self.winner >= 0))[..., None]
        return jnp.where(paid, jnp.where(won, 1.0, -1.0 / (self.num_players - 1)), 0.0).astype(jnp.float32)

    @property
    def ranks(self):
        lost = (jnp.arange(self.num_players) != self.winner[..., None]) & ~self.truncated[..., None]
        return jnp.where(lost, 2, 1)


@dataclass(frozen=True)
class ToyGame:
    num_players: int = 2
    heap: int = 9
    swap_rule: bool = False
    max_steps: int | None = None

    board = replace(boards.standard("square8", 2), size=2)  # the name in exported files, the size of observations
    num_actions = 6
    plane_offsets = ((0, 0),)
    observation_shape = (2, 2, 5)
    num_symmetries = 1

    def init(self) -> ToyState:
        number = partial(jnp.asarray, dtype=jnp.int32)
        return ToyState(
            heap=number(self.heap),
            current_seat=number(0),
            phase=number(Phase.PLACE),
            swapped=jnp.asarray(False),
            turn=number(1),
            steps=number(0),
            illegal=jnp.asarray(False),
            just_ended=jnp.asarray(False),
            winner=number(-1),
            reason=number(Reason.NONE),
            num_players=self.num_players,
        )

    def legal_action_mask(self, state: ToyState):
        chain = state.phase == Phase.CHAIN
        takes = jnp.arange(1, 5) <= jnp.minimum(state.heap, jnp.where(chain, 2, 4))
        swap = self.swap_rule & (self.num_players == 2) & (state.turn == 2) & ~chain & ~state.swapped
        return jnp.concatenate([takes, jnp.stack([chain, swap])]) & ~state.is_over

    def step(self, state: ToyState, action) -> ToyState:
        action = jnp.asarray(action, jnp.int32)
        inside = (action >= 0) & (action < self.num_actions)
        legal = inside & self.legal_action_mask(state)[jnp.clip(action, 0, self.num_actions - 1)]
        take = jnp.where(action < SKIP, action + 1, 0)
        heap = state.heap - take
        won = heap == 0
        goes_on = (action == SWAP) | ((state.phase == Phase.PLACE) & (take == 1))
        phase = jnp.where((state.phase == Phase.PLACE) & (take == 1), Phase.CHAIN, Phase.PLACE)
        steps = state.steps + 1
        stopped = ~won & (False if self.max_steps is None else steps >= self.max_steps)
        after = state.replace(
            heap=heap,
            current_seat=jnp.where(goes_on | won, state.current_seat, (state.current_seat + 1) % self.num_players),
            phase=jnp.where(won | stopped, Phase.OVER, phase),
            swapped=state.swapped | (action == SWAP),
            turn=state.turn + ~(goes_on | won),
            steps=steps,
            illegal=jnp.zeros_like(state.illegal),
            just_ended=won | stopped,
            winner=jnp.where(won, state.current_seat, -1),
            reason=jnp.where(won, Reason.LAST_PLAYER_STANDING, jnp.where(stopped, Reason.TRUNCATED, Reason.NONE)),
        )
        unchanged = state.replace(
            illegal=jnp.where(state.is_over, state.illegal, ~legal), just_ended=jnp.zeros_like(state.just_ended)
        )
        return jax.tree.map(lambda a, b: jnp.where(legal, a, b).astype(b.dtype), after, unchanged)

    def observe(self, state: ToyState):
        second = state.turn == 2
        features = jnp.stack([state.heap / self.heap, state.phase == Phase.CHAIN, second, state.swapped, 1.0])
        return jnp.broadcast_to(features.astype(jnp.float32), self.observation_shape)


@cache
def best_reward(heap: int, chain: bool = False, mover: int = 0, players: int = 2) -> float:
    """What player 0 gets with best play of all when ``mover`` decides and the others are against it: 1 when it wins,
    else -1 with 2 players, -1/2 with 3."""
    skip = [best_reward(heap, False, (mover + 1) % players, players)] if chain else []
    takes = range(1, min(heap, 2 if chain else 4) + 1)
    return (min if mover else max)(skip + [reward_of(heap, chain, take, mover, players) for take in takes])


def reward_of(heap: int, chain: bool, take: int, mover: int = 0, players: int = 2) -> float:
    """The same after ``mover`` has taken so many tokens."""
    if take == heap:
        return -1 / (players - 1) if mover else 1
    if take == 1 and not chain:
        return best_reward(heap - 1, True, mover, players)
    return best_reward(heap - take, False, (mover + 1) % players, players)
