"""Plays games for a training run beside it: ``python -m experiments.selfplay runs/square8-2p``.

The best network of the run plays, and each new champion takes over while the worker runs. Finished games go to
RUN/workers/NAME/, from where ``python -m experiments.train ... --ingest`` takes them in. Ctrl-C (or SIGTERM) finishes
the decision, writes the finished games and exits; a second Ctrl-C leaves at once.
"""

import platform
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro
from filelock import FileLock, Timeout
from rich.console import Console

from experiments.command_line import command, fail, fail_to_write, option, parse, start_jax, use_all_cores, waiting
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.games import PlayedGame
from ringrift_jax.learning.worker import Network, Worker
from ringrift_jax.runs import record_files
from ringrift_jax.runs.checkpoints import quiet_background
from ringrift_jax.runs.directory import BusyError, RunDirectory
from ringrift_jax.runs.events import DataRejected, EventLog, last_time, subscribe
from ringrift_jax.runs.exports import export_npz
from ringrift_jax.runs.ingest import WORKERS
from ringrift_jax.runs.interrupts import Interrupts
from ringrift_jax.runs.parity import check
from ringrift_jax.runs.registry import Model, champions, config_hash, load_model, select_model
from ringrift_jax.settings import Count, Positive, Seed

PROGRAM = "python -m experiments.selfplay"

POLL = 0.2
"""Seconds between looks at the events of the run."""


@dataclass(frozen=True)
class Args:
    """Command line of a worker.

    Attributes:
      run: directory of the training run, which may go on meanwhile.
      games_in_parallel: games played side by side.
      name: of the directory in RUN/workers; a stopped worker's name continues it.
      games: stop after so many finished games.
      hours: stop after so many hours.
      finish_games: each game is finished with the network it began with.
      switch_at_once: all games go on with a new champion from their next move; the default.
      games_per_file: finished games in a file. Those of an unfinished file are lost when the worker is killed.
      seed: of all random numbers; the same seed plays the same games again.
    """

    run: tyro.conf.Positional[Path]
    games_in_parallel: Annotated[Count | None, option("INT", "what the run trains with")] = None
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
        config = RunDirectory(args.run).read_config()
    except (FileNotFoundError, NotADirectoryError):
        fail(f"{args.run} is not a training run: it has no config.json")
    except ValueError as problem:
        fail(str(problem))
    start_jax()
    quiet_background()
    try:
        with claim(args.run / WORKERS, args.name) as directory:
            Player(args, config, directory).play()
    except (ValueError, BusyError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail_to_write(problem, args.run, "the same command goes on")


@contextmanager
def claim(workers: Path, name: str | None) -> Iterator[Path]:
    """The directory of a worker, made if there is none and kept from others meanwhile.

    Raises:
      ValueError: it cannot have this name.
      BusyError: another process is that worker.
    """
    if name is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"--name is {name!r}; it must be of letters, digits, and _ . - after the first")
    host = re.sub(r"[^A-Za-z0-9_.-]", "_", platform.node()) or "worker"
    for candidate in [name] if name else (f"{host}-{number}" for number in count(1)):
        directory = workers / candidate
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(directory / "lock", blocking=False):
                yield directory
                return
        except Timeout:
            if name:
                raise BusyError(f"{directory} is a worker that runs already; choose another --name") from None


class Files:
    """The files of a worker, each written by a thread while the games go on.

    Of each file some games are replayed by the reference and recorded in ``games.jsonl.gz``. One that is wrong is left
    out and told in the worker's ``events.jsonl``.
    """

    def __init__(self, directory: Path, config: RunConfig, per_file: int, say: Callable[[str], None]):
        self.directory, self._config, self._per_file, self._say = directory, config, per_file, say
        self._env, self._records = config.make_env(), directory / "games.jsonl.gz"
        self._log, self._hash = EventLog(directory), config_hash(config)
        self._open: list[PlayedGame] = []
        self._thread, self._writing = ThreadPoolExecutor(1), Future[None]()
        self._writing.set_result(None)
        record_files.rewind(self._records, lambda record: True)  # an unfinished end, of a worker that was killed
        recorded = record_files.read(self._records) if self._records.exists() else ()
        numbers = [int(path.stem) for path in directory.glob("[0-9]*.npz")]
        # The record is written before the file, so a killed worker may have used a number without a file.
        self._number = max([*numbers, *(int(Path(record["file"]).stem) for record in recorded)], default=0)

    def add(self, games: Sequence[PlayedGame]) -> None:
        """Keeps games, and writes a file when there are enough. OSError of the file before."""
        self._open.extend(games)
        while len(self._open) >= self._per_file:
            self._write(self._per_file)

    def close(self) -> None:
        """Writes what is left."""
        try:
            if self._open:
                self._write(len(self._open))
            self._writing.result()
        finally:
            self._thread.shutdown()

    def _write(self, number: int) -> None:
        self._writing.result()
        games, self._open = self._open[:number], self._open[number:]
        self._number += 1
        self._writing = self._thread.submit(self._write_file, self.directory / f"{self._number:06d}.npz", games)

    def _write_file(self, path: Path, games: list[PlayedGame]) -> None:
        records = []
        for game in games[: max(1, self._config.loop.gates.parity_games)]:
            found = check(self._env, [game], config_hash=self._hash, worker=self.directory.name, file=path.name)
            records += found.records
            if found.problem:
                games = [other for other in games if other is not game]
                self._say(f"{path.name}: a game is wrong and left out: {found.problem}")
                self._log.append(DataRejected(game.last_iteration, "parity", found.problem))
        if games:
            record_files.append(self._records, records)
            export_npz(path, self._env, games)
            rows = sum(len(game.actions) for game in games)
            self._say(f"{path.name}: {len(games)} games, {rows} positions, {games[-1].models[0]}")


