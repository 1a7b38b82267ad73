"""What the README and the docs claim in figures, and how each figure is measured again."""

import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

import ringrift_jax as rr
from experiments.measure import rules, selfplay, timing
from ringrift_jax.devices import make_mesh
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.numerics import new_key
from ringrift_jax.players.ratings import fit
from ringrift_jax.runs import record_files
from ringrift_jax.runs.champion_files import champion_versions
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.judgement import judge
from ringrift_jax.runs.matches import (
    RANDOM,
    Matches,
    Outcome,
    Player,
    Style,
    champion,
    learned_by,
    make_agent,
    named,
)
from ringrift_jax.runs.puzzles import find_puzzles, solved, states_of
from ringrift_jax.runs.run import Run
from ringrift_jax.search.config import TURNS
from ringrift_jax.search.winning_turn import winning_turn


class Skip(Exception):
    """A figure cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Options:
    """What measurements may ask for.

    Attributes:
      directory: an empty one, for files.
      minutes: of training.
    """

    directory: Path
    minutes: float


@dataclass(frozen=True)
class Claim:
    """A figure that somebody may rely on.

    Attributes:
      name: for the command line.
      says: what is claimed, and where.
      measure: gives the figure. Raises :class:`Skip` where it cannot be measured.
      at_least, at_most: bounds, inclusive. A figure outside them, or not a number, is a miss.
      unit: of the figure.
      full: whether it takes long.
    """

    name: str
    says: str
    measure: Callable[[Options], float]
    at_least: float = -math.inf
    at_most: float = math.inf
    unit: str = ""
    full: bool = False

    def holds(self, figure: float) -> bool:
        return self.at_least <= figure <= self.at_most

    @property
    def bound(self) -> str:
        """The bounds for people."""
        low, high = math.isfinite(self.at_least), math.isfinite(self.at_most)
        if low and high:
            return f"{self.at_least:g} to {self.at_most:g}{self.unit}"
        return f"at least {self.at_least:g}{self.unit}" if low else f"at most {self.at_most:g}{self.unit}"


def compile_tiny(options: Options) -> float:
    """CPU seconds, which other work changes less than wall time, to trace and compile the loop as the training command
    does, without a cache of compiled programs."""
    run = Run(RunConfig("square8", loop=preset("tiny", "square8")))
    with timing.empty_compilation_cache():
        start = time.process_time()
        run.compile()
        return time.process_time() - start


@cache
def _rules() -> dict[str, rules.Row]:
    """Rows of the benchmark of the rules, timed in turn: square8, and chess of pgx if it is installed."""
    subjects = [rules.ringrift(rr.make("square8"))]
    if find_spec("pgx"):
        subjects.append(rules.pgx_game("chess"))
    return {row.game: row for row in rules.measure(subjects, 256, 32, 5, Console(quiet=True))}


def chess_ratio(options: Options) -> float:
    if not find_spec("pgx"):
        raise Skip('pgx is not installed; pip install ".[pgx]"')
    chess, ours = (_rules()[game].decision_us for game in ("pgx chess", "square8-2p"))
    return ours / chess


def random_decisions(options: Options) -> float:
    return _rules()["square8-2p"].decisions_per_second


def state_bytes(options: Options) -> float:
    return timing.tree_bytes(rr.make("square8").init())


def self_play_games(options: Options) -> float:
    loop = preset("cpu", "square8")
    loop = replace(loop, search=replace(loop.search, simulations=16))
    return selfplay.measure(rr.make("square8"), loop, repeats=3).games_per_second


def heuristic_wins(options: Options) -> float:
    outcome = Matches(RunConfig("square8"), None, games=300, opening=4, seed=0).play(named("heuristic"), RANDOM)
    return 100 * outcome.wins / outcome.games


@cache
def _trained(options: Options) -> tuple[Matches, Player, Player]:
    """Matches of a run trained with the preset cpu; its last champion and its untrained network, with search."""
    path = options.directory / "run"
    if path.exists():
        raise RuntimeError("training has failed already")
    command = ["experiments.train", "square8", "--preset", "cpu", "--hours", str(options.minutes / 60)]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--run-dir", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"training failed: {done.stderr[-300:]}")
    directory = RunDirectory(path)
    config = directory.read_config()
    version = champion_versions(directory.champions)[-1]
    matches = Matches(config, directory.champions, games=400, opening=4, seed=1)
    style = Style("network", config.loop.search.simulations)
    return matches, champion(version, style), champion(0, style)


@cache
def _against_heuristic(options: Options) -> Outcome:
    matches, trained, _ = _trained(options)
    return matches.play(trained, named("heuristic"))


def champion_wins(options: Options) -> float:
    """Lower end of the 95 % interval, in per cent."""
    return 100 * _against_heuristic(options).interval[0]


def champion_wins_by_turns(options: Options) -> float:
    """Lower end of the 95 % interval against who takes every win of its own turn, in per cent."""
    matches, trained, _ = _trained(options)
    by_turns = champion(trained.version, Style("network", turns=TURNS))
    return 100 * matches.play(by_turns, named("tactician:heuristic")).interval[0]


@cache
def _wins_of_a_turn(options: Options) -> Any:
    """States ``[P]`` of the last games of the run in which the player to move can win before its turn passes."""
    matches, _, _ = _trained(options)
    games = record_files.read(RunDirectory(options.directory / "run").games)
    return states_of(matches.env, find_puzzles(matches.env, list(games)[-60:]))


def _wins_taken(options: Options, style: Style) -> float:
    """Per cent of these that the champion takes."""
    matches, trained, _ = _trained(options)
    agent = make_agent(matches.env, matches.config.loop, style, learned_by(matches.env, trained, matches.champions))
    return 100 * float(solved(matches.env, agent, _wins_of_a_turn(options), new_key(0)).mean())


def wins_taken_by_turns(options: Options) -> float:
    return _wins_taken(options, Style("network", turns=TURNS))


def wins_taken_by_the_tree(options: Options) -> float:
    return _wins_taken(options, Style("network", simulations=16))


def judged(options: Options) -> float:
    """Per cent of what is decided of a result after 8 decisions that the champion's network explains."""
    matches, trained, _ = _trained(options)
    params = learned_by(matches.env, trained, matches.champions)
    found = judge(
        matches.env, matches.config.loop, params, ply=8, positions=32, continuations=32, seed=0, mesh=make_mesh(32),
        wins=lambda states: winning_turn(matches.env, states).found,
    )  # fmt: skip
    return 100 * found.explained / found.decided


