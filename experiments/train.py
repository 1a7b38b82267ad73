"""Trains a network by self-play: ``python -m experiments.train square8``.

The same command continues a run that was stopped, also with more iterations. Ctrl-C (or SIGTERM) finishes the
iteration, saves and exits; a second Ctrl-C leaves at once. Every setting of the preset can be changed by its name in
config.json, such as --search.simulations 32 or --self-play.lanes 16.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import tyro
from jax.errors import JaxRuntimeError

from experiments.command_line import (
    BoardName,
    PresetName,
    choose_preset,
    command,
    fail,
    fail_to_write,
    option,
    parse,
    start_jax,
    use_all_cores,
    use_deterministic_kernels,
)
from experiments.console import Screen
from experiments.measure.probe import probe
from ringrift_jax import processes
from ringrift_jax.learning.config import RunConfig, flatten, preset, to_dict
from ringrift_jax.learning.loop import LoopConfig, multiplied
from ringrift_jax.runs.checkpoints import quiet_background
from ringrift_jax.runs.directory import BusyError, RunDirectory
from ringrift_jax.runs.memory import out_of_memory, too_large
from ringrift_jax.runs.monitors import Monitor, open_monitors
from ringrift_jax.runs.origin import check_size, network_of, sized_like
from ringrift_jax.runs.training import DamagedRunError, Until, train
from ringrift_jax.settings import Count, CountOrZero, Positive, Seed

PROGRAM = "python -m experiments.train"

ITERATIONS: dict[str, int] = {"tiny": 4, "cpu": 100, "gpu": 1000}
"""Total iterations of a preset unless the command line says otherwise."""


@dataclass(frozen=True)
class Args:
    """Command line of a training run.

    Attributes:
      board: the board to play on.
      players: number of players.
      preset: settings for a kind of machine; auto is gpu where there is one, else cpu. tiny is for tests.
      run_dir: where everything is kept.
      iterations: total to reach, those of earlier calls included.
      hours: stop after so many hours of this call, however many iterations that is unless --iterations is given too.
      until_elo: stop when the champion is so much stronger than the network that the run began with, by the sum of the
        arenas, in each of which it played only the champion before; likewise without limit of iterations unless that is
        given.
      origin: the champion to begin with in place of an untrained network, also one of another board or number of
        players: a run, RUN/champions/VERSION, or a board's name for the champion in the box. The network is of its
        size then.
      seed: of all random numbers.
      swap_rule: the pie rule (2 players only): after the first turn the second player may exchange seats.
      deterministic: on a GPU, repeat bit for bit what another run with this option and the same settings does, or did
        before it was stopped, at the cost of some speed; on a CPU every run does.
      dry_run: only say how much memory the run needs, how long it compiles and how fast it is; nothing is written.
      ingest: learn from the games of workers too; see python -m experiments.selfplay.
      metrics_port: serve metrics for Prometheus there; 0 for any that is free.
      metrics_address: of the interface to serve them on.
      metrics_file: keep them in this file too, for the textfile collector of Prometheus's node exporter.
      tensorboard: write scalars to tensorboard/ in the run.
      per_device: self_play.lanes and learner.batch_size are those of each device, so that more devices do more in place
        of the same in less time.
      coordinator: where the first of several processes listens for the others. Under srun, mpirun of Open MPI and in
        an indexed job of Kubernetes this and the next two are found without being told.
      processes: how many there are. All are started with the same command, but for --process.
      process: which of them this is, from 0.
    """

    board: tyro.conf.Positional[BoardName]
    players: Literal[2, 3, 4] = 2
    preset: PresetName = "auto"
    run_dir: Annotated[Path | None, option("PATH", "runs/BOARD-Np")] = None
    iterations: Annotated[Count | None, option("INT", ", ".join(f"{n} for {k}" for k, n in ITERATIONS.items()))] = None
    hours: Annotated[Positive | None, option("FLOAT", "no limit")] = None
    until_elo: Annotated[Positive | None, option("FLOAT", "no limit")] = None
    origin: Annotated[
        str | None, tyro.conf.arg(name="from", metavar="CHAMPION", help_behavior_hint="(default: an untrained network)")
    ] = None
    seed: Seed = 0
    swap_rule: bool = False
    deterministic: bool = False
    dry_run: bool = False
    ingest: bool = False
    metrics_port: Annotated[int | None, option("INT", "none")] = None
    metrics_address: str = "127.0.0.1"
    metrics_file: Annotated[Path | None, option("PATH.prom", "none")] = None
    tensorboard: bool = True
    per_device: bool = False
    coordinator: Annotated[str | None, option("HOST:PORT", "none")] = None
    processes: Annotated[Count | None, option("INT", "1")] = None
    process: Annotated[CountOrZero | None, option("INT", "0")] = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and trains. Bad input ends with one line and exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args, others = parse(Args, argv, description=__doc__, prog=PROGRAM, return_unknown_args=True)
    if args.deterministic:
        use_deterministic_kernels()
    if args.dry_run and args.processes:
        fail("--dry-run tries one process; leave --processes out")
    try:
        processes.join(args.coordinator, args.processes, args.process)
    except (ValueError, RuntimeError) as problem:
        fail(str(problem))
    name = choose_preset(args.preset)
    directory = RunDirectory(args.run_dir or Path("runs") / f"{args.board}-{args.players}p")
    loop = _settings(args, name, others, directory)
    start_jax()
    with processes.together():
        _train(args, name, multiplied(loop, jax.device_count()) if args.per_device else loop, directory)


def _settings(args: Args, name: str, others: Sequence[str], directory: RunDirectory) -> LoopConfig:
    """Those of the preset, with the size of the champion's network to begin with, and what the command line changes."""
    default = preset(name, args.board, args.players)
    options = "options are " + ", ".join("--" + _option_name(f.name) for f in fields(Args)[1:])
    hint = f"{options} and settings by name, such as --search.simulations; see --help"
    if args.origin is None:
        return parse(LoopConfig, others, hint, prog=PROGRAM, default=default)
    start_jax()
    try:
        source = network_of(args.origin, directory)
        network = sized_like(default.network, source)
        loop = parse(LoopConfig, others, hint, prog=PROGRAM, default=replace(default, network=network))
        check_size(args.origin, source, loop.network)
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    return loop