class Follower:
    """Loads the best network of a run, and each new champion in a thread."""

    def __init__(self, run: Path, say: Callable[[str], None]):
        self._run, self._say, self._stop = run, say, threading.Event()
        self._known: Any = None
        self._lock = threading.Lock()
        self._found: list[tuple[Network, float | None]] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def first(self, interrupts: Interrupts) -> Network | None:
        """The best network now, as soon as there is one; None if interrupted before. From then on champions are
        followed."""
        waiting = False
        while not interrupts.requested:
            model, identity = self._select()
            if model.kind != "heuristic":
                try:
                    network = _load(model)
                except FileNotFoundError:  # removed by a run that goes on from before it
                    continue
                self._say(f"playing with {network.name}: {model.why}")
                self._known = identity
                self._thread.start()
                return network
            if not waiting:
                self._say(f"{self._run} has no trained network yet; waiting for its first checkpoint or champion")
                waiting = True
            time.sleep(1)
        return None

    def taken(self) -> tuple[Network, float | None] | None:
        """The last champion that was found since the last call, with the time of its promotion; None if none was."""
        with self._lock:
            found, self._found = self._found[-1:], []
        return found[0] if found else None

    def _select(self) -> tuple[Model, Any]:
        """The best model, and what tells it from another, also from one of the same number after a run went back."""
        model = select_model(self._run)
        try:
            made = model.path.stat().st_mtime_ns if model.path else None
        except FileNotFoundError:
            made = None
        return model, (model.kind, model.version, made)

    def _follow(self) -> None:
        for _ in subscribe(self._run, ["model_promoted"], POLL, self._stop.is_set):
            try:
                model, identity = self._select()
                if model.kind != "champion" or identity == self._known:
                    continue
                network = _load(model)
            except Exception as problem:  # a champion that is removed while it is read shows in many ways
                self._say(f"a champion cannot be loaded, the games go on: {next(iter(str(problem).splitlines()), '')}")
                continue
            self._known = identity
            event = next((event for event in champions(self._run) if event.version == model.version), None)
            with self._lock:
                self._found.append((network, last_time(self._run, event) if event else None))


def _load(model: Model) -> Network:
    name = "champion" if model.kind == "champion" else "iteration"
    return Network(f"{name} {model.version}", load_model(model)[1])


class Player:
    """Plays until it is told to stop."""

    def __init__(self, args: Args, config: RunConfig, directory: Path):
        self._args, self._config, self._directory = args, config, directory
        self._console = Console(highlight=False, soft_wrap=True)

    def play(self) -> None:
        args, config = self._args, self._config

        def stop_soon() -> None:
            self._say("stopping: finishing this decision, then writing the games; once more to leave at once")

        def leave() -> None:
            if self._console.is_terminal:
                self._console.show_cursor(True)

        with Interrupts(stop_soon, leave) as interrupts, Follower(args.run, self._say) as follower:
            seed = secrets.randbits(32) if args.seed is None else args.seed
            lanes = args.games_in_parallel or config.loop.self_play.lanes
            self._say(f"worker {self._directory}: {lanes} games side by side, seed {seed}")
            network = follower.first(interrupts)
            if network is None:
                self._say(f"{interrupts.requested}: nothing was played")
                return
            with waiting("compiling the start of games"):
                worker = Worker(config.make_env(), config.loop, lanes, network, jax.random.key(seed), args.finish_games)
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
