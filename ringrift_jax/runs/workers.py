"""What a worker beside training keeps and follows: its directory, the files of its games, the champions of the run."""

import platform
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..learning.config import RunConfig
from ..learning.games import PlayedGame
from ..learning.worker import Network
from . import record_files
from .directory import BusyError
from .events import DataRejected, EventLog, last_time, subscribe
from .exports import export_npz
from .interrupts import Interrupts
from .parity import check
from .registry import Model, champions, config_hash, load_model, select_model

POLL = 0.2
"""Seconds between looks at the events of the run."""


@contextmanager
def claim(workers: Path, name: str | None) -> Iterator[Path]:
    """The directory of a worker, made if there is none and kept from others meanwhile.

    Raises:
      ValueError: it cannot have this name.
      BusyError: another process is that worker.
    """
    if name is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"a worker cannot be named {name!r}; a name is of letters, digits, and _ . - after the first")
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
                raise BusyError(f"{directory} is a worker that runs already; choose another name") from None


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
