"""A training run: the compiled loop, and on the host around it what lasts, who watches, and when it ends."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
from msgspec import convert, to_builtins

from ..learning.config import RunConfig
from ..learning.games import games_to_verify
from ..learning.loop import LoopState
from ..processes import leads, of_all, of_leader
from .checkpoints import Checkpoints
from .directory import RunDirectory
from .events import GamesIngested, read
from .history import History
from .ingest import Inbox, Ingested, games_of
from .interrupts import Interrupts
from .memory import memory
from .metrics import to_record
from .monitors import Monitor, Monitors
from .origin import begin
from .parity import check
from .registry import config_hash
from .run import Run

SAVING_SHARE = 0.1
"""Saving takes at most this share of the time."""


class DamagedRunError(ValueError):
    """No checkpoint, or a line of a file of the run, can be read, so it cannot go on."""


class Display(Protocol):
    """What shows a run to the person who started it."""

    def say(self, text: str) -> None:
        """One line."""

    def introduce(self, config: RunConfig, preset: str, directory: str, memory: dict[str, int], devices: int) -> None:
        """What is run, on what, and how much memory it takes on each of so many devices."""

    def compiling(self) -> AbstractContextManager[None]:
        """While the loop is compiled."""
        ...

    def iterating(self, done: int, total: int | None) -> AbstractContextManager[None]:
        """While it runs; ``total`` may be unknown."""
        ...

    def iteration(self, record: dict[str, Any], total: int | None) -> None:
        """An iteration is done."""

    def summarise(self, records: list[dict[str, Any]], directory: str) -> None:
        """What the whole run has done so far."""

    def restore_cursor(self) -> None:
        """The process leaves at once."""


@dataclass(frozen=True)
class Until:
    """When a run ends: as soon as one of these is reached.

    Attributes:
      iterations: total, those of earlier processes included; None for no limit.
      hours: of this process; None for no limit.
      elo: of the champion, as counted by the arenas.
    """

    iterations: int | None = None
    hours: float | None = None
    elo: float = math.inf

    def reached_before(self, done: int, elo: float) -> str | None:
        """Why there is nothing to do, if there is not."""
        if self.iterations is not None and done >= self.iterations:
            return f"{done} of {self.iterations} iterations are done; give more --iterations to go on"
        if elo >= self.elo:
            return f"the champion has {elo:.0f} Elo; give a higher --until-elo to go on"
        return None

    def reached(self, done: int, elo: float) -> str | None:
        """What was wanted, if it is done."""
        if self.iterations is not None and done >= self.iterations:
            return f"{self.iterations} iterations are done"
        return f"the champion has {elo:.0f} Elo" if elo >= self.elo else None

    def over(self, hours: float) -> str | None:
        """That the time is over, if it is."""
        return f"{self.hours:g} h are over" if self.hours is not None and hours >= self.hours else None


@dataclass
class _Saver:
    """Saves checkpoints as often as :data:`SAVING_SHARE` allows, the first time at once; all processes together."""

    checkpoints: Checkpoints
    watch: Monitors
    due: float = field(default_factory=time.monotonic)

    def offer(self, state: LoopState) -> None:
        began = time.monotonic()
        if of_leader(began >= self.due):
            self.watch.phase("saving")
            self.checkpoints.save(state)
            self.watch.phase("iterating")
            now = time.monotonic()
            self.due = now + (now - began) * (1 / SAVING_SHARE - 1)

    def finish(self, state: LoopState) -> None:
        self.watch.phase("saving")
        self.checkpoints.save(state)
        self.checkpoints.wait()


class _Iterations:
    """One iteration after the other, and what the host does beside each: verify games, read those of workers."""

    def __init__(
        self,
        run: Run,
        config: RunConfig,
        iterate: jax.stages.Compiled,
        history: History | None,
        inbox: Inbox | None,
        directory: RunDirectory,
        worker: ThreadPoolExecutor,
        done: int,
    ):
        self._run, self._config, self._iterate, self._history = run, config, iterate, history
        self._inbox, self._directory, self._worker, self._hash = inbox, directory, worker, config_hash(config)
        self._ingested = self._agreed(inbox.next(done + 1) if inbox else Ingested())

    def advance(self, state: LoopState, number: int) -> tuple[LoopState, dict[str, Any], Ingested]:
        """Does the iteration of a number; the state is consumed. Returns its line and what was ingested before it."""
        began = time.monotonic()
        state = self._run.add(state, self._ingested.games)
        games = games_to_verify(self._config.loop, state)
        running = self._worker.submit(lambda now: jax.block_until_ready(self._iterate(now)), state)
        parity = check(self._run.env, games if leads() else [], config_hash=self._hash)
        following = self._inbox.next(number + 1) if self._inbox else Ingested()
        state, metrics = running.result()
        state = self._run.settle(state, of_leader(parity.accepted))
        record = to_record(metrics, self._config.loop, time.monotonic() - began)
        ingested, self._ingested = self._ingested, self._agreed(following)
        if self._history:
            record = self._history.add(record, parity, ingested, state.champion)
        return state, record, ingested

    def _agreed(self, ingested: Ingested) -> Ingested:
        """What the first process takes in; the others read the same files."""
        events = convert(of_leader(to_builtins(ingested.events)), list[GamesIngested])
        return ingested if leads() else Ingested(games_of(self._directory.path, events), events)


def train(
    config: RunConfig,
    directory: RunDirectory,
    until: Until,
    display: Display,
    preset_name: str = "custom",
    monitors: Sequence[Monitor] = (),
    ingest: bool = False,
) -> None:
    """Starts or continues a run until it has come far enough, or until it is interrupted. Call it in the main thread.

    Of several processes (:mod:`ringrift_jax.processes`) all call it alike, but for what shows and watches the run. The
    first one writes everything but its share of the checkpoints, and decides for all.

    Args:
      config: settings of the run.
      directory: of the run, opened; the same for all processes.
      until: when it ends.
      display: what shows it.
      preset_name: what the settings are called there.
      monitors: what else watches it.
      ingest: take in the games of workers.

    Raises:
      DamagedRunError: the run cannot go on from its checkpoints.
      OSError: something cannot be written.
    """

    def stop_soon() -> None:
        display.say("stopping: finishing this iteration, then saving; once more to leave at once")

    began = time.monotonic()
    with (
        Checkpoints(directory.checkpoints) as checkpoints,
        Interrupts(stop_soon, display.restore_cursor) as interrupts,
        Monitors(monitors, display.say) as watch,
        ThreadPoolExecutor(1) as worker,  # so that the main thread is free to answer signals
    ):
        run = Run(config)
        sizes = memory(run.env, run.abstract, config.loop)
        display.introduce(config, preset_name, str(directory.path), sizes, run.mesh.size)
        state, resumed = _first_state(run, config, checkpoints, directory, display)
        done = int(state.iteration)
        history = History(directory, config, watch) if leads() else None
        if history:
            history.rewind(state, resumed, display.say)
        if done:
            display.say(f"continuing after iteration {done}")
        if why := of_leader(until.reached_before(done, history.elo) if history else None):
            display.say(f"nothing to do: {why}")
            return
        if history:
            history.start(state, resumed, preset_name)
        iterate = _compile(run, worker, watch, display)
        inbox = Inbox(directory.path, run.env, config.loop) if ingest and leads() else None
        iterations = _Iterations(run, config, iterate, history, inbox, directory, worker, done)
        saver = _Saver(checkpoints, watch)
        watch.phase("iterating")

        def why_now() -> str | None:
            hours = (time.monotonic() - began) / 3600
            reached = until.reached(done, history.elo) if history else None
            told = of_all((reached, interrupts.requested, until.over(hours)))
            return told[0][0] or next((signal for _, signal, _ in told if signal), None) or told[0][2]

        with display.iterating(done, until.iterations):
            while (why := why_now()) is None:
                done += 1
                state, record, ingested = iterations.advance(state, done)
                for event in ingested.events:
                    if event.rejected:
                        display.say(f"{event.path} is not taken in: {event.rejected}")
                if history:
                    display.iteration(record, until.iterations)
                saver.offer(state)
        saver.finish(state)
        if history:
            history.end(done, why)
        watch.phase("stopped")
        if done == until.iterations:
            display.say(f"finished {done} iterations, saved in {directory.path}")
        else:
            total = f" of {until.iterations}" if until.iterations else ""
            display.say(f"{why}: saved after iteration {done}{total}; the same command continues")
        if leads():
            display.summarise(directory.read_metrics(), str(directory.path))


def _first_state(
    run: Run, config: RunConfig, checkpoints: Checkpoints, directory: RunDirectory, display: Display
) -> tuple[LoopState, bool]:
    """The state to go on from, and whether it is that of a checkpoint."""
    latest = of_all(checkpoints.latest())
    if len(set(latest)) > 1:
        raise DamagedRunError(
            f"{directory.path} is not the same directory for all processes; it must be shared by them"
        )
    resumed = latest[0] is not None
    try:
        if resumed:
            state = checkpoints.restore(run.abstract, run.shardings, display.say)
        else:
            state = begin(run, config, display.say)
        if leads():  # damaged lines are refused before anything is changed
            read(directory.path)
            directory.read_metrics()
        return state, resumed
    except (ValueError, FileNotFoundError) as problem:
        raise DamagedRunError(str(problem)) from problem


def _compile(run: Run, worker: ThreadPoolExecutor, watch: Monitors, display: Display) -> jax.stages.Compiled:
    watch.phase("compiling")
    began = time.monotonic()
    with display.compiling():
        iterate = worker.submit(run.compile).result()
    display.say(f"compiled in {time.monotonic() - began:.1f} s")
    return iterate
