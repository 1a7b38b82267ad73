"""Trains a network by self-play: ``python -m experiments.train square8``.

The same command continues a run that was stopped, also with more iterations. Ctrl-C (or SIGTERM) finishes the
iteration, saves and exits; a second Ctrl-C leaves at once. Every setting of the preset can be changed by its name in
config.json, such as --search.simulations 32 or --self-play.lanes 16.
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

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
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.learning.games import games_to_verify
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.runs.checkpoints import (
    Checkpoints,
    complete_champions,
    quiet_background,
    remove_champions_after,
    save_champion,
)
from ringrift_jax.runs.directory import BusyError, RunDirectory
from ringrift_jax.runs.events import read
from ringrift_jax.runs.history import History
from ringrift_jax.runs.ingest import Inbox, Taken
from ringrift_jax.runs.interrupts import Interrupts
from ringrift_jax.runs.memory import memory, out_of_memory, too_large
from ringrift_jax.runs.metrics import to_record
from ringrift_jax.runs.monitors import Monitor, Monitors, open_monitors
from ringrift_jax.runs.parity import check
from ringrift_jax.runs.registry import config_hash
from ringrift_jax.runs.run import Run
from ringrift_jax.settings import Count, Positive, Seed

PROGRAM = "python -m experiments.train"

ITERATIONS: dict[str, int] = {"tiny": 4, "cpu": 100, "gpu": 1000}
"""Total iterations of a preset unless the command line says otherwise."""

SAVING_SHARE = 0.1
"""Saving takes at most this share of the time."""


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
      until_elo: stop when the champion is so much stronger than the untrained network by the sum of the arenas, in each
        of which it played only the champion before; likewise without limit of iterations unless that is given.
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
    """

    board: tyro.conf.Positional[BoardName]
    players: Literal[2, 3, 4] = 2
    preset: PresetName = "auto"
    run_dir: Annotated[Path | None, option("PATH", "runs/BOARD-Np")] = None
    iterations: Annotated[Count | None, option("INT", ", ".join(f"{n} for {k}" for k, n in ITERATIONS.items()))] = None
    hours: Annotated[Positive | None, option("FLOAT", "no limit")] = None
    until_elo: Annotated[Positive | None, option("FLOAT", "no limit")] = None
    seed: Seed = 0
    swap_rule: bool = False
    deterministic: bool = False
    dry_run: bool = False
    ingest: bool = False
    metrics_port: Annotated[int | None, option("INT", "none")] = None
    metrics_address: str = "127.0.0.1"
    metrics_file: Annotated[Path | None, option("PATH.prom", "none")] = None
    tensorboard: bool = True


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and trains. Bad input ends with one line and exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args, others = parse(Args, argv, description=__doc__, prog=PROGRAM, return_unknown_args=True)
    if args.deterministic:
        use_deterministic_kernels()
    name = choose_preset(args.preset)
    options = "options are " + ", ".join("--" + f.name.replace("_", "-") for f in fields(Args)[1:])
    hint = f"{options} and settings by name, such as --search.simulations; see --help"
    loop = parse(LoopConfig, others, hint, prog=PROGRAM, default=preset(name, args.board, args.players))
    directory = RunDirectory(args.run_dir or Path("runs") / f"{args.board}-{args.players}p")
    try:
        config = RunConfig(args.board, args.players, args.swap_rule, args.seed, loop)
        start_jax()
        message = too_large(config)
        if message:
            fail(message)
        if args.dry_run:
            with naming_the_knob(config):
                probe(config, name)
            return
        monitors = open_monitors(
            config, directory.path, args.metrics_port, args.metrics_address, args.metrics_file, args.tensorboard
        )
        lock = directory.open(config)
    except (ValueError, BusyError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot write to {directory.path}: {problem.strerror}; choose another --run-dir")
    quiet_background()
    with lock:
        limited = args.hours is not None or args.until_elo is not None
        iterations = args.iterations or (None if limited else ITERATIONS[name])
        until_elo = math.inf if args.until_elo is None else args.until_elo
        try:
            with naming_the_knob(config):
                train(config, directory, iterations, args.hours, until_elo, name, monitors, args.ingest)
        except OSError as problem:
            fail_to_write(problem, directory.path)


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


def train(
    config: RunConfig,
    directory: RunDirectory,
    iterations: int | None,
    hours: float | None = None,
    until_elo: float = math.inf,
    preset_name: str = "custom",
    monitors: Sequence[Monitor] = (),
    ingest: bool = False,
) -> None:
    """Starts or continues a run until so many iterations are done in all, or until it is interrupted.

    Args:
      config: settings of the run.
      directory: of the run, opened.
      iterations: total to reach; None for no limit.
      hours: stop after so many hours; None for no limit.
      until_elo: stop when the champion has as much, as counted by the arenas.
      preset_name: what the settings are called on the screen.
      monitors: what else watches it.
      ingest: take in the games of workers.
    """
    screen = Screen()
    last = math.inf if iterations is None else iterations
    end = math.inf if hours is None else time.monotonic() + 3600 * hours

    def stop_soon() -> None:
        screen.say("stopping: finishing this iteration, then saving; once more to leave at once")

    with (
        Checkpoints(directory.checkpoints) as checkpoints,
        Interrupts(stop_soon, screen.restore_cursor) as interrupts,
        Monitors([screen.standing, *monitors], screen.say) as watch,
        ThreadPoolExecutor(1) as worker,  # so that the main thread is free to answer signals
    ):
        run = Run(config)
        env = run.env
        sizes = memory(run.abstract, config.loop)
        screen.introduce(config, preset_name, str(directory.path), sizes, run.mesh.size)
        resumed = checkpoints.latest() is not None
        try:
            state = checkpoints.restore(run.abstract, run.mesh, screen.say) if resumed else run.start()
            read(directory.path), directory.read_metrics()  # damaged lines are refused before anything is changed
        except ValueError as problem:
            fail(f"{problem}; to begin anew choose another --run-dir")
        done = int(state.iteration)
        remove_champions_after(directory.champions, int(state.version) if resumed else -1)
        if not resumed:
            save_champion(directory.champions, 0, config, state.champion)
        complete_champions(directory.champions, config, state, screen.say)
        history = History(directory, config, watch)
        history.rewind(done, resumed)
        if done:
            screen.say(f"continuing after iteration {done}")
        if done >= last:
            screen.say(f"nothing to do: {done} of {iterations} iterations are done; give more --iterations to go on")
            return
        if history.elo >= until_elo:
            screen.say(f"nothing to do: the champion has {history.elo:.0f} Elo; give a higher --until-elo to go on")
            return
        history.start(done, resumed, preset_name)

        watch.phase("compiling")
        began = time.monotonic()
        with screen.compiling():
            iterate = worker.submit(run.compile).result()
        screen.say(f"compiled in {time.monotonic() - began:.1f} s")

        inbox = Inbox(directory.path, env, config.loop) if ingest else None
        taken = inbox.next(done + 1) if inbox else Taken()
        hash_ = config_hash(config)
        save_at = time.monotonic()
        watch.phase("iterating")
        with screen.iterating(done, iterations):
            while done < last and history.elo < until_elo and not interrupts.requested and time.monotonic() < end:
                began = time.monotonic()
                state = run.add(state, taken.games)
                games = games_to_verify(config.loop, state)
                running = worker.submit(lambda now: jax.block_until_ready(iterate(now)), state)
                parity = check(env, games, config_hash=hash_)
                following = inbox.next(done + 2) if inbox else Taken()
                state, metrics = running.result()
                state = run.settle(state, parity.accepted)
                done += 1
                record = to_record(metrics, config.loop, time.monotonic() - began)
                if record["promoted"]:
                    save_champion(directory.champions, record["champion"], config, state.champion)
                record = history.add(record, parity, taken)
                for event in taken.events:
                    if event.rejected:
                        screen.say(f"{event.path} is not taken in: {event.rejected}")
                taken = following
                screen.iteration(record, iterations)
                began = time.monotonic()
                if began >= save_at:
                    watch.phase("saving")
                    checkpoints.save(state)
                    watch.phase("iterating")
                    now = time.monotonic()
                    save_at = now + (now - began) * (1 / SAVING_SHARE - 1)
        watch.phase("saving")
        checkpoints.save(state)
        checkpoints.wait()
        of_all = f" of {iterations}" if iterations else ""
        if done >= last:
            why = f"{iterations} iterations are done"
        elif history.elo >= until_elo:
            why = f"the champion has {history.elo:.0f} Elo"
        else:
            why = interrupts.requested or f"{hours:g} h are over"
        history.end(done, why)
        watch.phase("stopped")
        if done >= last:
            screen.say(f"finished {iterations} iterations, saved in {directory.path}")
        else:
            screen.say(f"{why}: saved after iteration {done}{of_all}; the same command continues")
        screen.summarise(directory.read_metrics(), str(directory.path))


if __name__ == "__main__":
    main()
