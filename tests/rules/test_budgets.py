"""What every environment promises besides the rules: size, purity, no retrace, no effect of wrong actions, the end."""

import ast
import importlib.util
from functools import cache, partial
from pathlib import Path

import batches
import jax
import jax.numpy as jnp
import numpy as np
import positions
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import ringrift_jax as rr
from ringrift_jax import checks, notation, rules
from ringrift_jax.rules.actions import Kind, Layout
from ringrift_jax.rules.arrays.lanes import unbatched
from ringrift_jax.rules.state import State
from ringrift_jax.rules.step import afterstate, step_legal


@cache
def built(env: rr.Env) -> State:
    """``[N]`` of all built positions."""
    texts = positions.built_positions(env.board).values()
    return batches.stack([notation.from_state_string(env, text) for text in texts])


def same(first: State, second: State) -> bool:
    return bool(checks.equal(first, second))


def repeat(state: State, count: int) -> State:
    return jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], count, axis=0), state)


def nbytes(state: State) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("board", rr.BOARD_NAMES)
def test_step_is_short(board: str, num_players: int) -> None:
    env = batches.make(board, num_players)
    jaxpr = jax.make_jaxpr(env.step)(jax.eval_shape(env.init), jax.ShapeDtypeStruct((), jnp.int32))
    lines = len(str(jaxpr).splitlines())
    assert 100 < lines <= 6000


def test_state_is_small() -> None:
    assert nbytes(rr.make("square8").init()) <= 480


@pytest.mark.parametrize("board", rr.BOARD_NAMES)
def test_init_is_deterministic_and_its_own(board: str) -> None:
    env = rr.make(board, 3)
    first, second = env.init(), env.init()
    assert same(first, second)
    consumed = jax.jit(lambda state: jax.tree.map(lambda x: ~x, state), donate_argnums=0)(first)
    assert not same(consumed, second) and same(env.init(), second), "two games share their arrays"


@pytest.mark.ci
def test_step_alone_under_vmap_and_under_two_vmaps() -> None:
    """At every built position, with a random legal action."""
    env = batches.make("square8", 2)
    states = batches.take(built(env), np.s_[:64])
    _, masks = batches.advance(env, states, np.full(64, batches.NO_ACTION))
    rng = np.random.default_rng(0)
    actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks], np.int32)
    after, after_masks = batches.advance(env, states, actions)
    assert not after.illegal.any() and not same(after, states)

    fold = partial(jax.tree.map, lambda x: x.reshape(8, 8, *x.shape[1:]))
    nested = jax.jit(jax.vmap(jax.vmap(partial(batches.step_and_mask, env))), compiler_options=batches.COMPILES_FASTER)
    nested_after, nested_masks = nested(fold(states), fold(actions))
    assert same(nested_after, fold(after))
    np.testing.assert_array_equal(nested_masks, fold(after_masks))

    for i, action in enumerate(actions):
        alone = env.step(batches.take(states, i), action)
        assert same(alone, batches.take(after, i)), notation.state_string(env, batches.take(states, i))
        np.testing.assert_array_equal(env.legal_action_mask(alone), after_masks[i])


@pytest.mark.parametrize(
    ("board", "num_players"),
    [pytest.param(*each, marks=batches.marks(*each)) for each in (*batches.SMALL, *batches.LARGE)],
)
def test_step_of_a_legal_decision_needs_no_check(board: str, num_players: int) -> None:
    """At every built position, with two random legal actions."""
    env = batches.make(board, num_players)
    states = batches.take(built(env), np.s_[: batches.LANES])
    _, masks = batches.advance(env, states, np.full(len(states.turn), batches.NO_ACTION))
    states, masks = batches.take(states, masks.any(axis=1)), masks[masks.any(axis=1)]
    rng = np.random.default_rng(0)
    unchecked = jax.jit(
        jax.vmap(unbatched(partial(step_legal, env.board, None))), compiler_options=batches.COMPILES_FASTER
    )
    for _ in range(2):
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks], np.int32)
        after, _ = batches.advance(env, states, actions)
        assert len(actions) > 30 and not after.illegal.any()
        assert same(unchecked(states, actions), after)


TRACED = []


@partial(jax.jit, static_argnums=0, compiler_options=batches.COMPILES_FASTER)
def random_step(env: rr.Env, state: State, key: jax.Array) -> State:
    TRACED.append(env)
    return env.step(state, rr.random_action(env, state, key))