def distinct_games(options: Options) -> float:
    return 100 * _against_heuristic(options).distinct


def champion_elo(options: Options) -> float:
    """Elo of the champion above the untrained network with the same search; 0 if that is the champion still."""
    matches, trained, untrained = _trained(options)
    if trained == untrained:
        return 0.0
    return fit(matches.play(trained, untrained).results, anchor=untrained.name).elo[trained.name]


def arena_share(options: Options) -> float:
    """Per cent of the time that iterations with an arena took longer than the median of the others."""
    _trained(options)
    lines = RunDirectory(options.directory / "run").read_metrics()
    usual = median(line["seconds"] for line in lines if not line["arena_games"])
    longer = sum(line["seconds"] - usual for line in lines if line["arena_games"])
    return 100 * longer / sum(line["seconds"] for line in lines)


CLAIMS = (
    Claim(
        "state-bytes", "a state of square8 with 2 players: 396 bytes, budget 480", state_bytes, at_most=480, unit=" B"
    ),
    Claim(
        "compile-tiny",
        "--preset tiny compiles in 51 CPU s, of which XLA takes 45, before the gates (docs/performance.md); twice that "
        "anywhere",
        compile_tiny,
        at_most=102,
        unit=" CPU s",
    ),
    Claim(
        "chess-ratio",
        "a decision on square8 costs 0.10 of a pgx chess step (docs/performance.md), a fifth was the target",
        chess_ratio,
        at_most=0.2,
    ),
    Claim(
        "random-play",
        "68,670 decisions/s of random play on square8 (docs/performance.md); a fifth of that anywhere",
        random_decisions,
        at_least=13_734,
        unit="/s",
    ),
    Claim(
        "self-play",
        "self-play of the preset cpu on square8 with 16 simulations: 10.5 games/s (docs/performance.md), 6 were wanted",
        self_play_games,
        at_least=6,
        unit=" games/s",
    ),
    Claim(
        "heuristic",
        "the heuristic wins 82 % of 300 games against random on square8",
        heuristic_wins,
        at_least=70,
        at_most=94,
        unit=" %",
    ),
    Claim(
        "champion-wins",
        "after 18 minutes the champion wins 97 % of 400 games with 16 simulations against the heuristic "
        "(docs/strength.md); the lower end of the 95 % interval, 5 % less than there for other seeds and machines",
        champion_wins,
        at_least=90,
        unit=" %",
        full=True,
    ),
    Claim(
        "champion-turns",
        "the champion wins by whole turns against tactician:heuristic, in 400 games of which 90 % can be won (README); "
        "the lower end of the 95 % interval",
        champion_wins_by_turns,
        at_least=80,
        unit=" %",
        full=True,
    ),
    Claim(
        "wins-turns",
        "comparing whole turns, the champion takes every win of a turn that its last games had (docs/comparisons.md)",
        wins_taken_by_turns,
        at_least=99,
        unit=" %",
        full=True,
    ),
    Claim(
        "wins-tree",
        "with 16 simulations alone it takes 68 % of them (docs/comparisons.md)",
        wins_taken_by_the_tree,
        at_least=40,
        unit=" %",
        full=True,
    ),
    Claim(
        "judged",
        "after 8 decisions the network explains 61 % of what is decided of a result (docs/comparisons.md); half of "
        "that, for there are 30 positions",
        judged,
        at_least=30,
        unit=" %",
        full=True,
    ),
    Claim(
        "distinct-games",
        "99 % of the games of that match are different (docs/strength.md), 95 % were the target",
        distinct_games,
        at_least=95,
        unit=" %",
        full=True,
    ),
    Claim(
        "champion-elo",
        "after 18 minutes the champion is 430 Elo above the untrained network with the same search "
        "(docs/strength.md), 200 were wanted",
        champion_elo,
        at_least=350,
        unit=" Elo",
        full=True,
    ),
    Claim(
        "arena-share",
        "arenas take 7 % of the time of training (docs/performance.md), 15 % were the target",
        arena_share,
        at_most=15,
        unit=" %",
        full=True,
    ),
)
