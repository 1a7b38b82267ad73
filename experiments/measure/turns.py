"""Search of the own turn: how often it is exact, and what it costs, one row for each budget of nodes.

Positions are the starts of turns in games that a player plays against itself, the first four decisions at random. With
``--reference`` some of them are also searched exhaustively by the plain-Python rules, and the answers compared.
"""

import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from rich.table import Table

from experiments.command_line import BoardName, JsonFile, check_output, fail, parse, start_jax, use_all_cores, waiting
from experiments.measure import timing
from experiments.measure.common import describe_device, make_console, make_table, write_report
from ringrift_jax import reference
from ringrift_jax.devices import make_mesh, spread
from ringrift_jax.env import Env, random_action
from ringrift_jax.notation import state_string
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import Agent
from ringrift_jax.pytrees import select
from ringrift_jax.runs.matches import find_player, learned_by, make_agent
from ringrift_jax.search.winning_turn import NODES, winning_turn
from ringrift_jax.settings import Count, CountOrZero, Seed

PROGRAM = "python -m experiments.benchmark turns"
OPENING = 4
"""Random decisions at the start of a game."""


@dataclass(frozen=True)
class Args:
    """Command line of the benchmark.

    Attributes:
      player: who plays the games: a run, whose newest champion plays with its search; or random, heuristic, or
        tactician: before one of these.
      board, players: the game, if no run says which.
      batch: positions searched side by side.
      nodes: decisions that are tried for a position at most, one number or several.
      repeats: rounds; the median counts.
      reference: positions that are searched by the plain-Python rules too.
      seed: of all random numbers.
      json_file: where to write the rows.
    """

    player: tyro.conf.Positional[str]
    board: BoardName | None = None
    players: Literal[2, 3, 4] | None = None
    batch: Count = 128
    nodes: tuple[Count, ...] = (1024, NODES)
    repeats: Count = 5
    reference: CountOrZero = 0
    seed: Seed = 0
    json_file: JsonFile = None


@dataclass(frozen=True)
class Row:
    """Results for one budget.

    Attributes:
      nodes: budget.
      exact: share of positions whose answer is exact.
      won: share of positions in which a win was found.
      tried: mean decisions tried for a position.
      tried_won: the same where a win was found; NaN where there is none.
      milliseconds: for a position, by the median round; fastest, slowest: by those rounds.
    """

    nodes: int
    exact: float
    won: float
    tried: float
    tried_won: float
    milliseconds: float
    fastest: float
    slowest: float


@dataclass(frozen=True)
class Exhaustive:
    """What the plain-Python rules found in some of the positions, without a budget.

    Attributes:
      positions: how many.
      milliseconds: for one.
      wrong: of the exact answers with the largest budget, how many differ.
    """

    positions: int
    milliseconds: float
    wrong: int


def main(argv: Sequence[str]) -> None:
    """Measures, and prints a row for each budget. Bad input: one line, exit code 2."""
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    check_output("--json", args.json_file)
    use_all_cores()
    try:
        config, player, champions = find_player(args.player, args.board, args.players)
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    start_jax()
    env, mesh = config.make_env(), make_mesh(args.batch)
    agent = make_agent(env, config.loop, player.style, learned_by(env, player, champions), mesh)
    with waiting(f"playing games of {player.name} to take positions from; before it they are compiled"):
        states = turn_starts(env, agent, args.batch, args.seed)
    search = jax.jit(spread(lambda nodes, states: winning_turn(env, states, nodes), mesh))
    tasks = {nodes: partial(search, jnp.int32(nodes), states) for nodes in args.nodes}
    with waiting("compiling the search and timing it"):
        seconds = timing.rounds(tasks, args.repeats)
    answers = {nodes: jax.device_get(task()) for nodes, task in tasks.items()}
    rows = [_row(n, answers[n], seconds[n]) for n in args.nodes]
    exhaustive = _exhaustive(env, states, answers[max(args.nodes)], args.reference) if args.reference else None
    console = make_console()
    console.print(table(env, player.name, rows))
    if exhaustive:
        console.print(
            f"plain Python: {exhaustive.milliseconds:,.0f} ms a position, {exhaustive.positions} positions, "
            f"{exhaustive.wrong} other answers"
        )
    write_report(
        args.json_file,
        shlex.join([*PROGRAM.split(), *argv]),
        rows,
        game=env.id,
        batch=args.batch,
        exhaustive=asdict(exhaustive) if exhaustive else None,
    )


def turn_starts(env: Env, agent: Agent, count: int, seed: int) -> Any:
    """States ``[count]`` at the starts of turns, drawn from at least as many games that an agent plays to their end."""
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), env.init())

    @jax.jit
    def play(states: Any, key: jax.Array) -> Any:
        keys = jax.random.split(key, count)
        draws = jax.vmap(partial(random_action, env))(states, keys)
        actions = jnp.where(states.steps < OPENING, draws, agent(states, keys))
        after = jax.vmap(env.step)(states, actions)
        return select(states.is_over, states, after), ~states.is_over & ~after.is_over & (after.turn != states.turn)

    found, states, key = [], start, new_key(seed)
    while not states.is_over.all():
        key, ply = jax.random.split(key)
        states, begins = play(states, ply)
        host, begins = jax.device_get((states, begins))
        found.append(jax.tree.map(lambda leaf, begins=begins: leaf[begins], host))
    starts = jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)
    drawn = np.random.default_rng(seed).permutation(len(starts.turn))[:count]
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[drawn]), starts)


def _row(nodes: int, answer: Any, seconds: list[float]) -> Row:
    ms = 1000 / len(answer.found)
    return Row(
        nodes=nodes,
        exact=float(answer.complete.mean()),
        won=float(answer.found.mean()),
        tried=float(answer.nodes.mean()),
        tried_won=float(answer.nodes[answer.found].mean()) if answer.found.any() else float("nan"),
        milliseconds=float(np.median(seconds)) * ms,
        fastest=min(seconds) * ms,
        slowest=max(seconds) * ms,
    )


def _exhaustive(env: Env, states: Any, answer: Any, count: int) -> Exhaustive:
    wrong, began = 0, time.perf_counter()
    count = min(count, len(answer.found))
    for index in range(count):
        text = state_string(env, jax.tree.map(lambda leaf, i=index: leaf[i], states))
        line = reference.winning_line(reference.from_state_string(env.board, text, env.swap_rule))
        wrong += bool(answer.complete[index]) and bool(answer.found[index]) != (line is not None)
    return Exhaustive(count, 1000 * (time.perf_counter() - began) / count, wrong)


def table(env: Env, player: str, rows: Sequence[Row]) -> Table:
    headings = "nodes", "exact", "won", "decisions tried", "where won", "ms a position", "fastest to slowest"
    cells = [
        (f"{r.nodes:,}", f"{r.exact:.1%}", f"{r.won:.1%}", r.tried, r.tried_won, r.milliseconds,
         f"{r.fastest:.3g} to {r.slowest:.3g}")
        for r in rows
    ]  # fmt: skip
    return make_table(f"{env.id}, turns of {player}, {describe_device()}", headings, cells)
