"""Speed of search and where its time goes: one row for each number of games side by side.

The network is untrained, and the positions are from the middle of random games. The parts of a search are timed by
themselves, in the same rounds, as compiled loops over the same number of games: the network's evaluations and nothing
else; steps, masks and observations; and the search of a game without rules and with a network that looks its results
up, which leaves the tree and the slots. The rest is what is left: the root's mask and observation, and whatever differs
when the parts are one program. It is negative if they are faster together than apart.
"""

import shlex
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh
from rich.console import Console
from rich.table import Table

import ringrift_jax as rr
from experiments.command_line import start_jax, use_all_cores
from experiments.measure import common, timing
from ringrift_jax.devices import everywhere, make_mesh, spread
from ringrift_jax.env import sample_mask
from ringrift_jax.learning.config import to_dict
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.pytrees import select
from ringrift_jax.search.ply import no_memory, play_ply
from ringrift_jax.settings import Count

PROGRAM = "python -m experiments.benchmark search"

SIDE, PRODUCTS = 1024, 10
"""Of the matrices whose products show what the devices can do, and how many there are in a round."""


@dataclass(frozen=True)
class Args(common.Args):
    """Command line of the benchmark.

    Attributes:
      lanes: games searched side by side, one or several numbers; left out, the preset's self-play.lanes.
    """

    lanes: tuple[Count, ...] = ()


@dataclass(frozen=True)
class Row:
    """Results for one number of games side by side.

    Attributes:
      lanes, devices: games, and the devices over which they are spread.
      simulations: of a search; it evaluates the network once more, for the root.
      seconds, fastest, slowest: of one search of all lanes: the median of all rounds, and the extremes.
      searches_per_second, simulations_per_second, evaluations_per_second: by the median.
      network_alone_per_second: evaluations, if nothing else is done.
      of_bound: evaluations per second relative to that bound, which is the network's share of the time, too.
      flop: floating-point operations of an evaluation, as the compiler counts them.
      of_peak: of the network alone, its operations per second relative to those of matrix products on these devices.
      rules, tree, rest: the other shares of the time; the four add up to 1.
      mean_depth: of the trees' simulations, in decisions.
    """

    lanes: int
    devices: int
    simulations: int
    seconds: float
    fastest: float
    slowest: float
    searches_per_second: float
    simulations_per_second: float
    evaluations_per_second: float
    network_alone_per_second: float
    of_bound: float
    flop: float
    of_peak: float
    rules: float
    tree: float
    rest: float
    mean_depth: float


@dataclass(frozen=True, eq=False)
class Hollow:
    """The shapes of a game with nothing behind them: what is left of a search is its tree.

    Attributes:
      env: the game; its states are kept, but of a step only their count of steps changes.
      mask: ``bool[num_actions]`` legal in every state.
    """

    env: Any
    mask: np.ndarray

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, state, action):
        return state.replace(steps=5 * state.steps + action)

    def legal_action_mask(self, state):
        # Always true, but the compiler does not know, so that the slots are chosen again in every node.
        return self.mask & (state.steps != jnp.iinfo(jnp.int32).min)

    def observe(self, state):
        return jnp.sin(state.steps.astype(jnp.float32))[None]

    def evaluate(self, logits, seen):
        """Logits that hardly differ, and values in [-1, 1] without a pattern."""
        return logits + 1e-3 * seen, jnp.broadcast_to(seen, (len(seen), self.env.num_players))


def rules_alone(env, mesh: Mesh) -> Callable:
    """Steps in many games, and what a search asks of each state they lead to, as one compiled loop.

    Returns:
      ``function(count, states [B], actions int32[B, n])``, which plays the first ``count`` actions of each game, and
      returns the last states, masks and observations.
    """

    def play(count, state, actions):
        def again(i, carry):
            state = env.step(carry[0], actions[i])
            return state, env.legal_action_mask(state), env.observe(state)

        observation = jax.eval_shape(env.observe, state)
        start = state, jnp.zeros(env.num_actions, bool), jnp.zeros(observation.shape, observation.dtype)
        return lax.fori_loop(0, count, again, start)

    return jax.jit(spread(jax.vmap(play, in_axes=(None, 0, 0)), mesh))


def random_positions(
    env, rules: Callable, mesh: Mesh, lanes: int, decisions: int
) -> tuple[Any, jax.Array, jax.Array, jax.Array]:
    """States of random games at all stages, reached when as many games have ended as there are lanes.

    Returns:
      States ``[lanes]``, their masks and observations, and ``int32[lanes, decisions]`` random actions that go on.
    """
    draw = jax.jit(lambda masks, key: jax.vmap(sample_mask)(masks, jax.random.split(key, lanes)))
    key = new_key(0)

    def step(states, actions):
        # Arguments that lie elsewhere would be compiled for anew.
        return rules(1, *jax.device_put((states, jnp.tile(actions[:, None], decisions)), everywhere(mesh)))

    def play(states, masks):
        nonlocal key
        key, draw_key = jax.random.split(key)
        actions = draw(masks, draw_key)
        return actions, *step(states, actions)

    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (lanes, *leaf.shape)), env.init())
    _, opening, seen = step(start, jnp.full(lanes, -1, jnp.int32))  # illegal: nothing changes
    states, masks, observations, ended = start, opening, seen, 0
    restart = jax.jit(lambda over, now, first: select(over, first, now))
    while ended < lanes:
        _, *now = play(states, masks)
        over = now[0].is_over
        ended += int(over.sum())
        states, masks, observations = restart(over, tuple(now), (start, opening, seen))
    actions, after, legal = [], states, masks
    for _ in range(decisions):
        action, after, legal, _ = play(after, legal)
        actions.append(action)
    return states, masks, observations, jnp.stack(actions, axis=1)


