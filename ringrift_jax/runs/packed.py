"""A champion as one small file: what :data:`the box <ringrift_jax.runs.box.BOX>` holds in place of Orbax's directories.

``VERSION.npz`` has an array of float16 for each of the network's parameters, by its path, and the settings of the run
as JSON. Rounded so, a champion decides as before but for one decision in some thousands (docs/champions.md).
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..learning.config import RunConfig, from_dict, to_dict
from ..search.network import make_network
from .files import read_npz, replacing

CHAMPIONS = "champions"
"""The directory in a run."""
SUFFIX = ".npz"
_SETTINGS = "settings"


def pack(path: Path, config: RunConfig, params: Any) -> None:
    """Writes a champion, which replaces one of that name in one step.

    Args:
      path: of the file, ending in ``.npz``.
      config: of its run.
      params: its parameters.

    Raises:
      ValueError: a parameter is not finite or too large for float16.
    """
    arrays: dict[str, Any] = {_SETTINGS: np.array(json.dumps(to_dict(config)))}
    for name, leaf in _named(params).items():
        with np.errstate(over="ignore"):
            arrays[name] = np.asarray(leaf).astype(np.float16)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} holds numbers that float16 cannot: up to {np.abs(np.asarray(leaf)).max():g}")
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def unpack(path: Path) -> tuple[RunConfig, Any]:
    """The settings and the parameters of :func:`pack`, in float32.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is damaged, or of other settings than it says or than there are.
    """
    try:
        arrays = read_npz(path)
        if _SETTINGS not in arrays:
            raise ValueError(f"array {_SETTINGS!r} is missing")
        config = from_dict(json.loads(str(arrays.pop(_SETTINGS))))
        like = _like(config)
        expected = _named(like)
        for name in expected.keys() ^ arrays.keys():
            raise ValueError(f"array {name!r} is {'missing' if name in expected else 'none of the network'}")
        for name, leaf in expected.items():
            if arrays[name].shape != leaf.shape or arrays[name].dtype != np.float16:
                raise ValueError(f"array {name!r} is {arrays[name].dtype}{[*arrays[name].shape]}, not {leaf.shape}")
        params = jax.tree.unflatten(
            jax.tree.structure(like), [jnp.asarray(arrays[name], jnp.float32) for name in expected]
        )
    except ValueError as problem:
        raise ValueError(f"{path} is damaged or of another version of ringrift_jax: {problem}") from None
    return config, params


def _named(params: Any) -> dict[str, Any]:
    """The leaves of a tree of dictionaries in order, by their paths."""
    return {
        "/".join(str(getattr(key, "key", key)) for key in path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }


def _like(config: RunConfig) -> Any:
    """Shapes of the parameters."""
    env = config.make_env()
    observations = jax.ShapeDtypeStruct((1, *env.observation_shape), jnp.float32)
    return jax.eval_shape(make_network(env, config.loop.network).init, jax.random.key(0), observations)