PROPERTIES = ("seat_of_player", "current_player", "rewards", "ranks", "territory", "markers", "is_over", "truncated")


@pytest.mark.parametrize(("board", "num_players"), [("square8", 2), ("hexagonal", 3)])
def test_dtypes_are_those_documented_in_64_bit_mode(board: str, num_players: int) -> None:
    env = rr.make(board, num_players, max_steps=9)

    def look(action: jax.Array):
        start = env.init()
        after = unbatched(partial(afterstate, env.board))(start, action)
        states = {"init": start, "step": env.step(start, action), "afterstate": after}
        properties = {name: getattr(states["step"], name) for name in PROPERTIES}
        return states, properties, env.legal_action_mask(start), env.observe(start)

    usual = jax.eval_shape(look, jax.ShapeDtypeStruct((), jnp.int32))
    with jax.enable_x64(True):
        for dtype in (jnp.int32, jnp.int64):
            assert jax.eval_shape(look, jax.ShapeDtypeStruct((), dtype)) == usual


def explicit(tree, spec: P):
    """Arrays on all devices, along an axis that is explicit, as ``jax.make_mesh`` makes it."""
    mesh = jax.make_mesh((jax.device_count(),), ("games",))
    return jax.device_put(tree, NamedSharding(mesh, spec))


@pytest.mark.parametrize("folds", (1, 2))
def test_states_may_be_spread_over_an_explicit_mesh(folds: int) -> None:
    """Alone on each device under one ``vmap``, and two on each under a ``vmap`` within."""
    env = batches.make("square8", 2)
    shape = (jax.device_count(), 2)[:folds]
    states = jax.tree.map(lambda x: np.broadcast_to(x, (*shape, *x.shape)), jax.device_get(env.init()))
    states, actions = explicit((states, np.zeros(shape, np.int32)), P("games"))
    for function, arguments in (
        (env.step, (states, actions)),
        (env.legal_action_mask, (states,)),
        (env.observe, (states,)),
    ):
        for _ in range(folds):
            function = jax.vmap(function)
        # Lowered as well, since what has no sharding of its own is only found there.
        for leaf in jax.tree.leaves(jax.jit(function).lower(*arguments).out_info):
            assert leaf.shape[:folds] == shape and leaf.sharding.spec[0] == "games"


@pytest.mark.ci
def test_states_on_an_explicit_mesh_become_what_they_become_elsewhere() -> None:
    env = batches.make("square8", 2)
    states = batches.take(built(env), np.s_[: 8 * jax.device_count()])
    masks = jax.vmap(env.legal_action_mask)(states)
    actions = np.argmax(masks, axis=-1).astype(np.int32)
    spread = explicit((states, actions), P("games"))
    assert same(jax.vmap(env.step)(*spread), jax.vmap(env.step)(states, actions))
    np.testing.assert_array_equal(jax.vmap(env.legal_action_mask)(spread[0]), masks)
    np.testing.assert_array_equal(jax.vmap(env.observe)(spread[0]), jax.vmap(env.observe)(states))


def test_nothing_is_traced_twice() -> None:
    for _ in range(2):
        env = rr.make("square8", 2, max_steps=3)
        state = env.init()
        for i in range(3):
            state = random_step(env, state, jax.random.key(i))
        assert int(state.steps) == 3
    assert TRACED.count(env) == 1
    assert rr.make("square8", 2) != env


