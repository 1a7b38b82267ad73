"""Measures how strong a trained network is: ``python -m experiments.evaluate runs/square8-2p``.

Its champion plays matches against other players, with search and without. Games come in groups: all games of a group
begin with the same random opening, and in each of them the champion is another player, so that every seat is held
equally often. Ratings are on the Elo scale, where the uniformly random player is 0.

Instead of a run, random or heuristic (or heuristic:PROFILE, or tactician:random, tactician:heuristic) can be measured,
on the board named by --board, such as ``python -m experiments.evaluate heuristic --board square8 --players 2``.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import tyro
from rich.console import Console
from rich.table import Table

from experiments.command_line import (
    BoardName,
    JsonFile,
    check_output,
    command,
    fail,
    option,
    parse,
    start_jax,
    use_all_cores,
    waiting,
)
from ringrift_jax.devices import everywhere, make_mesh
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.numerics import new_key
from ringrift_jax.players.ratings import Ratings, fit, wilson
from ringrift_jax.runs.checkpoints import champion_versions, load_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.files import write_whole
from ringrift_jax.runs.matches import (
    RANDOM,
    Matches,
    Outcome,
    Player,
    champion,
    find_champion,
    game_without_run,
    learned_by,
    make_agent,
    named,
)
from ringrift_jax.runs.puzzles import Puzzle, read_puzzles, solved, states_of
from ringrift_jax.runs.registry import missing_champions
from ringrift_jax.settings import Count, CountOrZero, Seed


@dataclass(frozen=True)
class Args:
    """Command line of an evaluation.

    Attributes:
      player: a run directory, whose latest champion plays; or one champion: RUN/champions/VERSION; or random,
        heuristic, heuristic:PROFILE, or tactician: before one of these.
      against: opponents: random; heuristic, or heuristic:PROFILE; champion:VERSION of the same run, which searches as
        much as the champion does; champion:0 is the untrained network; or tactician: before one of these, who takes
        every win of its own turn first. Those without a network play each other too.
      games: of each match, made a multiple of the number of players.
      simulations: of the search, one or several; 0 is the network alone, which takes its most likely action.
      opening: uniformly random decisions at the start of each game.
      board, players, swap_rule: the game, if no run says which; the board is needed then.
      puzzles: files of positions that can be won before the turn passes. Instead of playing matches, each player tries
        to win them, with a search of its own turn and without.
      ladder: all champions of the run play, not only the latest; ladder.svg in the run shows their ratings over time,
        and its report a table of them.
      seed: of all random numbers.
      json_file: where to write the results too.
    """

    player: tyro.conf.Positional[str]
    against: tuple[str, ...] = ("random",)
    games: Count = 400
    simulations: Annotated[tuple[CountOrZero, ...], option("[INT ...]", "0 and what the run trained with")] = ()
    opening: CountOrZero = 4
    board: Annotated[BoardName | None, option("BOARD", "that of the run")] = None
    players: Annotated[Literal[2, 3, 4] | None, option("{2,3,4}", "those of the run, or 2")] = None
    swap_rule: bool = False
    puzzles: Annotated[tuple[Path, ...], option("[FILE ...]", "none")] = ()
    ladder: bool = False
    seed: Seed = 0
    json_file: JsonFile = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, plays, and prints a line for each match. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.evaluate")
    check_output("--json", args.json_file)
    try:
        puzzles = [puzzle for path in args.puzzles for puzzle in read_puzzles(path)]
        contest = _contest(args)
        for name in args.against:
            if named(name, 0).style.kind == "network" and not contest.champions:
                fail(f"{name} is a champion of a run, and {args.player} is none")
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    start_jax()

    config = contest.config
    if args.puzzles:
        solve(args, contest, puzzles)
        return
    matches = Matches(config, contest.champions, args.games, args.opening, args.seed)
    game = f"{config.board}, {config.num_players} players"
    print(f"{game}: {matches.games} games a match, the first {args.opening} decisions of each at random")
    outcomes = []
    for player, opponent in _pairings(contest, args.against):
        began = time.monotonic()
        try:
            who = f"{player.name} against {opponent.name}"
            with waiting(f"playing {who}; before it the match is compiled, about half a minute the first time"):
                outcomes.append(matches.play(player, opponent))
        except FileNotFoundError as problem:
            fail(str(problem))
        print(f"{describe(outcomes[-1])}, {time.monotonic() - began:.0f} s", flush=True)
    if not outcomes:
        who, _, _ = contest.players[-1][0].name.partition(",")
        fail(f"{who} has no opponent but itself; choose others with --against")
    ratings = _rate(outcomes)
    if ratings:
        Console(highlight=False).print(_table(ratings))
    report = {
        "board": config.board,
        "players": config.num_players,
        "opening": args.opening,
        "seed": args.seed,
        "matches": [to_record(outcome) for outcome in outcomes],
        "elo": {name: [elo, ratings.error[name]] for name, elo in ratings.elo.items()} if ratings else None,
    }
    text = json.dumps(report, indent=2) + "\n"
    if args.json_file:
        write_whole(args.json_file, text)
    if args.ladder and ratings:
        from ringrift_jax.runs.plots import ladder  # matplotlib is slow to import

        directory = RunDirectory(Path(args.player))
        write_whole(directory.ladder, text)
        print(f"ratings over time: {ladder(directory, ratings, contest.simulations)}")


@dataclass(frozen=True)
class Contest:
    """Who is measured, and at what.

    Attributes:
      config: the game, and how champions search.
      champions: directory of the run's champions; None without a run.
      players: who plays, and the simulations that its opponents from the same run make.
    """

    config: RunConfig
    champions: Path | None
    players: list[tuple[Player, int]]

    @property
    def simulations(self) -> list[int]:
        """The different numbers of simulations, in order."""
        return list(dict.fromkeys(simulations for _, simulations in self.players))


def _pairings(contest: Contest, against: Sequence[str]) -> Iterator[tuple[Player, Player]]:
    """The matches: each player against each opponent, and opponents that are no champions against each other, without
    which their ratings would hang on how the champions fare against them."""
    for player, simulations in contest.players:
        for name in against:
            opponent = named(name, simulations)
            if opponent != player:
                yield player, opponent
    players = {player for player, _ in contest.players}
    fixed = [opponent for opponent in (named(name, 0) for name in against) if opponent.style.kind != "network"]
    for pair in combinations(dict.fromkeys(fixed), 2):
        if not players.intersection(pair):
            yield pair


def _contest(args: Args) -> Contest:
    """What the command line asks for. FileNotFoundError or ValueError when there is no such player or game."""
    config = game_without_run(args.player, args.board, args.players, args.swap_rule)
    if config:
        for flag, given in (("ladder", args.ladder), ("simulations", args.simulations)):
            if given:
                fail(f"--{flag} needs a run, and {args.player} is none")
        return Contest(config, None, [(named(args.player, 0), 0)])
    champions, versions = _champions(Path(args.player), args.ladder)
    config, _ = load_champion(champions / str(versions[-1]))
    simulations = args.simulations or (0, config.loop.search.simulations)
    return Contest(config, champions, [(champion(v, number), number) for number in simulations for v in versions])


def _champions(path: Path, ladder: bool) -> tuple[Path, list[int]]:
    """The directory of the champions, and the versions that play."""
    directory = RunDirectory(path).champions
    versions = champion_versions(directory)
    gone = missing_champions(path)
    lack = f"{directory} lacks champion {', '.join(map(str, gone))}"
    again = "continuing the run with python -m experiments.train writes the newest again"
    if gone and not versions:
        fail(f"{lack}; {again}")
    if versions:
        play = versions if ladder else versions[-1:]
        if gone and (ladder or gone[-1] > play[-1]):
            print(f"{lack}, so champion {', '.join(map(str, play))} plays; {again}", file=sys.stderr)
        return directory, play
    if ladder:
        fail(f"{path} is not a run with champions, which --ladder needs")
    try:
        directory, version = find_champion(path)
    except FileNotFoundError:
        fail(
            f"{path} is not a champion; a run keeps its champions in RUN/champions/VERSION. "
            "Without a run, random and heuristic play"
        )
    return directory, [version]


def solve(args: Args, contest: Contest, puzzles: Sequence[Puzzle]) -> None:
    """Prints how many puzzles each player solves, as it plays and with a search of its own turn before it decides."""
    config, env = contest.config, contest.config.make_env()
    game = f"{config.board}, {config.num_players} players"
    wins = [puzzle for puzzle in puzzles if puzzle.win]
    wins = [puzzle for puzzle in wins if (puzzle.board, puzzle.players) == (config.board, config.num_players)]
    if not wins:
        fail(f"{', '.join(map(str, args.puzzles))}: no puzzle that can be won is of {game}")
    print(f"{game}: {len(wins)} positions that can be won before the turn passes")
    states, mesh, rows = states_of(env, wins), make_mesh(len(wins)), []
    for player, _ in contest.players:
        learned = jax.device_put(learned_by(env, player, contest.champions), everywhere(mesh))
        for style in dict.fromkeys((player.style, replace(player.style, tactician=True))):
            who = replace(player, style=style)
            with waiting(f"{who.name} solves; before it the rules are compiled, about half a minute the first time"):
                won = solved(env, make_agent(env, config.loop, style, learned, mesh), states, new_key(args.seed))
            low, high = interval = wilson(int(won.sum()), len(wins))
            print(f"{who.name} wins {won.sum()} of them, {won.mean():.1%} (95% interval {low:.1%} to {high:.1%})")
            rows.append({"player": who.name, "solved": int(won.sum()), "puzzles": len(wins), "interval": interval})
    if args.json_file:
        report = {"board": config.board, "players": config.num_players, "seed": args.seed, "puzzles": rows}
        write_whole(args.json_file, json.dumps(report, indent=2) + "\n")


def describe(outcome: Outcome) -> str:
    """A match for people."""
    low, high = outcome.interval
    return (
        f"{outcome.player} against {outcome.opponent}: wins {outcome.wins / outcome.games:.1%} "
        f"(95% interval {low:.1%} to {high:.1%}), {outcome.distinct:.0%} of the games distinct, "
        f"{outcome.length:.0f} decisions each"
    )


def to_record(outcome: Outcome) -> dict[str, Any]:
    """A match for JSON, with the 95% interval of the share of games won."""
    values = {field.name: getattr(outcome, field.name) for field in fields(outcome) if field.name != "results"}
    return values | {"interval": outcome.interval}


def _rate(outcomes: list[Outcome]) -> Ratings | None:
    """Ratings of all players, if games from at least two openings connect them with the random player."""
    try:
        return fit([result for outcome in outcomes for result in outcome.results], anchor=RANDOM.name)
    except ValueError:
        return None


def _table(ratings: Ratings) -> Table:
    table = Table("player", title="Elo, random = 0")
    table.add_column("Elo", justify="right")
    table.add_column("95% interval", justify="right")
    for name, elo in ratings.elo.items():
        low, high = ratings.interval(name)
        table.add_row(name, f"{elo:.0f}", "anchor" if name == ratings.anchor else f"{low:.0f} to {high:.0f}")
    return table


if __name__ == "__main__":
    main()
