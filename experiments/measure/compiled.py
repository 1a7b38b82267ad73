"""What XLA makes of the training iteration, or of a ply, for an NVIDIA card: compiled, not run, and without a card.

It says how much memory each device needs, what a simulation and a ply start on the card, how often the host reads a
number from the card before it can go on, and what the devices tell each other. It does not say how long anything takes.
JAX's CUDA plugin has to be installed (the extra cuda12 or cuda13); there need not be a driver.
"""

import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import tyro
from jax.sharding import Mesh
from rich.table import Table

import ringrift_jax as rr
from experiments.command_line import BoardName, JsonFile, fail, waiting
from experiments.measure import cards, common, timing
from experiments.measure.hlo import Exchange, Program
from experiments.measure.thunks import parse_thunks, search_of
from experiments.measure.traffic import moved
from ringrift_jax.collectives import BY_GAME, EVERYWHERE, Collectives
from ringrift_jax.devices import on_mesh, placed
from ringrift_jax.game import Game
from ringrift_jax.learning.config import to_dict
from ringrift_jax.learning.loop import LAYOUT, LoopConfig, LoopState, divided, make_iterate, new_loop
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.runs.memory import memory, size_text
from ringrift_jax.search.network import as_computed
from ringrift_jax.search.ply import play_ply
from ringrift_jax.settings import Count

PROGRAM = "python -m experiments.benchmark compile"


@dataclass(frozen=True)
class Args:
    """Command line of the benchmark.

    Attributes:
      board: the board to play on.
      device: the card to compile for.
      devices: how many of them.
      players: number of players.
      preset: settings for a kind of machine.
      what: the whole iteration of the training loop, or one searched ply of its games.
      json_file: where to write the results too.
    """

    board: tyro.conf.Positional[BoardName] = "square8"
    device: cards.CardName = "h100"
    devices: Count = 1
    players: Literal[2, 3, 4] = 2
    preset: Literal["tiny", "cpu", "gpu"] = "gpu"
    what: Literal["iterate", "ply"] = "iterate"
    json_file: JsonFile = None


@dataclass(frozen=True)
class Exchanges:
    """What devices tell each other in one place of the program.

    Attributes:
      loop: the Python function in which the innermost loop is written that it is in; empty for what is said once.
      number: of exchanges, in each turn of the loop.
      bytes, largest: of their results on each device, all together and the largest.
      kinds: how many there are of each kind.
    """

    loop: str
    number: int
    bytes: int
    largest: int
    kinds: dict[str, int]


@dataclass(frozen=True)
class Row:
    """What was compiled.

    Attributes:
      what: the iteration or the ply.
      devices: how many cards share it.
      lanes, simulations: games side by side on all devices, and simulations of a search.
      lower_seconds, compile_seconds: to trace and lower, and to compile.
      compile_cpu_seconds: of all cores, to compile.
      argument_bytes, temporary_bytes, peak_bytes: on each device: what is handed over, what computing takes on top, and
        all of it with the results that are no arguments again.
      estimated_bytes: what :func:`.memory` says before anything is compiled, by part; None for a ply.
      simulation, ply: what each starts, by the names of :class:`.Work`; None where it has not been found.
      moved_bytes: of a simulation, by part, an estimate (:func:`.moved`); None where it has not been found.
      exchanges: by the loops in which they are.
    """

    what: str
    devices: int
    lanes: int
    simulations: int
    lower_seconds: float
    compile_seconds: float
    compile_cpu_seconds: float
    argument_bytes: int
    temporary_bytes: int
    peak_bytes: int
    estimated_bytes: dict[str, int] | None
    simulation: dict[str, int] | None
    ply: dict[str, int] | None
    moved_bytes: dict[str, int] | None
    exchanges: list[Exchanges]


def measure(env: Game, loop: LoopConfig, mesh: Mesh, what: str) -> Row:
    """Compiles for the devices of a mesh."""
    state = placed(jax.eval_shape(lambda: new_loop(env, loop, new_key(0))), on_mesh(LAYOUT, mesh))
    function, arguments = (_iteration if what == "iterate" else _ply)(env, loop, mesh, state)
    began = time.perf_counter()
    with cards.as_target(mesh.devices.flat[0].device_kind):
        lowered = function.lower(*arguments)
    lowered_at, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder, timing.empty_compilation_cache():
        compiled = lowered.compile(cards.OPTIONS | {"xla_dump_to": folder})
        compiled_at, used = time.perf_counter(), time.process_time() - used
        thunks = parse_thunks(_dumped(folder, "thunk_sequence_after_thunk_passes"), _dumped(folder, "thunk_metadata"))
    program = Program.of(compiled.as_text())
    chunk = loop.self_play.chunk if what == "iterate" else None
    searched = search_of(thunks, program.turns(), loop.search.simulations, chunk)
    sizes = compiled.memory_analysis()
    held, temporary = sizes.argument_size_in_bytes, sizes.temp_size_in_bytes
    return Row(
        what=what,
        devices=mesh.size,
        lanes=loop.self_play.lanes,
        simulations=loop.search.simulations,
        lower_seconds=lowered_at - began,
        compile_seconds=compiled_at - lowered_at,
        compile_cpu_seconds=used,
        argument_bytes=held,
        temporary_bytes=temporary,
        peak_bytes=held + temporary + sizes.output_size_in_bytes - sizes.alias_size_in_bytes,
        estimated_bytes=memory(env, state, loop) if what == "iterate" else None,
        simulation=searched.simulation and searched.simulation._asdict(),
        ply=searched.ply and searched.ply._asdict(),
        moved_bytes=moved(program, program.body(searched.loop)) if searched.loop else None,
        exchanges=by_loop(program),
    )


