"""Played games as a NumPy file: what is written is read, and what does not fit is refused."""

import random
import re
from dataclasses import fields, replace

import jax
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax import boards
from ringrift_jax.learning.games import PlayedGame
from ringrift_jax.runs.exports import export_npz, load_npz

ENV = rr.make("hex8", 3, max_steps=400)
SLOTS = 5


def played(seed: int, length: int) -> PlayedGame:
    """A game of numbers that mean nothing, of the right shapes and types."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(ENV.init)
    return PlayedGame(
        states=jax.tree.map(lambda leaf: rng.integers(0, 2, (length, *leaf.shape)).astype(leaf.dtype), shapes),
        actions=rng.integers(0, ENV.num_actions, length, np.int32),
        slot_actions=rng.integers(-1, ENV.num_actions, (length, SLOTS)).astype(np.int16),
        slot_weights=rng.random((length, SLOTS)).astype(np.float16),
        surprise=rng.random(length).astype(np.float16),
        rewards=np.array([1, -0.5, -0.5], np.float32),
        lane=seed,
        number=3,
        first_iteration=4,
        last_iteration=6,
        models=("champion 1", "iteration 17", ""),
    )


GAMES = [played(0, 7), played(1, 1), played(2, 12)]


def same(a: PlayedGame, b: PlayedGame) -> bool:
    leaves = zip(jax.tree.leaves(vars(a)), jax.tree.leaves(vars(b)), strict=True)
    return all(
        np.array_equal(x, y) and np.asarray(x).dtype == np.asarray(y).dtype and type(x) is type(y) for x, y in leaves
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "games.npz"


@pytest.fixture
def arrays(path) -> dict[str, np.ndarray]:
    export_npz(path, ENV, GAMES)
    with np.load(path) as file:
        return dict(file)


def test_what_is_exported_is_loaded(path):
    export_npz(path, ENV, GAMES)
    env, games = load_npz(path)
    assert env == ENV
    assert len(games) == len(GAMES) and all(map(same, games, GAMES))
    assert not same(games[0], games[2])
    wide = [replace(GAMES[0], slot_actions=GAMES[0].slot_actions.astype(np.int32))]
    export_npz(path, ENV, wide)
    assert same(load_npz(path)[1][0], wide[0])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_games_that_do_not_fit_are_not_exported(path):
    export_npz(path, ENV, GAMES[:1])
    before = path.read_bytes()
    for env, games, complaint in (
        (ENV, [], "no games"),
        (rr.make("hex8", 2), GAMES, "array 'state_hand' is int32[20, 3]; it must be int32[20, 2]"),
        (rr.make(boards.custom("hex", 9, 18, 3)), GAMES, "unknown board"),
        (ENV, [GAMES[0], replace(GAMES[1], slot_actions=GAMES[1].slot_actions[:, 1:])], "array dimensions"),
        (ENV, [replace(GAMES[0], actions=GAMES[0].actions[1:])], "it must be uint32[6, 1, 9, 9]"),
        (ENV, [replace(GAMES[0], rewards=np.zeros(3))], "'outcome' is float64[7, 3]; it must be float32[7, 3]"),
        (ENV, [replace(GAMES[0], models=("a",))], "'models' is str32[1, 1]; it must be str[1, 3]"),
        (ENV, [replace(GAMES[0], actions=GAMES[0].actions + ENV.num_actions)], "'action' must hold actions from 0"),
    ):
        with pytest.raises(ValueError, match=re.escape(complaint)):
            export_npz(path, env, games)
    assert path.read_bytes() == before


def test_every_array_must_be_there_with_its_shape_and_type(path, arrays):
    for name, array in arrays.items():
        wrong = {
            "is missing": None,
            f"array '{name}' is float64": np.zeros(array.shape, np.float64),
            f"array '{name}'": array[..., None, None],
        }
        for complaint, value in wrong.items():
            others = {key: other for key, other in arrays.items() if key != name}
            np.savez(path, **(others if value is None else others | {name: value}))
            with pytest.raises(ValueError, match=re.escape(complaint)) as found:
                load_npz(path)
            assert str(found.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("format_version", np.int32(1), "format_version is 1; this package reads 2"),
        ("board", np.array("chess"), "unknown board 'chess'"),
        ("players", np.int32(9), "num_players is 9"),
        ("swap_rule", np.bool_(True), "swap_rule needs 2 players"),
        ("max_steps", np.int32(-3), "max_steps is -3"),
        ("game", np.zeros(20, np.int32), "array 'game' must hold each number from 0 to 2"),
        ("game", np.arange(20, dtype=np.int32)[::-1] // 7, "array 'game' must hold each number from 0 to 2"),
        ("outcome", np.arange(60, dtype=np.float32).reshape(20, 3), "array 'outcome' must be the same"),
        ("slot_actions", np.full((20, SLOTS), -2, np.int16), "'slot_actions' must hold actions from -1"),
    ],
)
def test_contents_must_fit_together(path, arrays, name, value, complaint):
    np.savez(path, **arrays | {name: value})
    with pytest.raises(ValueError, match=re.escape(complaint)):
        load_npz(path)


def test_files_that_are_no_exports(path, arrays):
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert all(map(same, load_npz(path)[1], GAMES))  # a bit of the archive that means nothing
        except ValueError as problem:
            assert str(problem).startswith(f"{path}: ")
    for content in (b"", b"PK", whole[:100], whole[: len(whole) // 2], b"not an archive"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a readable npz file"):
            load_npz(path)
    np.savez(path, **arrays | {"lane": np.array([{}, {}, {}])})
    with pytest.raises(ValueError, match=r"not a readable npz file \(Object arrays cannot be loaded"):
        load_npz(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="it holds a single array"):
        load_npz(path)
    with pytest.raises(FileNotFoundError):
        load_npz(path.with_name("none.npz"))


def test_a_state_has_no_field_that_is_not_exported(arrays):
    assert {f"state_{field.name}" for field in fields(rr.State)} - {"state_board"} <= arrays.keys()
