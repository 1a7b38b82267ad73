"""Parameters of a network that learned one game, as those of a network for another board or number of players.

Most of a network knows neither: only the planes it reads and those it answers with do. They are mapped by what they
mean (:func:`~ringrift_jax.observation.feature_names`, ``Layout.plane_names``):

- A seat that the source does not have takes what its last seat has, as one more opponent.
- A distance beyond the source's longest ray takes what that has.
- An offset counts as itself on squares and hex boards alike. One that the source's board does not have stays new.
- Heights are seen as shares of the board's highest stack, so their weights are scaled: two rings look like two rings.
- A seat's value is that seat's, nearer to 0 with more players: who wins with probability 1/2 against one player wins
  with probability 1/n among n, and 2/n as much depends on a small lead. Where the source has 2 players, the others
  share what the mover loses.
- The features by which moves see where they land know no offset. Where the source has none, those of the target are new
  and change nothing at first.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..boards import Board
from ..observation import HEIGHT_FEATURES, feature_names
from ..rules.actions import Layout
from ..search.network import LANDING_LAYERS, VALUE_LAYERS

_NEW = -1
"""Index of what the source does not have."""


class Transferred(NamedTuple):
    """What :func:`transfer` returns.

    Attributes:
      params: of the target's network, NumPy arrays on the host.
      remarks: sentences about what the source does not have, for people.
    """

    params: Any
    remarks: list[str]


def transfer(source: Board, params: Any, target: Board, initial: Any) -> Transferred:
    """Maps parameters from one game to another.

    Args:
      source: the board and number of players that they learned.
      params: the parameters, of a :class:`~ringrift_jax.search.network.PolicyValueNetwork`.
      target: the game they are for.
      initial: parameters of a new network of the target, of equal channels and blocks, and of equal features of
        landings if the source has any; what cannot be mapped is taken from it.
    """
    old, new = jax.device_get((params["params"], initial["params"]))
    seat = _seat_of(source.num_players)
    features = _indices(feature_names(source), feature_names(target), lambda name: _with_seat(name, seat))
    planes = _indices(Layout(source).plane_names, Layout(target).plane_names, lambda name: _plane(source, name, seat))
    wide = np.concatenate([planes, Layout(source).num_planes + np.arange(2)])  # skip and swap
    mapped = dict(old)
    mapped["stem"] = {
        "kernel": _taken(old["stem"]["kernel"], new["stem"]["kernel"], features, axis=2)
        * _height_scale(source, target)[:, None],
        "bias": old["stem"]["bias"],
    }
    for layer, indices in (("policy_planes", planes), ("policy_pooled", wide)):
        mapped[layer] = {name: _taken(old[layer][name], new[layer][name], indices) for name in ("kernel", "bias")}
    for layer in VALUE_LAYERS:
        mapped[layer] = {name: _values(source, target, old[layer][name]) for name in ("kernel", "bias")}
    mapped |= {layer: new[layer] for layer in LANDING_LAYERS if layer in new and layer not in old}
    return Transferred({**params, "params": mapped}, _remarks(source, target))


def _seat_of(players: int) -> Callable[[str], str]:
    """The seat of so many players that stands for another one."""
    return lambda seat: str(min(int(seat), players - 1)) if seat.isdecimal() else seat


def _with_seat(name: str, seat: Callable[[str], str]) -> str:
    kind, slash, number = name.partition("/")
    return f"{kind}{slash}{seat(number)}"


def _plane(source: Board, name: str, seat: Callable[[str], str]) -> str:
    if name.startswith("region/"):
        return _with_seat(name, seat)
    if name.startswith("ray/"):
        ray, distance = name.rsplit("/", 1)
        return f"{ray}/{min(int(distance), source.max_distance)}"
    return name


def _indices(have: Sequence[str], want: Sequence[str], stands_for: Callable[[str], str]) -> np.ndarray:
    """Where each of the wanted names is among those that there are, or the one that stands for it."""
    where = {name: index for index, name in enumerate(have)}
    return np.array([where.get(stands_for(name), _NEW) for name in want])


def _taken(old: Any, new: Any, indices: np.ndarray, axis: int = -1) -> Any:
    along = [1] * new.ndim
    along[axis] = -1
    known = (indices != _NEW).reshape(along)
    return np.where(known, np.take(old, np.maximum(indices, 0), axis=axis), new)


def _height_scale(source: Board, target: Board) -> np.ndarray:
    """``float32[F]``: by how much the target's features are smaller for the same stack."""
    ratio = target.max_height / source.max_height
    return np.array(
        [ratio if name.partition("/")[0] in HEIGHT_FEATURES else 1 for name in feature_names(target)], np.float32
    )


def _values(source: Board, target: Board, old: Any) -> Any:
    scaled = old * (source.num_players / target.num_players)
    if target.num_players == 2:
        return scaled[..., :1]
    if source.num_players == 2:
        others = target.num_players - 1
        return np.concatenate([scaled] + others * [-scaled / others], axis=-1)
    return scaled[..., np.minimum(np.arange(target.num_players), source.num_players - 1)]


def _remarks(source: Board, target: Board) -> list[str]:
    remarks = []
    if target.num_players > source.num_players:
        remarks.append(f"of {source.num_players} players it knew: any further opponent counts as the last of these")
    if target.max_distance > source.max_distance:
        remarks.append(f"it knew rays of up to {source.max_distance} cells: longer ones count as these")
    if new := [offset for offset in target.directions if offset not in source.directions]:
        remarks.append(f"it knew no steps {' and '.join(f'{dx},{dy}' for dx, dy in new)}: these begin untrained")
    return remarks