def _dumped(folder: str, name: str) -> str:
    """What XLA has written about the largest program."""
    found = sorted(Path(folder).glob(f"*{name}.txt"), key=lambda path: path.stat().st_size)
    if not found:
        raise FileNotFoundError(f"XLA has not written {name}.txt; what it writes is known of jax 0.10.2")
    return found[-1].read_text(encoding="utf-8")


def _iteration(env: Game, loop: LoopConfig, mesh: Mesh, state: LoopState) -> tuple[Any, tuple[Any, ...]]:
    return make_iterate(env, loop, mesh), (state,)


def _ply(env: Game, loop: LoopConfig, mesh: Mesh, state: LoopState) -> tuple[Any, tuple[Any, ...]]:
    """A ply of self-play, as the loop has it inside; its games are each device's own."""
    evaluate = make_evaluate(env, loop.network)

    def search(params: Any, *games: Any) -> Any:
        return play_ply(env, evaluate, loop.search, as_computed(params, loop.network), *games)

    on_each = Collectives.of(mesh).on_each(search, (EVERYWHERE, *[BY_GAME] * 5), BY_GAME)
    games = state.games

    def of_games(dtype: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((loop.self_play.lanes,), dtype, sharding=on_mesh(BY_GAME, mesh))

    keys, opening, noise = (of_games(dtype) for dtype in (state.key.dtype, jnp.bool_, jnp.float32))
    return jax.jit(on_each), (state.learner.average, games.state, keys, opening, noise, games.memory)


def by_loop(program: Program) -> list[Exchanges]:
    """Those outside of loops first, then loop by loop."""
    found: dict[str, list[Exchange]] = {"": []}
    for exchange in program.exchanges():
        found.setdefault(exchange.loops[-1] if exchange.loops else "", []).append(exchange)
    written = program.written_in()
    return [
        Exchanges(
            loop=written.get(loop, loop),
            number=len(here),
            bytes=sum(exchange.size for exchange in here),
            largest=max(exchange.size for exchange in here),
            kinds={kind: sum(one.kind == kind for one in here) for kind in sorted({one.kind for one in here})},
        )
        for loop, here in found.items()
        if here
    ]


def main(argv: Sequence[str]) -> None:
    """Compiles, and prints what came out. Bad input: one line, exit code 2."""
    args, loop = common.parse_settings(Args, argv, PROGRAM, __doc__, choose=str)
    for name, number in divided(loop).items():
        if number % args.devices:
            fail(f"--devices is {args.devices}; it must divide {name}, which is {number}")
    if not cards.installed():
        fail(cards.NOT_INSTALLED)
    jax.config.update("jax_platforms", "cpu")  # nothing runs, so it does not matter what there is
    mesh = cards.make_mesh(args.device, args.devices)
    with waiting("compiling, which takes minutes"):
        row = measure(rr.make(args.board, args.players), loop, mesh, args.what)
    console = common.make_console()
    card = mesh.devices.flat[0].device_kind
    console.print(table(f"{args.board}-{args.players}p, compiled for {args.devices} x {card}, not run", row))
    command = shlex.join([*PROGRAM.split(), *argv])
    origin = {"backend": "cuda", "device": card, "devices": args.devices, "run": False}
    common.write_report(args.json_file, command, [row], **origin, settings=to_dict(loop))


def table(title: str, row: Row) -> Table:
    """A line for each number, as there are few rows and many numbers."""
    return common.make_table(title, ("what", "number", "more"), [*_memory(row), *_searches(row), *_exchanged(row)])


def _memory(row: Row) -> Iterator[tuple[str, str, str]]:
    yield "to lower", f"{row.lower_seconds:.1f} s", ""
    yield "to compile", f"{row.compile_seconds:.1f} s", f"{row.compile_cpu_seconds:.1f} s of all cores"
    yield "a device's arguments", size_text(row.argument_bytes), ""
    yield "what computing takes on top", size_text(row.temporary_bytes), ""
    yield "both, and other results", size_text(row.peak_bytes), ""
    if row.estimated_bytes:
        estimate = sum(row.estimated_bytes.values())
        parts = ", ".join(f"{name} {size_text(size)}" for name, size in row.estimated_bytes.items())
        yield "estimated without compiling", size_text(estimate), f"{estimate / row.peak_bytes - 1:+.1%}: {parts}"


def _searches(row: Row) -> Iterator[tuple[str, str, str]]:
    for name, started in (("simulation", row.simulation), (f"ply of {row.simulations} simulations", row.ply)):
        if started is None:
            yield f"a {name}", "not found", ""
            continue
        of_it = "{libraries:,} calls of libraries and {copies:,} copies beside them, in {graphs:,} CUDA graphs"
        yield f"kernels of a {name}", f"{started['kernels']:,}", of_it.format(**started)
        yield "of its inner loops and branches", f"{started['in_loops']:,}", "each once"
        yield "reads by the host, at least", f"{started['reads']:,}", "the condition of each inner loop once"
    if row.moved_bytes:
        parts = ", ".join(f"{name} {size_text(size)}" for name, size in row.moved_bytes.items())
        yield "bytes that a simulation moves", size_text(sum(row.moved_bytes.values())), f"an estimate: {parts}"


def _exchanged(row: Row) -> Iterator[tuple[str, str, str]]:
    for said in row.exchanges:
        kinds = ", ".join(f"{number} {kind}" for kind, number in said.kinds.items())
        name = f"exchanges in a turn of the loop of {said.loop}" if said.loop else "exchanges outside of loops"
        yield name, f"{said.number}", f"{size_text(said.bytes)}, the largest {size_text(said.largest)}: {kinds}"