def _option_name(field: str) -> str:
    return "from" if field == "origin" else field.replace("_", "-")


def _train(args: Args, name: str, loop: LoopConfig, directory: RunDirectory) -> None:
    try:
        config = RunConfig(args.board, args.players, args.swap_rule, args.seed, loop, args.origin)
        if message := too_large(config):
            fail(message)
    except ValueError as problem:
        fail(str(problem))
    if args.dry_run:
        with naming_the_knob(config):
            probe(config, name)
        return
    monitors: list[Monitor] = []
    lock: AbstractContextManager[Any] = nullcontext()
    if processes.leads():
        try:
            monitors = open_monitors(
                config, directory.path, args.metrics_port, args.metrics_address, args.metrics_file, args.tensorboard
            )
            lock = directory.open(config)
        except (ValueError, BusyError) as problem:
            fail(str(problem))
        except OSError as problem:
            fail(f"cannot write to {directory.path}: {problem.strerror}; choose another --run-dir")
    _check_alike(config)
    quiet_background()
    with lock:
        limited = args.hours is not None or args.until_elo is not None
        iterations = args.iterations or (None if limited else ITERATIONS[name])
        until = Until(iterations, args.hours, math.inf if args.until_elo is None else args.until_elo)
        screen = Screen(quiet=not processes.leads())
        try:
            with naming_the_knob(config):
                train(config, directory, until, screen, name, [screen.status, *monitors], args.ingest)
        except DamagedRunError as problem:
            fail(f"{problem}; to begin anew choose another --run-dir")
        except OSError as problem:
            fail_to_write(problem, directory.path)


def _check_alike(config: RunConfig) -> None:
    """Fails unless all processes have the settings of the first. It also has them wait until the directory is there."""
    own, first = flatten(to_dict(config)), flatten(processes.of_leader(to_dict(config)))
    if different := [name for name in own if own[name] != first.get(name)]:
        fail(f"process {jax.process_index()} has other settings than the first one: {', '.join(different)}")


@contextmanager
def naming_the_knob(config: RunConfig) -> Iterator[None]:
    """Ends the program with one line that says which setting to change when memory runs out."""
    try:
        yield
    except (JaxRuntimeError, MemoryError) as problem:
        message = out_of_memory(problem, config)
        if message is None:
            raise
        fail(message)


if __name__ == "__main__":
    main()
