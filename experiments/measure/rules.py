"""Cost of the rules: one row for each board and number of players.

A decision is a step and the mask of the state it leads to. Positions come from random play. If pgx is installed its
chess, go_9x9 and othello are timed in the same rounds; a step of theirs includes mask and observation.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import jax
import jax.numpy as jnp
from jax import lax
from rich.console import Console
from rich.table import Table

import ringrift_jax as rr
from experiments.command_line import JsonFile, check_output, fail, parse, start_jax
from experiments.measure import timing
from experiments.measure.common import describe_device, make_console, make_table, write_report
from ringrift_jax.env import sample_mask
from ringrift_jax.numerics import new_key
from ringrift_jax.settings import Count

PROGRAM = "python -m experiments.benchmark env"

PGX_GAMES = ("chess", "go_9x9", "othello")

SETS = 4
"""Batches of positions that one measurement goes through."""


@dataclass(frozen=True)
class Subject:
    """A game to measure, as pure functions of one state.

    ``step(state, action)``, ``mask(state)`` and ``observe(state)`` are measured; ``mask`` and ``observe`` are None when
    they are fields of the state that ``step`` has computed already. ``init(key)`` and ``over(state)`` let games go on.
    """

    name: str
    init: Callable
    step: Callable
    mask: Callable | None
    observe: Callable | None
    over: Callable

    def legal(self, state) -> jax.Array:
        return state.legal_action_mask if self.mask is None else self.mask(state)

    def decision(self, state, action):
        """What self-play and search need from the rules: the next state, and what is legal there."""
        state = self.step(state, action)
        return state if self.mask is None else (state, self.mask(state))


@dataclass(frozen=True)
class Row:
    """Results of one game; microseconds are per state."""

    game: str
    batch: int
    decision_us: float
    step_us: float | None
    mask_us: float | None
    observe_us: float | None
    sample_us: float
    decisions_per_second: float
    games_per_second: float
    jaxpr_lines: int
    compile_cold_seconds: float
    compile_warm_seconds: float
    state_bytes: int
    decisions_per_pgx_chess_step: float | None = None


def ringrift(env: rr.Env) -> Subject:
    return Subject(
        name=env.id,
        init=lambda key: env.init(),
        step=env.step,
        mask=env.legal_action_mask,
        observe=env.observe,
        over=lambda state: state.is_over,
    )


def pgx_game(name: str) -> Subject:
    # By name: pgx is optional, so type checkers may not find it.
    env = import_module("pgx").make(name)
    return Subject(
        name=f"pgx {name}",
        init=env.init,
        step=env.step,
        mask=None,
        observe=None,
        over=lambda state: state.terminated | state.truncated,
    )


def random_play(subject: Subject, states, key, steps: int):
    """Uniformly random play of a batch with auto-reset: the states, a new key and the number of games that ended."""

    def play(state, key):
        reset, draw = jax.random.split(key)
        state = subject.step(state, sample_mask(subject.legal(state), draw))
        over = subject.over(state)
        return jax.tree.map(partial(jnp.where, over), subject.init(reset), state), over

    def one(carry, _):
        states, key = carry
        key, draw = jax.random.split(key)
        batch = jax.tree.leaves(states)[0].shape[0]
        states, over = jax.vmap(play)(states, jax.random.split(draw, batch))
        return (states, key), jnp.sum(over)

    (states, key), ended = lax.scan(one, (states, key), length=steps)
    return states, key, jnp.sum(ended)


class Measurement:
    """One game, compiled, with positions of random play, ready to be timed.

    Attributes:
      tasks: what :func:`timing.in_turn` runs; each goes through all positions, or plays ``steps`` decisions.
    """

    def __init__(self, subject: Subject, batch: int, steps: int):
        self.subject, self.batch, self.steps = subject, batch, steps
        key = new_key(0)
        state = subject.init(key)
        self.state_bytes = timing.tree_bytes(state)
        self.jaxpr_lines = timing.jaxpr_lines(subject.step, state, jnp.int32(0))
        decide = jax.vmap(subject.decision)
        states = jax.vmap(subject.init)(jax.random.split(key, batch))
        self.compile_seconds = [timing.compile_seconds(decide, states, jnp.zeros(batch, jnp.int32)) for _ in range(2)]

        self._play = jax.jit(partial(random_play, subject, steps=steps), donate_argnums=(0, 1))
        self._running = states, key
        self.plays, self.games_ended = 0, 0
        while self.games_ended < batch:  # until the games are at all stages
            self.play()
        self.tasks = self._prepare(jax.jit(decide))

    def _prepare(self, decide: Callable) -> dict[str, Callable]:
        subject = self.subject
        legal, draw = jax.jit(jax.vmap(subject.legal)), jax.jit(jax.vmap(sample_mask))
        positions = []
        for i in range(SETS):
            self.play()
            states = jax.tree.map(jnp.copy, self._running[0])
            masks, keys = legal(states), jax.random.split(new_key(i), self.batch)
            positions.append((states, draw(masks, keys), masks, keys))

        def through(function: Callable, *fields: int) -> Callable:
            return lambda: [function(*(position[field] for field in fields)) for position in positions]

        tasks = {
            "play": self.play,
            "decision": through(decide, 0, 1),
            "sample": through(draw, 2, 3),
        }
        if subject.mask is not None:
            tasks["step"] = through(jax.jit(jax.vmap(subject.step)), 0, 1)
            tasks["mask"] = through(legal, 0)
        if subject.observe is not None:
            tasks["observe"] = through(jax.jit(jax.vmap(subject.observe)), 0)
        return tasks

    def play(self) -> None:
        *self._running, ended = self._play(*self._running)
        self.plays += 1
        self.games_ended += int(ended)

    def row(self, seconds: dict[str, float]) -> Row:
        us = {task: 1e6 * time / (SETS * self.batch) for task, time in seconds.items()}
        return Row(
            game=self.subject.name,
            batch=self.batch,
            decision_us=us["decision"],
            step_us=us.get("step"),
            mask_us=us.get("mask"),
            observe_us=us.get("observe"),
            sample_us=us["sample"],
            decisions_per_second=self.batch * self.steps / seconds["play"],
            games_per_second=self.games_ended / self.plays / seconds["play"],
            jaxpr_lines=self.jaxpr_lines,
            compile_cold_seconds=self.compile_seconds[0],
            compile_warm_seconds=self.compile_seconds[1],
            state_bytes=self.state_bytes,
        )


def measure(subjects: list[Subject], batch: int, steps: int, repeats: int, console: Console) -> list[Row]:
    """Prepares all subjects, then times all of them in turn."""
    with timing.empty_compilation_cache(), console.status("") as status:
        measurements = []
        for subject in subjects:
            status.update(f"compiling {subject.name} and playing to mid-game positions")
            measurements.append(Measurement(subject, batch, steps))
        status.update(f"timing, {repeats} rounds")
        tasks = {(m.subject.name, name): task for m in measurements for name, task in m.tasks.items()}
        seconds = timing.in_turn(tasks, repeats)
    rows = []
    for m in measurements:
        rows.append(m.row({task: t for (game, task), t in seconds.items() if game == m.subject.name}))
    chess = [row.decision_us for row in rows if row.game == "pgx chess"]
    return [replace(row, decisions_per_pgx_chess_step=chess[0] / row.decision_us) for row in rows] if chess else rows


@dataclass(frozen=True)
class Args:
    """Command line of the benchmark.

    Attributes:
      boards: which boards.
      players: which numbers of players.
      batch: states side by side.
      steps: decisions of random play in one measurement.
      repeats: rounds; the median counts.
      pgx: whether to time games of pgx too, if it is installed.
      json_file: where to write the rows.
    """

    boards: tuple[str, ...] = rr.BOARD_NAMES
    players: tuple[int, ...] = (2, 3, 4)
    batch: Count = 256
    steps: Count = 32
    repeats: Count = 10
    pgx: bool = True
    json_file: JsonFile = None


def main(argv: Sequence[str]) -> None:
    """Measures, and prints a row for each game. Bad input: one line, exit code 2."""
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    check_output("--json", args.json_file)
    try:
        subjects = [ringrift(rr.make(board, n)) for board in args.boards for n in args.players]
    except ValueError as error:
        fail(str(error))
    if args.pgx and find_spec("pgx"):
        subjects += [pgx_game(name) for name in PGX_GAMES]
    start_jax()
    console = make_console()
    rows = measure(subjects, args.batch, args.steps, args.repeats, console)
    console.print(table(rows))
    write_report(args.json_file, shlex.join([*PROGRAM.split(), *argv]), rows)


def table(rows: list[Row]) -> Table:
    headings = (
        *("game", "decision", "step", "mask", "observe", "sample", "decisions/s", "games/s", "jaxpr lines"),
        *("cold compile s", "warm compile s", "state bytes", "decisions per pgx chess step"),
    )
    title = f"us per state, batch {rows[0].batch}, {describe_device()}"
    cells = [(row.game, *(v for k, v in asdict(row).items() if k not in ("game", "batch"))) for row in rows]
    return make_table(title, headings, cells)
