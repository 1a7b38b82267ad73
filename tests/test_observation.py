"""The planes against a reading of the state string, cell by cell, for rare and for random positions."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from positions import built_positions

from ringrift_jax import boards, notation, observation, reference
from ringrift_jax.env import make

PHASES = {
    "place": "place", "move": "move", "capture": "capture", "chain": "chain", "line": "line", "terr": "territory",
    "fe": "forced_elimination",
}  # fmt: skip
CONFIGURATIONS = [
    ("square8", 2, True), ("hex8", 3, False), ("square8", 4, False),
    pytest.param("square19", 3, False, marks=pytest.mark.slow),
    pytest.param("hexagonal", 2, True, marks=pytest.mark.slow),
]  # fmt: skip


def texts(env, number=40):
    """Built positions, and positions of random games at decisions."""
    found = list(built_positions(env.board).values()) if env.board.size < 10 else []
    n = env.num_players
    for text in found[:1]:
        found += [f"{text.rpartition('lps=')[0]}lps=1/{'1' * n}/{seat}/{seat}" for seat in range(1, n + 1)]
    rng = random.Random(0)
    while number:
        pos = reference.new_game(env.board, env.swap_rule)
        for _ in range(rng.randrange(1, 200)):
            if moves := reference.legal_moves(pos):
                pos = reference.play(pos, rng.choice(moves))
        pos = reference.settle(pos)
        if reference.result(pos) is None:
            found.append(reference.state_string(pos))
            number -= 1
    return found


def cells(field):
    return dict(item.split(":") for item in field.split())


def expected_planes(board, text, swapped):
    """The planes by name, read off a state string."""
    mover, phase, hand, eliminated, territory, stacks, markers, collapsed, flags = text.split("|")
    flags = dict(flag.partition("=")[::2] for flag in flags.split())
    n, mover = board.num_players, int(mover)
    names = observation.feature_names(board)
    planes = {name: np.zeros((board.size, board.size)) for name in names}

    def at(name, cell, value=1.0):
        x, y = map(int, cell.split(","))
        planes[name][x + board.radius, y + board.radius] = value

    def everywhere(name, value):
        planes[name][board.mask] = value

    def relative(seat):
        return (int(seat) - mover) % n

    for cell, rings in cells(stacks).items():
        from_top = rings[::-1]
        at(f"control/{relative(from_top[0])}", cell)
        at(f"height/{relative(from_top[0])}", cell, len(rings) / board.max_height)
        cap = len(rings) - len(rings.rstrip(from_top[0]))
        at(f"cap/{relative(from_top[0])}", cell, cap / board.max_height)
        for depth, owner in list(enumerate(from_top))[1:5]:
            at(f"ring_{depth}/{relative(owner)}", cell)
        for owner in set(from_top[1:]):
            at(f"buried/{relative(owner)}", cell, from_top[1:].count(owner) / board.max_height)
    for cell, owner in cells(markers).items():
        at(f"marker/{relative(owner)}", cell)
    for cell, owner in cells(collapsed).items():
        at(f"collapsed/{relative(owner)}", cell)

    first, mask, streak, length = flags["lps"].split("/")
    for seat in range(1, n + 1):
        r = relative(seat)
        everywhere(f"hand/{r}", int(hand.split(",")[seat - 1]) / board.rings_per_player)
        everywhere(f"eliminated/{r}", int(eliminated.split(",")[seat - 1]) / board.ring_threshold)
        everywhere(f"territory/{r}", int(territory.split(",")[seat - 1]) / board.territory_minimum)
        everywhere(f"active/{r}", mask[seat - 1] == "1")
        everywhere(f"blocked/{r}", mask[seat - 1] == "0")
        everywhere(f"round_first/{r}", int(first) == seat)
        everywhere(f"streak/{r}", min(int(length), 3) / 3 if int(streak) == seat else 0)
        everywhere(f"first_seat/{r}", seat == 1)
    everywhere(f"phase_{PHASES[phase]}", 1)
    for name, flag in (("acted", "act"), ("recovered", "rec"), ("swap_open", "sw")):
        everywhere(name, flag in flags)
    everywhere("owed", "pl" in flags or "pt" in flags)
    everywhere("swapped", swapped)
    if "mm" in flags:
        at("must_move", flags["mm"])
    if "at" in flags:
        at("capturing", flags["at"])
    if "sl" in flags:
        origin, destination = flags["sl"].split(">")
        at("slide_from", origin)
        at("slide_to", destination)
    everywhere("board", 1)
    return names, np.stack([planes[name] for name in names], axis=-1)


@pytest.mark.parametrize("name, players, swap_rule", CONFIGURATIONS)
def test_planes_are_what_the_state_string_says(name, players, swap_rule):
    env = make(name, players, swap_rule)
    positions = texts(env)
    states = [notation.from_state_string(env, text) for text in positions]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    planes = jax.jit(jax.vmap(env.observe))(batch)
    assert planes.shape == (len(states), *env.observation_shape) and planes.dtype == jnp.float32
    occurs = np.zeros(env.observation_shape[-1], bool)
    for state, text, seen in zip(states, positions, np.asarray(planes), strict=True):
        names, expected = expected_planes(env.board, text, bool(state.swapped))
        for i, feature in enumerate(names):
            np.testing.assert_allclose(seen[..., i], expected[..., i], atol=1e-6, err_msg=f"{feature} of {text}")
        occurs |= (expected > 0).any((0, 1))
    if env.board.size < 10:
        missing = {feature for feature, occurred in zip(names, occurs, strict=True) if not occurred}
        assert missing <= {"swapped", "swap_open", "blocked/0"}
    assert planes.min() >= 0 and planes.max() <= 2


@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_names_match_the_planes_everywhere(name):
    for players, features in ((2, 53), (3, 71), (4, 89)):
        board = boards.standard(name, players)
        names = observation.feature_names(board)
        assert len(names) == len(set(names)) == observation.num_features(board) == features
        shape = jax.eval_shape(lambda board=board: observation.observe(board, make(board).init())).shape
        assert shape == (board.size, board.size, features)


def test_a_swap_changes_the_swap_planes_alone():
    env = make("square8", 2, swap_rule=True)
    offered = next(text for text in texts(env, 200) if " sw " in f" {text.split('|')[-1]} ")
    before = env.observe(notation.from_state_string(env, offered))
    after = env.observe(notation.from_state_string(env, offered.replace("sw ", "")))
    changed = (before != after).any((0, 1))
    names = observation.feature_names(env.board)
    assert [name for name, different in zip(names, changed, strict=True) if different] == ["swapped", "swap_open"]
