"""Plays a trained network against the uniform random player: ``python -m experiments.evaluate runs/square8-2p``.

The untrained network of the same run plays as many games, for comparison. Every seat is held equally often.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from experiments.command_line import fail, option, parse, use_all_cores, use_compilation_cache
from ringrift_jax.agents import make_evaluate, network_agent, random_agent, search_agent
from ringrift_jax.arena import Match, play_match
from ringrift_jax.checkpoints import champion_versions, load_champion
from ringrift_jax.devices import make_mesh
from ringrift_jax.env import Env
from ringrift_jax.loop import LoopConfig


@dataclass(frozen=True)
class Args:
    """Command line of an evaluation.

    Attributes:
      path: a run directory, whose latest champion plays, or one champion: RUN/champions/VERSION.
      games: games of each kind, made a multiple of the number of players.
      simulations: of the search, one or several; 0 is the network alone, which takes its most likely action.
      seed: of all random numbers.
    """

    path: tyro.conf.Positional[Path]
    games: int = 400
    simulations: Annotated[tuple[int, ...], option("[INT ...]", "0 and what the run trained with")] = ()
    seed: int = 0


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and prints a line for each kind of player. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.evaluate")
    if args.games < 1:
        fail(f"--games is {args.games}; it must be at least 1")
    if min(args.simulations, default=0) < 0:
        fail(f"--simulations is {min(args.simulations)}; it must be 0 or more")
    champion = _champion(args.path)
    try:
        config, params = load_champion(champion)
    except FileNotFoundError as problem:
        fail(str(problem))
    use_compilation_cache()
    players = {f"champion {champion.name}": params}
    if champion.name != "0" and 0 in champion_versions(champion.parent):
        players["untrained"] = load_champion(champion.parent / "0")[1]

    env = config.make_env()
    groups = -(-args.games // config.num_players)
    total = groups * config.num_players
    print(f"{config.board}, {config.num_players} players: {total} games each against the uniform random player")
    for simulations in args.simulations or (0, config.loop.search.simulations):
        play = jax.jit(partial(_play, env, config.loop, simulations, groups))
        kind = f"{simulations} simulations" if simulations else "network alone"
        for name, its_params in players.items():
            wins = int((play(its_params, jax.random.key(args.seed)).score > 0).sum())
            low, high = wilson(wins, total)
            print(f"{name:<14} {kind:<16} wins {wins / total:6.1%}  (95% interval {low:.1%} to {high:.1%})", flush=True)


def _champion(path: Path) -> Path:
    """The latest champion of a run directory; any other path as it is."""
    versions = champion_versions(path / "champions")
    return path / "champions" / str(versions[-1]) if versions else path


def _play(env: Env, loop: LoopConfig, simulations: int, groups: int, params: Any, key: jax.Array) -> Match:
    evaluate, mesh = make_evaluate(env, loop.network), make_mesh()
    if simulations:
        agent = search_agent(env, evaluate, params, replace(loop.search, simulations=simulations), mesh)
    else:
        agent = network_agent(env, evaluate, params, mesh)
    return play_match(env, agent, random_agent(env), groups, key, devices=mesh.size)


def wilson(wins: int, games: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion."""
    z = 1.96
    share, spread = wins / games, z * z / games
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / games + spread / 4 / games) / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)


if __name__ == "__main__":
    main()