def measure(env, loop: LoopConfig, lanes: int, repeats: int) -> Row:
    """Times a search over decisions of so many games, and its parts in turn with it."""
    loop = replace(loop, search=replace(loop.search, turn_nodes=0, turns=0))
    mesh = make_mesh(lanes)
    params = common.new_params(env, loop, mesh)
    evaluate = make_evaluate(env, loop.network)
    rules, network = rules_alone(env, mesh), common.network_alone(env, loop, mesh)
    simulations = loop.search.simulations
    states, masks, observations, actions = random_positions(env, rules, mesh, lanes, simulations)

    legal = np.asarray(masks)
    hollow = Hollow(env, legal[np.argsort(legal.sum(axis=1))[lanes // 2]])
    logits, *_ = jax.jit(evaluate)(params, observations[:1])

    def ply(game, evaluate, params):
        search = jax.jit(partial(play_ply, game, evaluate, loop.search, mesh=mesh))
        keys = jax.random.split(new_key(1), lanes)
        return partial(
            search, params, states, keys, jnp.zeros(lanes, bool), jnp.ones(lanes), no_memory(loop.search, lanes)
        )

    search = ply(env, evaluate, params)
    tasks = {
        "search": search,
        "network": partial(network, params, observations),
        "rules": partial(rules, simulations, states, actions),
        "tree": ply(hollow, hollow.evaluate, logits[0]),
        "products": partial(matrix_products(mesh), jnp.ones((mesh.size, SIDE, SIDE), loop.network.dtype)),
    }
    seconds = timing.rounds(tasks, repeats)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    _, found, _ = search()
    counted = jax.jit(evaluate).lower(params, observations).compile().cost_analysis()
    flop = counted["flops"] / lanes if counted else float("nan")
    return make_row(lanes, mesh.size, simulations, seconds["search"], medians, flop, float(found.mean_depth.mean()))


def matrix_products(mesh: Mesh) -> Callable:
    """``function(matrices [devices, SIDE, SIDE])``: :data:`PRODUCTS` products on each device, one after the other."""

    def multiply(_, matrices):
        def again(_, products):
            return jnp.matmul(products, matrices) / SIDE

        return lax.fori_loop(0, PRODUCTS, again, matrices)

    return partial(jax.jit(spread(multiply, mesh)), ())


def make_row(
    lanes: int,
    devices: int,
    simulations: int,
    searches: list[float],
    medians: dict[str, float],
    flop: float,
    mean_depth: float,
) -> Row:
    """Rates and shares; ``medians`` are seconds of ``search``, ``network``, ``rules``, ``tree`` and ``products``."""
    whole = medians["search"]
    network, rules, tree = (medians[part] / whole for part in ("network", "rules", "tree"))
    evaluations = lanes * (simulations + 1)
    return Row(
        lanes=lanes,
        devices=devices,
        simulations=simulations,
        seconds=whole,
        fastest=min(searches),
        slowest=max(searches),
        searches_per_second=lanes / whole,
        simulations_per_second=lanes * simulations / whole,
        evaluations_per_second=evaluations / whole,
        network_alone_per_second=evaluations / medians["network"],
        of_bound=network,
        flop=flop,
        of_peak=evaluations * flop / medians["network"] / (devices * PRODUCTS * 2 * SIDE**3 / medians["products"]),
        rules=rules,
        tree=tree,
        rest=1 - network - rules - tree,
        mean_depth=mean_depth,
    )


def main(argv: Sequence[str]) -> None:
    """Measures, and prints a row for each number of lanes. Bad input: one line, exit code 2."""
    use_all_cores()
    args, loop = common.parse_settings(Args, argv, PROGRAM, __doc__)
    all_lanes = args.lanes or (loop.self_play.lanes,)
    start_jax()
    env = rr.make(args.board, args.players)
    console = common.make_console()
    rows = []
    for lanes in all_lanes:
        with console.status(f"{lanes} games: compiling, playing to the middle of games, timing"):
            rows.append(measure(env, loop, lanes, args.repeats))
    print_rows(console, f"{args.board}-{args.players}p, {loop.search.simulations} simulations", rows)
    command = shlex.join([*PROGRAM.split(), *argv])
    common.write_report(args.json_file, command, rows, settings=to_dict(loop))


def print_rows(console: Console, title: str, rows: list[Row]) -> None:
    console.print(table(f"{title}, {common.describe_device()}", rows))
    console.print("of the bound = evaluations/s relative to the network alone = share of the time in the network")
    console.print("of the peak = FLOP/s of the network alone relative to those of matrix products, in its dtype")


def table(title: str, rows: list[Row]) -> Table:
    headings = (
        *("lanes", "devices", "s a search", "fastest to slowest", "searches/s", "simulations/s", "evaluations/s"),
        *("network alone/s", "of the bound", "MFLOP", "of the peak", "rules", "tree", "rest", "mean depth"),
    )
    cells = [
        (
            *(str(row.lanes), row.devices, row.seconds, f"{row.fastest:.3g} to {row.slowest:.3g}"),
            *(row.searches_per_second, row.simulations_per_second, row.evaluations_per_second),
            *(row.network_alone_per_second, f"{row.of_bound:.1%}", row.flop / 1e6, f"{row.of_peak:.1%}"),
            *map("{:.1%}".format, (row.rules, row.tree, row.rest)),
            row.mean_depth,
        )
        for row in rows
    ]
    return common.make_table(title, headings, cells)
