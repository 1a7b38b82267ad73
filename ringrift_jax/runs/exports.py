"""Played games as one NumPy file for other trainers: positions, search policies and outcomes (docs/records.md)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import boards
from ..env import Env, make
from ..learning.games import PlayedGame
from .files import read_npz, replacing

FORMAT = 2
NO_LIMIT = 0
"""``max_steps`` of an environment without."""
_NUMBERS = ("format_version", "players", "max_steps")
_GAME_NUMBERS = ("lane", "number", "first_iteration", "last_iteration")


def export_npz(path: Path | str, env: Env, games: Sequence[PlayedGame]) -> None:
    """Writes games to a compressed file, which replaces one of that name in one step.

    Raises:
      ValueError: there are no games, or they do not fit together or to the environment.
    """
    if not games:
        raise ValueError("there are no games to export")
    lengths = [len(game.actions) for game in games]
    try:
        fields = [_fields(game.states) for game in games]
        arrays = {name: np.concatenate([leaves[name] for leaves in fields]) for name in fields[0]} | {
            "format_version": np.int32(FORMAT),
            "board": np.array(env.board.name),
            "players": np.int32(env.num_players),
            "swap_rule": np.bool_(env.swap_rule),
            "max_steps": np.int32(env.max_steps or NO_LIMIT),
            "game": np.repeat(np.arange(len(games), dtype=np.int32), lengths),
            "action": np.concatenate([game.actions for game in games]),
            "slot_actions": np.concatenate([game.slot_actions for game in games]),
            "slot_weights": np.concatenate([game.slot_weights for game in games]),
            "surprise": np.concatenate([game.surprise for game in games]),
            "outcome": np.repeat(np.stack([game.rewards for game in games]), lengths, axis=0),
            "models": np.array([game.models for game in games], str),
            **{name: np.array([getattr(game, name) for game in games], np.int32) for name in _GAME_NUMBERS},
        }
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        if _check(arrays) != env:
            raise ValueError(f"board {env.board.name} is not the published one")
    except ValueError as problem:
        raise ValueError(f"the games cannot be exported: {problem}") from None
    with replacing(Path(path)) as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def load_npz(path: Path | str) -> tuple[Env, list[PlayedGame]]:
    """The environment and the games of an exported file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not such a file, or an array is missing or of another shape or type; with its name.
    """
    try:
        arrays = read_npz(Path(path))
        env = _check(arrays)
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None
    count = len(arrays["lane"])
    bounds = np.searchsorted(arrays["game"], np.arange(count + 1)).tolist()
    return env, [_game(env, arrays, i, slice(bounds[i], bounds[i + 1])) for i in range(count)]


def _fields(state: Any) -> dict[str, Any]:
    """The leaves of a state, which is a dataclass, by the names of their arrays."""
    return {f"state_{path[0].name}": leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def _game(env: Env, arrays: dict[str, Any], index: int, rows: slice) -> PlayedGame:
    like = jax.eval_shape(env.init)
    states = jax.tree.unflatten(jax.tree.structure(like), [arrays[name][rows] for name in _fields(like)])
    return PlayedGame(
        states=states,
        actions=arrays["action"][rows],
        slot_actions=arrays["slot_actions"][rows],
        slot_weights=arrays["slot_weights"][rows],
        surprise=arrays["surprise"][rows],
        rewards=arrays["outcome"][rows.start],
        models=tuple(arrays["models"][index].tolist()),
        **{name: int(arrays[name][index]) for name in _GAME_NUMBERS},
    )


def _check(arrays: dict[str, np.ndarray]) -> Env:
    """The environment, after checking every shape and type and that the parts fit together."""
    for name in _NUMBERS:
        _expect(arrays, name, np.int32)
    version = int(arrays["format_version"])
    if version != FORMAT:
        raise ValueError(f"format_version is {version}; this package reads {FORMAT}")
    _expect(arrays, "board", np.str_)
    _expect(arrays, "swap_rule", np.bool_)
    board = boards.standard(str(arrays["board"]), int(arrays["players"]))
    limit = int(arrays["max_steps"])
    env = make(board, swap_rule=bool(arrays["swap_rule"]), max_steps=None if limit == NO_LIMIT else limit)

    n = env.num_players
    rows, games, slots = (_length(arrays, *which) for which in (("game", 0), ("lane", 0), ("slot_actions", 1)))
    for name, leaf in _fields(jax.eval_shape(env.init)).items():
        _expect(arrays, name, leaf.dtype, (rows, *leaf.shape))
    _expect(arrays, "game", np.int32, (rows,))
    _expect(arrays, "action", np.int32, (rows,))
    _expect(arrays, "slot_actions", (np.int16, np.int32), (rows, slots))
    _expect(arrays, "slot_weights", np.float16, (rows, slots))
    _expect(arrays, "surprise", np.float16, (rows,))
    _expect(arrays, "outcome", np.float32, (rows, n))
    _expect(arrays, "models", np.str_, (games, n))
    for name in _GAME_NUMBERS:
        _expect(arrays, name, np.int32, (games,))

    game = arrays["game"]
    if np.any(np.diff(game) < 0) or not np.array_equal(np.unique(game), np.arange(games)):
        raise ValueError(f"array 'game' must hold each number from 0 to {games - 1} in order, one or more times")
    if np.any(arrays["outcome"][1:][np.diff(game) == 0] != arrays["outcome"][:-1][np.diff(game) == 0]):
        raise ValueError("array 'outcome' must be the same in all positions of a game")
    for name, least in (("action", 0), ("slot_actions", -1)):
        if np.any((arrays[name] < least) | (arrays[name] >= env.num_actions)):
            raise ValueError(f"array {name!r} must hold actions from {least} to {env.num_actions - 1}")
    return env


def _array(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"array {name!r} is missing")
    return arrays[name]


def _length(arrays: dict[str, np.ndarray], name: str, axis: int) -> int:
    array = _array(arrays, name)
    if array.ndim <= axis:
        raise ValueError(f"array {name!r} has {array.ndim} dimensions; it must have {axis + 1}")
    return array.shape[axis]


def _expect(arrays: dict[str, np.ndarray], name: str, kinds: Any, shape: tuple[int, ...] = ()) -> None:
    array = _array(arrays, name)
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if array.shape != shape or not any(np.issubdtype(array.dtype, kind) for kind in kinds):
        allowed = " or ".join(np.dtype(kind).name for kind in kinds)
        raise ValueError(f"array {name!r} is {array.dtype.name}{[*array.shape]}; it must be {allowed}{[*shape]}")
