"""``check_env`` accepts the real environments and finds every kind of broken promise."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import pytest
from jax.custom_batching import custom_vmap

import ringrift_jax as rr
from ringrift_jax.boards import custom
from ringrift_jax.rules.state import State


@dataclass(frozen=True)
class MarkerGame(rr.Env):
    """A small game with the interface of an environment: players put markers until the board is full; seat 0 wins."""

    board: rr.Board = custom("square", 3, 3)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        return 3, 3, 1

    def legal_action_mask(self, state: State) -> jax.Array:
        free = (state.ground.reshape(-1) == 0) & ~state.is_over
        return jnp.zeros(self.num_actions, bool).at[:9].set(free)

    def observe(self, state: State) -> jax.Array:
        return state.ground[..., None].astype(jnp.float32)

    def step(self, state: State, action: jax.Array) -> State:
        legal = self.legal_action_mask(state)[action]
        ground = state.ground.reshape(-1).at[action].set((state.current_seat + 1).astype(jnp.int8)).reshape(3, 3)
        full = jnp.all(ground != 0)
        played = state.replace(
            ground=ground,
            current_seat=(state.current_seat + 1) % 2,
            phase=jnp.where(full, rr.Phase.OVER, rr.Phase.PLACE).astype(jnp.int32),
            winner=jnp.where(full, 0, -1),
            reason=jnp.where(full, rr.Reason.TERRITORY_CONTROL, rr.Reason.NONE).astype(jnp.int32),
            just_ended=full,
            steps=state.steps + 1,
            illegal=jnp.asarray(False),
        )
        refused = state.replace(illegal=~state.is_over, just_ended=jnp.asarray(False))
        return jax.tree.map(lambda new, old: jnp.where(legal, new, old), played, refused)


class NotHashable(MarkerGame):
    __hash__ = None  # pyright: ignore[reportAssignmentType]


class ChangesDtype(MarkerGame):
    def step(self, state, action):
        return super().step(state, action).replace(steps=state.steps + 1.0)


class NarrowMask(MarkerGame):
    def legal_action_mask(self, state):
        return super().legal_action_mask(state)[:9]


class IntegerObservation(MarkerGame):
    def observe(self, state):
        return state.ground[..., None]


class NothingLegal(MarkerGame):
    def legal_action_mask(self, state):
        return super().legal_action_mask(state) & (state.steps != 3)


class UnknownPlayer(MarkerGame):
    def step(self, state, action):
        after = super().step(state, action)
        return after.replace(current_seat=jnp.where(after.steps == 2, 2, after.current_seat))


class InfiniteObservation(MarkerGame):
    def observe(self, state):
        return super().observe(state) / (state.steps - 4)


class StepsNotCounted(MarkerGame):
    def step(self, state, action):
        return super().step(state, action).replace(steps=state.steps)


class IllegalPasses(MarkerGame):
    def step(self, state, action):
        after = super().step(state, action)
        return after.replace(current_seat=jnp.where(after.illegal, 1 - state.current_seat, after.current_seat))


class GoesOnAfterTheEnd(MarkerGame):
    def step(self, state, action):
        after = super().step(state, action)
        return after.replace(turn=after.turn + state.is_over)


class PaysNothing(MarkerGame):
    def step(self, state, action):
        return super().step(state, action).replace(just_ended=jnp.asarray(False))


class AsymmetricMask(MarkerGame):
    def legal_action_mask(self, state):
        mask = super().legal_action_mask(state)
        return mask.at[0].set(mask[0] & (state.steps > 1))


class AsymmetricStep(MarkerGame):
    def step(self, state, action):
        after = super().step(state, action)
        return after.replace(hand=after.hand.at[0].add(jnp.where(action == 0, -1, 0)))


class AsymmetricObservation(MarkerGame):
    def observe(self, state):
        return super().observe(state) + jnp.arange(3.0)[:, None]


class EqualOnlyToItself(MarkerGame):
    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


class DiffersUnderVmap(MarkerGame):
    def step(self, state, action):
        @custom_vmap
        def turn(x):
            return x

        @turn.def_vmap
        def _(axis_size, in_batched, x):
            return x + 1, True

        after = super().step(state, action)
        return after.replace(turn=jnp.where(after.steps > state.steps, turn(after.turn), after.turn))


BROKEN = [
    (NotHashable, "must be hashable"),
    (EqualOnlyToItself, "must equal its copy"),
    (ChangesDtype, r"steps is int32\[\] and becomes float32\[\]"),
    (NarrowMask, r"must be bool\["),
    (IntegerObservation, r"must be float\[3, 3, 1\], not int8"),
    (NothingLegal, "a running game must have a legal action"),
    (UnknownPlayer, "current_player must be a player"),
    (InfiniteObservation, "finite numbers"),
    (StepsNotCounted, "count one step"),
    (IllegalPasses, "an illegal action must leave the state unchanged"),
    (GoesOnAfterTheEnd, "after the end must change nothing"),
    (PaysNothing, "rewards must be paid once"),
    (AsymmetricMask, "legal_action_mask must commute"),
    (AsymmetricStep, "step must commute"),
    (AsymmetricObservation, "observe must commute"),
    (DiffersUnderVmap, "step under vmap must equal step alone"),
]


def test_a_small_game_passes():
    rr.check_env(MarkerGame(), num_games=2)


@pytest.mark.parametrize(("broken", "sentence"), BROKEN)
def test_a_broken_promise_is_found(broken: type[MarkerGame], sentence: str):
    with pytest.raises(AssertionError, match=sentence):
        rr.check_env(broken(), num_games=2)


def test_games_must_end():
    with pytest.raises(AssertionError, match="games must end; after 5 decisions"):
        rr.check_env(MarkerGame(), num_games=2, max_decisions=5)


@pytest.mark.ci
@pytest.mark.optimised
def test_square8_passes():
    rr.check_env(rr.make("square8", swap_rule=True), num_games=2)


@pytest.mark.slow
@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("board", rr.BOARD_NAMES)
def test_all_environments_pass(board: str, num_players: int):
    rr.check_env(rr.make(board, num_players), num_games=2)