def wrong_actions(env: rr.Env) -> dict[str, int]:
    """Actions that no position allows, by what is wrong with them."""
    layout = Layout(env.board)
    return {
        "negative": -1,
        "very negative": -(2**31),
        "too large": env.num_actions,
        "very large": 2**31 - 1,
        "a ray off the board": layout.ray(env.board.size // 2, env.board.directions.index((-1, 0)), 1),
    }


@pytest.mark.parametrize(("board", "num_players"), [("square8", 2), ("hex8", 3)])
def test_illegal_actions_change_nothing(board: str, num_players: int) -> None:
    """At every built position: actions out of range, off the board, and some of every kind that the mask forbids."""
    env = batches.make(board, num_players)
    states = built(env)
    count = len(states.phase)
    none = np.full(count, batches.NO_ACTION)
    refused, masks = batches.advance(env, states, none)
    expected = states.replace(illegal=np.ones(count, bool), just_ended=np.zeros(count, bool))
    assert same(refused, expected)
    layout = Layout(env.board)
    off_board = np.flatnonzero(~env.board.mask.reshape(-1))
    cells, rng = layout.cells, np.random.default_rng(1)
    starts = {Kind.PLACE: 0, Kind.RAY: layout.rays, Kind.LINE: layout.lines, Kind.REGION: layout.regions,
              Kind.PAY: layout.payment, Kind.SKIP: layout.num_planes}  # fmt: skip
    bounds = [*starts.values(), layout.num_planes + 1]
    trials = [np.full(count, action) for action in wrong_actions(env).values()]
    trials += [np.full(count, plane * cells + cell) for plane in bounds[:-2] for cell in off_board[:2]]
    for low, high in zip(bounds[:-1], bounds[1:], strict=True):
        within = np.arange(low * cells, min(high * cells, env.num_actions))
        for _ in range(3):
            forbidden = [within[~mask[within]] for mask in masks]
            trials.append(np.array([rng.choice(f) if len(f) else batches.NO_ACTION for f in forbidden]))
    for trial in trials:
        after, after_masks = batches.advance(env, states, trial)
        assert same(after, expected), trial
        np.testing.assert_array_equal(after_masks, masks)


def last_decision(env: rr.Env) -> State:
    """A position whose only legal action ends the game."""
    state = notation.from_state_string(env, positions.built_positions(env.board)["stalemate_markers"])
    assert env.legal_action_mask(state).sum() == 1
    return state


def finished(env: rr.Env) -> State:
    """A game that has just ended."""
    state = last_decision(env)
    return env.step(state, jnp.argmax(env.legal_action_mask(state)))


def test_a_finished_game_stays_as_it_is() -> None:
    env = batches.make("square8", 2)
    end = finished(env)
    assert end.just_ended and end.is_over and end.terminated and not end.truncated and not end.illegal
    np.testing.assert_allclose(end.rewards, np.where(np.arange(2) == end.winner, 1, -1))
    assert not env.legal_action_mask(end).any()
    for action in (0, 100, env.layout.skip, -1, env.num_actions):
        after = env.step(end, jnp.int32(action))
        assert same(after, end.replace(just_ended=jnp.asarray(False)))
        assert not after.rewards.any() and after.winner == end.winner


@pytest.mark.parametrize("num_players", (2, pytest.param(3, marks=pytest.mark.ci)))
def test_truncation(num_players: int) -> None:
    env = rr.make("square8", num_players, max_steps=3)
    state = env.init()
    for i in range(3):
        assert not state.is_over and not state.just_ended
        state = random_step(env, state, jax.random.key(i))
    assert state.steps == 3 and state.truncated and state.is_over and not state.terminated and state.just_ended
    assert state.winner == -1 and state.reason == rr.Reason.TRUNCATED
    assert state.ranks.tolist() == [1] * num_players and not state.rewards.any()
    assert not env.legal_action_mask(state).any()
    after = random_step(env, state, jax.random.key(3))
    assert same(after, state.replace(just_ended=jnp.asarray(False)))


def test_a_game_that_ends_in_its_last_step_is_not_truncated() -> None:
    env = rr.make("square8", 2, max_steps=3)
    state = last_decision(env).replace(steps=jnp.int32(2))
    end = random_step(env, state, jax.random.key(0))  # there is one action
    assert end.steps == 3 and end.terminated and not end.truncated and end.winner >= 0


def test_players_exchange_seats() -> None:
    env = batches.make("square8", 2)
    state = env.init()
    assert not env.legal_action_mask(state)[env.layout.swap], "only the second player may swap"
    for move in ("P 3,3 1", "M 3,3>3,4"):
        state = notation.play(env, state, move)
    assert (state.current_seat, state.current_player) == (1, 1)
    swapped = notation.play(env, state, "SWAP")
    assert state.seat_of_player.tolist() == [0, 1] and swapped.seat_of_player.tolist() == [1, 0]
    assert (swapped.current_seat, swapped.current_player) == (1, 0)
    assert same(swapped.replace(swapped=state.swapped, steps=state.steps), state), "a swap changes nothing else"
    before, after = (env.legal_action_mask(s) for s in (state, swapped))
    assert np.flatnonzero(before != after).tolist() == [env.layout.swap]
    assert env.step(swapped, jnp.int32(env.layout.swap)).illegal, "a second swap"
    end = finished(env)
    exchanged = end.replace(swapped=jnp.asarray(True))
    assert exchanged.rewards.tolist() == end.rewards.tolist()[::-1] and end.rewards.any()
    assert exchanged.ranks.tolist() == end.ranks.tolist(), "ranks are by seat"


def rings_on_board(env: rr.Env, states: State) -> np.ndarray:
    """``int[N, n]``: rings of each seat in stacks, counted digit by digit."""
    words = states.stacks.astype(np.uint64).reshape(*states.stacks.shape[:2], -1)
    values = np.sum([words[:, w] << np.uint64(32 * w) for w in range(words.shape[1])], axis=0)
    counts = np.zeros((len(values), env.num_players), int)
    while (values > 1).any():
        for seat in range(env.num_players):
            counts[:, seat] += ((values > 1) & (values & np.uint64(3) == seat)).sum(-1)
        values = np.where(values > 1, values >> np.uint64(2), values)
    return counts


@pytest.mark.parametrize(
    ("board", "num_players"),
    [pytest.param(*c, marks=batches.marks(*c, {("square8", 2)}, {("hex8", 4)})) for c in batches.SMALL],
)
def test_invariants(board: str, num_players: int) -> None:
    """At every step of random games from the start and from built positions."""
    env, rng = batches.make(board, num_players), np.random.default_rng(num_players)
    starts = repeat(env.init(), batches.LANES - len(built(env).phase))
    states = jax.tree.map(lambda a, b: np.concatenate([a, b]), built(env), starts)
    states, masks = batches.advance(env, states, np.full(batches.LANES, batches.NO_ACTION))
    for _ in range(60):
        actions = np.array([rng.choice(np.flatnonzero(mask)) if mask.any() else -1 for mask in masks])
        after, after_masks = batches.advance(env, states, actions)
        check_states(env, after, after_masks)
        running = states.phase != rr.Phase.OVER
        check_steps(env, batches.take(states, running), actions[running], batches.take(after, running))
        states, masks = after, after_masks
    assert (states.phase == rr.Phase.OVER).any(), "no game ended"


def check_states(env: rr.Env, states: State, masks: np.ndarray) -> None:
    has_stack = (states.stacks[:, 0] > 1) | (states.stacks[:, 1:] > 0).any(1)
    assert not (has_stack & (states.ground != 0)).any(), "a cell holds two things"
    assert not ((has_stack | (states.ground != 0)) & ~env.board.mask).any(), "something is off the board"
    assert (states.hand >= 0).all() and (np.abs(states.ground) <= env.num_players).all()
    np.testing.assert_array_equal(masks.any(-1), states.phase != rr.Phase.OVER)


def check_steps(env: rr.Env, before: State, actions: np.ndarray, after: State) -> None:
    layout = env.layout
    assert not after.illegal.any() and (after.steps == before.steps + 1).all()
    owned = [rings_on_board(env, s) + s.hand for s in (before, after)]
    total = [own.sum(-1) + s.eliminated.sum(-1) for own, s in zip(owned, (before, after), strict=True)]
    np.testing.assert_array_equal(*total, err_msg="a ring was made or lost")
    assert (owned[1] <= owned[0]).all(), "a colour gained a ring"

    markers, land = ([np.stack([(s.ground == sign * (seat + 1)).sum((1, 2)) for seat in range(env.num_players)], -1)
                      for s in (before, after)] for sign in (1, -1))  # fmt: skip
    mover = np.arange(env.num_players) == before.current_seat[:, None]
    for gained in (after.eliminated - before.eliminated, land[1] - land[0]):
        assert (gained >= 0).all() and not gained[~mover].any(), "only the mover is credited"

    progress = [m.sum(-1) + 2 * c.sum(-1) + s.eliminated.sum(-1)
                for m, c, s in zip(markers, land, (before, after), strict=True)]  # fmt: skip
    plane = actions // layout.cells
    slides = (before.phase == rr.Phase.MOVE) & (before.slide < 0) & (after.slide >= 0)
    grows = (plane >= layout.rays) & (plane < layout.num_planes) & ~slides
    np.testing.assert_array_equal(progress[1] > progress[0], grows, err_msg="progress is made by these actions alone")
    places = plane < layout.rays
    assert (after.phase[places] == rr.Phase.MOVE).all() and (after.focus[places] >= 0).all(), "a dead placement"


def test_rules_import_boards_and_rules_only() -> None:
    root = Path(rules.__file__).parent
    for path in root.rglob("*.py"):
        package = ".".join(("ringrift_jax.rules", *path.parent.relative_to(root).parts))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                assert module.startswith(("ringrift_jax.boards", "ringrift_jax.rules")), f"{path.name} imports {module}"
                assert node.col_offset == 0, f"{path.name} imports {module} late"
