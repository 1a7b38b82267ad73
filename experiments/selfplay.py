"""Plays games for a training run beside it: ``python -m experiments.selfplay runs/square8-2p``.

The best network of the run plays, and each new champion takes over while the worker runs. Finished games go to
RUN/workers/NAME/, from where ``python -m experiments.train ... --ingest`` takes them in. With a board's name, such as
square8, the champion in the box plays, and its games go to workers/NAME/ here. Ctrl-C (or SIGTERM) finishes
the decision, writes the finished games and exits; a second Ctrl-C leaves at once.
"""

import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from experiments.command_line import command, fail, fail_to_write, option, parse, start_jax, use_all_cores, waiting
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.worker import Worker
from ringrift_jax.numerics import new_key
from ringrift_jax.runs.box import find_run, is_boxed
from ringrift_jax.runs.checkpoints import quiet_background
from ringrift_jax.runs.directory import BusyError, RunDirectory
from ringrift_jax.runs.ingest import WORKERS
from ringrift_jax.runs.interrupts import Interrupts
from ringrift_jax.runs.workers import Files, Follower, claim
from ringrift_jax.settings import Count, Positive, Seed

PROGRAM = "python -m experiments.selfplay"


@dataclass(frozen=True)
class Args:
    """Command line of a worker.

    Attributes:
      run: directory of the training run, which may go on meanwhile; or BOARD or BOARD-Np for the champion in the box.
      games_in_parallel: games played side by side.
      out: where to make the worker's directory.
      name: of that directory; a stopped worker's name continues it.
      games: stop after so many finished games.
      hours: stop after so many hours.
      finish_games: each game is finished with the network it began with.
      switch_at_once: all games go on with a new champion from their next move; the default.
      games_per_file: finished games in a file. Those of an unfinished file are lost when the worker is killed.
      seed: of all random numbers; the same seed plays the same games again.
    """

    run: tyro.conf.Positional[str]
    games_in_parallel: Annotated[Count | None, option("INT", "what the run trains with")] = None
    out: Annotated[Path | None, option("PATH", "RUN/workers, or workers for the box")] = None
    name: Annotated[str | None, option("NAME", "HOST-NUMBER, the first that no worker uses")] = None
    games: Annotated[Count | None, option("INT", "no limit")] = None
    hours: Annotated[Positive | None, option("FLOAT", "no limit")] = None
    finish_games: bool = False
    switch_at_once: bool = False
    games_per_file: Count = 32
    seed: Annotated[Seed | None, option("INT", "another each time")] = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and plays. Bad input ends with one line and exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    if args.finish_games and args.switch_at_once:
        fail("--finish-games and --switch-at-once exclude each other; choose one")
    try:
        run = find_run(args.run)
        config = RunDirectory(run).read_config()
    except ValueError as problem:
        fail(str(problem))
    except (FileNotFoundError, NotADirectoryError) as problem:
        fail(str(problem) if is_boxed(args.run) else f"{args.run} is not a training run: it has no config.json")
    out = args.out or (Path(WORKERS) if is_boxed(args.run) else run / WORKERS)
    start_jax()
    quiet_background()
    try:
        with claim(out, args.name) as directory:
            Player(args, run, config, directory).play()
    except (ValueError, BusyError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail_to_write(problem, out, "the same command goes on")


class Player:
    """Plays until it is told to stop."""

    def __init__(self, args: Args, run: Path, config: RunConfig, directory: Path):
        self._args, self._run, self._config, self._directory = args, run, config, directory
        self._console = Console(highlight=False, soft_wrap=True)

    def play(self) -> None:
        args, config = self._args, self._config

        def stop_soon() -> None:
            self._say("stopping: finishing this decision, then writing the games; once more to leave at once")

        def leave() -> None:
            if self._console.is_terminal:
                self._console.show_cursor(True)

        with Interrupts(stop_soon, leave) as interrupts, Follower(self._run, self._say) as follower:
            seed = secrets.randbits(32) if args.seed is None else args.seed
            lanes = args.games_in_parallel or config.loop.self_play.lanes
            self._say(f"worker {self._directory}: {lanes} games side by side, seed {seed}")
            network = follower.first(interrupts)
            if network is None:
                self._say(f"{interrupts.requested}: nothing was played")
                return
            with waiting("compiling the start of games"):
                worker = Worker(config.make_env(), config.loop, lanes, network, new_key(seed), args.finish_games)
            self._until_stopped(worker, follower, interrupts)

    def _until_stopped(self, worker: Worker, follower: Follower, interrupts: Interrupts) -> None:
        args, files = self._args, Files(self._directory, self._config, self._args.games_per_file, self._say)
        promoted: float | None = None
        began, finished = time.monotonic(), 0
        end = began + 3600 * args.hours if args.hours else float("inf")
        try:
            with self._console.status("compiling the search, about a minute the first time") as status:
                finished += self._ply(worker, files)
                self._say(f"compiled in {time.monotonic() - began:.1f} s")
                began, first = time.monotonic(), worker.plies
                while not interrupts.requested and time.monotonic() < end and finished < (args.games or float("inf")):
                    if found := follower.taken():
                        network, promoted = found
                        worker.offer(network)
                    if worker.switch() and promoted:
                        self._say(f"{worker.network.name} plays after {time.time() - promoted:.1f} s")
                    finished += self._ply(worker, files)
                    status.update(self._rates(worker, finished, time.monotonic() - began, worker.plies - first))
        finally:
            files.close()
        seconds = time.monotonic() - began
        self._say(f"{interrupts.requested or 'done'}: {self._rates(worker, finished, seconds, worker.plies - first)}")

    def _ply(self, worker: Worker, files: Files) -> int:
        games = worker.ply()
        files.add(games)
        return len(games)

    def _rates(self, worker: Worker, games: int, seconds: float, plies: int) -> str:
        seconds = max(seconds, 1e-9)
        former = f" (and {worker.former.name})" if worker.former else ""
        return (
            f"{games} games, {games / seconds:.2f} games/s, {plies * worker.lanes / seconds:.0f} decisions/s, "
            f"{worker.network.name}{former}"
        )

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)


if __name__ == "__main__":
    main()
