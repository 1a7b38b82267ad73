"""Speed of self-play as the training loop runs it, without learning and without arenas.

The network is untrained. Whole iterations of the loop are timed, with the network's evaluations alone in turn. Games
per second are decisions per second divided by the mean length of the games that ended, after as many games had ended
as there are lanes, and until as many more have: games go on from one iteration to the next, and in the beginning none
ends, then the short ones do.
"""

import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from rich.table import Table

import ringrift_jax as rr
from experiments.command_line import start_jax, use_all_cores
from experiments.measure import common, timing
from ringrift_jax.devices import make_mesh, on_mesh
from ringrift_jax.learning.config import to_dict
from ringrift_jax.learning.loop import LAYOUT, LoopConfig, divided, make_iterate, new_loop
from ringrift_jax.numerics import new_key

PROGRAM = "python -m experiments.benchmark selfplay"

_NEVER = jnp.iinfo(jnp.int32).max


@dataclass(frozen=True)
class Row:
    """Results of self-play.

    Attributes:
      lanes, devices: games side by side, and the devices over which they are spread.
      chunk: decisions of each lane in an iteration.
      simulations: of a search; it evaluates the network once more, for the root.
      seconds, fastest, slowest: of one iteration: the median of all rounds, and the extremes.
      games_per_second: decisions per second divided by the mean length.
      decisions_per_second, simulations_per_second, evaluations_per_second: by the median.
      network_alone_per_second: evaluations, if nothing else is done.
      of_bound: evaluations per second relative to that bound.
      mean_length: decisions of a game.
      games: how many of them were counted.
      mean_depth: of the trees' simulations, in decisions.
    """

    lanes: int
    devices: int
    chunk: int
    simulations: int
    seconds: float
    fastest: float
    slowest: float
    games_per_second: float
    decisions_per_second: float
    simulations_per_second: float
    evaluations_per_second: float
    network_alone_per_second: float
    of_bound: float
    mean_length: float
    games: int
    mean_depth: float


class SelfPlay:
    """Iterations of the loop in which nothing is learned, and what was played in them."""

    def __init__(self, env, loop: LoopConfig):
        loop = replace(loop, learner=replace(loop.learner, min_rows=_NEVER), arena=replace(loop.arena, every=_NEVER))
        self.mesh = make_mesh(*divided(loop).values())
        self.state = jax.device_put(new_loop(env, loop, new_key(0)), on_mesh(LAYOUT, self.mesh))
        self._iterate = make_iterate(env, loop, self.mesh)
        self.played: list[Any] = []

    def iterate(self) -> Any:
        self.state, metrics = self._iterate(self.state)
        self.played.append(metrics.self_play)
        return self.played[-1]

    def until(self, games: int) -> None:
        """Goes on until so many games have ended since ``played`` was emptied."""
        while self.total("games") < games:
            self.iterate()

    def total(self, name: str) -> float:
        return sum(getattr(stats, name).item() for stats in self.played)


def measure(env, loop: LoopConfig, repeats: int) -> Row:
    """Plays to where games are at all stages, and times iterations from there."""
    lanes, chunk, simulations = loop.self_play.lanes, loop.self_play.chunk, loop.search.simulations
    play = SelfPlay(env, loop)
    play.until(lanes)
    play.played.clear()
    params = common.new_params(env, loop, play.mesh)
    observations = jax.jit(jax.vmap(env.observe))(play.state.games.state)
    network = common.network_alone(env, loop, play.mesh)
    tasks = {"iteration": play.iterate, "network": partial(network, params, observations)}
    seconds = timing.rounds(tasks, repeats)
    play.until(lanes)

    whole, alone = (statistics.median(seconds[name]) for name in tasks)
    decisions = lanes * chunk
    evaluations = decisions * (simulations + 1)
    length = play.total("decisions") / play.total("games")
    return Row(
        lanes=lanes,
        devices=play.mesh.size,
        chunk=chunk,
        simulations=simulations,
        seconds=whole,
        fastest=min(seconds["iteration"]),
        slowest=max(seconds["iteration"]),
        games_per_second=decisions / whole / length,
        decisions_per_second=decisions / whole,
        simulations_per_second=decisions * simulations / whole,
        evaluations_per_second=evaluations / whole,
        network_alone_per_second=evaluations / (chunk * alone),
        of_bound=chunk * alone / whole,
        mean_length=length,
        games=int(play.total("games")),
        mean_depth=play.total("mean_depth") / len(play.played),
    )


def main(argv: Sequence[str]) -> None:
    """Measures, and prints the results. Bad input: one line, exit code 2."""
    use_all_cores()
    args, loop = common.parse_settings(common.Args, argv, PROGRAM, __doc__)
    start_jax()
    env = rr.make(args.board, args.players)
    console = common.make_console()
    with console.status("compiling, playing to where games are at all stages, timing"):
        row = measure(env, loop, args.repeats)
    console.print(
        table(f"{args.board}-{args.players}p, {row.simulations} simulations, {common.describe_device()}", row)
    )
    command = shlex.join([*PROGRAM.split(), *argv])
    common.write_report(args.json_file, command, [row], settings=to_dict(loop))


def table(title: str, row: Row) -> Table:
    headings = (
        *("lanes", "devices", "s an iteration", "fastest to slowest", "games/s", "decisions/s", "simulations/s"),
        *("evaluations/s", "network alone/s", "of the bound", "mean length", "games", "mean depth"),
    )
    cells = (
        *(str(row.lanes), row.devices, row.seconds, f"{row.fastest:.3g} to {row.slowest:.3g}", row.games_per_second),
        *(row.decisions_per_second, row.simulations_per_second, row.evaluations_per_second),
        *(row.network_alone_per_second, f"{row.of_bound:.1%}", row.mean_length, row.games, row.mean_depth),
    )
    return common.make_table(title, headings, [cells])
