"""What the benchmarks share: settings, the network alone, tables and reports."""

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import tyro
from jax import lax
from jax.sharding import Mesh
from rich.console import Console
from rich.table import Table

from experiments.command_line import BoardName, JsonFile, PresetName, check_output, choose_preset, parse
from ringrift_jax.devices import everywhere, spread
from ringrift_jax.learning.config import preset
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.runs.files import write_whole
from ringrift_jax.search.network import make_network
from ringrift_jax.settings import Count

WIDTH = 200
"""Characters a line where there is no terminal that says how many it has; the tables need them."""


@dataclass(frozen=True)
class Args:
    """What the benchmarks of search and self-play are told.

    Attributes:
      board: the board to play on.
      players: number of players.
      preset: settings for a kind of machine; auto is gpu where there is one, else cpu.
      repeats: rounds; the median counts.
      json_file: where to write the results too.
    """

    board: tyro.conf.Positional[BoardName]
    players: Literal[2, 3, 4] = 2
    preset: PresetName = "auto"
    repeats: Count = 10
    json_file: JsonFile = None


def parse_settings(
    kind: type, argv: Sequence[str], program: str, about: str | None, choose: Callable[[str], str] = choose_preset
) -> tuple[Any, LoopConfig]:
    """The arguments, which name a board, players and a preset, and the preset with the settings that the command line
    changes by their names. ``choose``: the name of the preset that is meant."""
    args, others = parse(kind, argv, description=about, prog=program, return_unknown_args=True)
    check_output("--json", args.json_file)
    hint = "settings have the names of the preset's, such as --search.simulations; see --help"
    default = preset(choose(args.preset), args.board, args.players)
    return args, parse(LoopConfig, others, hint, prog=program, default=default)


def new_params(env, loop: LoopConfig, mesh: Mesh) -> Any:
    """Parameters of an untrained network, on all devices."""
    network = make_network(env, loop.network)
    params = jax.jit(network.init)(new_key(0), jnp.zeros((1, *env.observation_shape), jnp.float32))
    return jax.device_put(params, everywhere(mesh))


def network_alone(env, loop: LoopConfig, mesh: Mesh) -> Callable:
    """The evaluations of a search and nothing else, as one compiled loop.

    Returns:
      ``function(params, observations float32[B, ...])``, which evaluates the batch once per simulation and once for the
      root. Each evaluation waits for the one before, of which it takes a number, and writes all its logits.
    """
    evaluate = make_evaluate(env, loop.network)

    def run(params, observations):
        def again(_, carry):
            observations, _, values = carry
            observations = observations.at[:, 0, 0, 0].set(values[:, 0])
            return observations, *evaluate(params, observations)[:2]

        logits, values, *_ = jax.eval_shape(evaluate, params, observations)
        start = observations, jnp.zeros(logits.shape, logits.dtype), jnp.zeros(values.shape, values.dtype)
        return lax.fori_loop(0, loop.search.simulations + 1, again, start)

    return jax.jit(spread(run, mesh))


def make_console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False)


def make_table(title: str, headings: Iterable[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table of numbers; None is an empty cell."""
    first, *others = headings
    result = Table(first, title=title)
    for heading in others:
        result.add_column(heading, justify="right")
    for row in rows:
        result.add_row(*map(_cell, row))
    return result


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def describe_device() -> str:
    """The hardware for people."""
    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform}), {os.cpu_count()} CPU cores"


def origin(command: str) -> dict[str, Any]:
    """Where results come from, for JSON."""
    return {
        "command": command,
        "commit": _commit(),
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        "cores": os.cpu_count(),
    }


def _commit() -> str | None:
    """The commit of this file, with ``-dirty`` if files have changed since; None outside of a git checkout."""
    here = Path(__file__)
    try:
        for command in (["ls-files", "--error-unmatch", here.name], ["describe", "--always", "--dirty", "--exclude=*"]):
            done = subprocess.run(["git", *command], cwd=here.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def write_report(path: Path | None, command: str, rows: Iterable[Any], **more: Any) -> None:
    """Writes results as JSON, if a path is given; ``rows`` are dataclasses."""
    if path:
        report = origin(command) | more | {"rows": [asdict(row) for row in rows]}
        write_whole(path, json.dumps(report, indent=2) + "\n")
