"""Measures how strong a trained network is: ``python -m experiments.evaluate runs/square8-2p``.

Its champion plays matches against other players, with search and without. Games come in groups: all games of a group
begin with the same random opening, and in each of them the champion is another player, so that every seat is held
equally often. Ratings are on the Elo scale, where the uniformly random player is 0.

Instead of a run, a board's name, such as square8, is the champion in the box, and random or heuristic (or
heuristic:PROFILE, or tactician:random, tactician:heuristic) can be measured on the board named by --board, such as
``python -m experiments.evaluate heuristic --board square8 --players 2``.
"""

import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
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
from experiments.measure.common import origin
from ringrift_jax.devices import everywhere, make_mesh
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.numerics import new_key
from ringrift_jax.players.ratings import Ratings, fit, wilson
from ringrift_jax.runs import record_files
from ringrift_jax.runs.box import find_run, is_boxed
from ringrift_jax.runs.champion_files import champion_versions, find_champion, load_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.files import write_whole
from ringrift_jax.runs.judgement import judge
from ringrift_jax.runs.matches import (
    RANDOM,
    Matches,
    Outcome,
    Player,
    Style,
    Watch,
    champion,
    game_without_run,
    learned_by,
    make_agent,
    named,
)
from ringrift_jax.runs.puzzle_files import Puzzle, read_puzzles
from ringrift_jax.runs.puzzles import defensible, find_puzzles, leaves_no_win, play_turn, states_of
from ringrift_jax.runs.registry import missing_champions
from ringrift_jax.search.config import TURNS
from ringrift_jax.search.winning_turn import winning_turn, won_by
from ringrift_jax.settings import Count, CountOrZero, Seed

PROGRAM = "python -m experiments.evaluate"

OPPONENTS = "random", "tactician:heuristic"
LADDER = "random", "heuristic", "tactician:random", "tactician:heuristic"

POSITIONS, CONTINUATIONS = 32, 32
"""Of each ply that is judged."""


@dataclass(frozen=True)
class Args:
    """Command line of an evaluation.

    Attributes:
      player: a run directory, whose latest champion plays; or one champion: RUN/champions/VERSION, or a board's name
        for the one in the box; or random, heuristic, heuristic:PROFILE, or tactician: before one of these.
      against: opponents: random; heuristic, or heuristic:PROFILE; champion:VERSION of the same run, which decides as
        the champion does; champion:0 is what training began with; itself:SIMULATIONS is the same champion with so many
        of them; or tactician: before one of these, who takes every win of its own turn first. Those without a network
        play each other too. A ladder's are random and heuristic, each with tactician: before it and without.
      games: of each match, made a multiple of the number of players.
      simulations: of the champion's tree over decisions, one or several; 0 is the network alone, which takes its most
        likely action.
      turns: whole turns that the champion compares instead, one or several numbers of them. Before them it searches its
        own turn for a win, after them the next player's. With neither of the two options it plays in three ways.
      opening: uniformly random decisions at the start of each game.
      board, players, swap_rule: the game, if no run says which; the board is needed then. The number of players
        chooses in the box too.
      puzzles: files of positions at the start of a turn, or of recorded games, which end in .gz and in which those that
        can be won before the turn passes are looked for. Instead of playing matches, each player tries to win these,
        and in others to leave the next player no win, with an exact search of its own turn and without.
      judge: plies of self-play. Instead of matches, the champion plays on 32 times from 32 positions after so many
        decisions each, which tells how much of a result they decide, and how much of that the network sees.
      ladder: all champions of the run play, not only the latest; ladder.svg in the run shows their ratings over time,
        and its report a table of them.
      record: where to write all games of the matches, as records that end in .jsonl.gz; it takes longer.
      seed: of all random numbers.
      json_file: where to write the results too, those of matches after each of them.
    """

    player: tyro.conf.Positional[str]
    against: Annotated[tuple[str, ...], option("[PLAYER ...]", " ".join(OPPONENTS))] = ()
    games: Count = 400
    simulations: Annotated[tuple[CountOrZero, ...], option("[INT ...]", "0 and what the run has")] = ()
    turns: Annotated[tuple[Count, ...], option("[INT ...]", str(TURNS))] = ()
    opening: CountOrZero = 4
    board: Annotated[BoardName | None, option("BOARD", "that of the run")] = None
    players: Annotated[Literal[2, 3, 4] | None, option("{2,3,4}", "those of the run, or 2")] = None
    swap_rule: bool = False
    puzzles: Annotated[tuple[Path, ...], option("[FILE ...]", "none")] = ()
    judge: Annotated[tuple[Count, ...], option("[PLY ...]", "none")] = ()
    ladder: bool = False
    record: Annotated[Path | None, option("FILE", "none")] = None
    seed: Seed = 0
    json_file: JsonFile = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, plays, and prints a line for each match. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    args = replace(args, against=args.against or (LADDER if args.ladder else OPPONENTS))
    check_output("--json", args.json_file)
    check_output("--record", args.record)
    if args.record and args.record.suffix != ".gz":
        fail(f"--record is {args.record}; records are written compressed, to a file whose name ends in .jsonl.gz")
    try:
        games = [game for path in args.puzzles if path.suffix == ".gz" for game in record_files.read(path)]
        puzzles = [puzzle for path in args.puzzles if path.suffix != ".gz" for puzzle in read_puzzles(path)]
        contest = _contest(args, shlex.join([*PROGRAM.split(), *argv]))
        for name in args.against:
            if named(name).style.kind == "network" and not contest.champions:
                fail(f"{name} is a champion of a run, and {args.player} is none")
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    start_jax()

    config = contest.config
    if args.puzzles:
        solve(args, contest, puzzles, games)
        return
    if args.judge:
        judge_positions(args, contest)
        return
    matches = Matches(config, contest.champions, args.games, args.opening, args.seed)
    game = f"{config.board}, {config.num_players} players"
    print(f"{game}: {matches.games} games a match, the first {args.opening} decisions of each at random")
    outcomes: list[Outcome] = []
    records: list[dict] = []
    ratings, text = None, ""
    openings_told = False
    for player, opponent in _pairings(contest, args.against):
        began = time.monotonic()
        try:
            with _watching(player, opponent, matches.games) as watch:
                if args.record:
                    outcome, games = matches.record(player, opponent, f"match-{len(outcomes) + 1}", watch)
                    records += games
                    record_files.write(args.record, records)
                else:
                    outcome = matches.play(player, opponent, watch)
        except FileNotFoundError as problem:
            fail(str(problem))
        outcomes.append(outcome)
        if not openings_told and (player.style.takes_wins or opponent.style.takes_wins):
            print(describe_openings(matches))
            openings_told = True
        print(f"{describe(outcome)}, {time.monotonic() - began:.0f} s", flush=True)
        ratings = _rate(outcomes)
        text = _report(
            args,
            contest,
            opening=args.opening,
            matches=[to_record(outcome) for outcome in outcomes],
            elo={name: [elo, ratings.error[name]] for name, elo in ratings.elo.items()} if ratings else None,
        )
    if not outcomes:
        who, _, _ = contest.players[-1].name.partition(",")
        fail(f"{who} has no opponent but itself; choose others with --against")
    if ratings:
        Console(highlight=False).print(_table(ratings))
    if args.ladder and ratings:
        from ringrift_jax.runs.plots import ladder  # matplotlib is slow to import

        directory = RunDirectory(Path(args.player))
        write_whole(directory.ladder, text)
        print(f"ratings over time: {ladder(directory, ratings, contest.styles)}")


@dataclass(frozen=True)
class Contest:
    """Who is measured, and at what.

    Attributes:
      config: the game, and how champions search.
      champions: directory of the run's champions; None without a run.
      players: who plays.
      command: that measures the same again.
    """

    config: RunConfig
    champions: Path | None
    players: list[Player]
    command: str

    @property
    def styles(self) -> list[Style]:
        """The different ways in which they decide, in order."""
        return list(dict.fromkeys(player.style for player in self.players))


@contextmanager
def _watching(player: Player, opponent: Player, games: int) -> Iterator[Watch]:
    """Shows on the terminal how far a match of so many games is."""
    who = f"{player.name} against {opponent.name}"
    with waiting(f"{who}: compiling each style, about half a minute the first time") as say:
        yield lambda over, won: say(f"{who}: {over} of {games} games are over, {won} of them won")


def _report(args: Args, contest: Contest, **found: Any) -> str:
    """What was found as JSON, written where the command line says."""
    config = contest.config
    game = {"board": config.board, "players": config.num_players, "seed": args.seed}
    text = json.dumps(origin(contest.command) | game | found, indent=2) + "\n"
    if args.json_file:
        write_whole(args.json_file, text)
    return text


def _pairings(contest: Contest, against: Sequence[str]) -> Iterator[tuple[Player, Player]]:
    """The matches: each player against each opponent, and opponents that are no champions against each other, without
    which their ratings would hang on how the champions fare against them."""
    for player in contest.players:
        for name in against:
            opponent = named(name, player)
            if opponent != player:
                yield player, opponent
    fixed = [opponent for opponent in map(named, against) if opponent.style.kind != "network"]
    for pair in combinations(dict.fromkeys(fixed), 2):
        if not set(contest.players).intersection(pair):
            yield pair


def _contest(args: Args, command: str) -> Contest:
    """What the command line asks for. FileNotFoundError or ValueError when there is no such player or game."""
    config = game_without_run(args.player, args.board, args.players, args.swap_rule)
    if config:
        for flag, given in (("ladder", args.ladder), ("simulations", args.simulations), ("turns", args.turns)):
            if given:
                fail(f"--{flag} needs a run, and {args.player} is none")
        return Contest(config, None, [named(args.player)], command)
    run = find_run(args.player, args.players)
    if args.ladder and is_boxed(args.player):
        fail(f"--ladder compares the champions of a run; {run.name} in the box is a single one")
    champions, versions = _champions(run, args.ladder)
    config, _ = load_champion(champions / str(versions[-1]))
    simulations, turns = args.simulations, args.turns
    if not simulations and not turns:
        simulations, turns = (0, config.loop.search.simulations), (TURNS,)
    styles = [Style("network", simulations=number) for number in simulations]
    styles += [Style("network", turns=number) for number in turns]
    return Contest(config, champions, [champion(v, style) for style in styles for v in versions], command)


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


def solve(args: Args, contest: Contest, puzzles: Sequence[Puzzle], games: Sequence[dict]) -> None:
    """Prints how many puzzles each player solves, those given and those of recorded games: wins of its own turn, and
    turns after which the next player has none. Who does not search its own turn for wins plays both as it does and with
    that search first."""
    config, env = contest.config, contest.config.make_env()
    game = f"{config.board}, {config.num_players} players"
    puzzles = [puzzle for puzzle in puzzles if (puzzle.board, puzzle.players) == (config.board, config.num_players)]
    rules = {"board": config.board, "players": config.num_players, "swap_rule": config.swap_rule}
    games = [record for record in games if rules.items() <= record.items()]
    if games:
        try:
            with waiting(f"searching the turns of {len(games)} games for wins"):
                puzzles += find_puzzles(env, games)
        except ValueError as problem:  # a move that is illegal
            fail(f"{', '.join(map(str, args.puzzles))}: {problem}")
    if not puzzles:
        fail(f"{', '.join(map(str, args.puzzles))}: no puzzle is of {game}")
    wins = [puzzle for puzzle in puzzles if puzzle.win]
    others = [puzzle for puzzle in puzzles if puzzle.win is None]
    if others:
        with waiting("looking for turns that leave the next player no win"):
            possible = defensible(env, states_of(env, others), new_key(args.seed))
        print(f"{game}: in {possible.sum()} of {len(others)} positions without a win some turn is known to leave none")
        others = [puzzle for puzzle, known in zip(others, possible, strict=True) if known]
    print(f"{game}: {len(wins)} positions that can be won before the turn passes")
    rows = []
    states = states_of(env, [*wins, *others]) if wins or others else None
    for player in contest.players if states is not None else ():
        for style in dict.fromkeys((player.style, replace(player.style, tactician=not player.style.turns))):
            for row in _solve(contest, replace(player, style=style), states, len(wins), args.seed):
                rows.append(row)
                low, high = row["interval"]
                share = row["solved"] / row["puzzles"]
                print(
                    f"{row['player']} {row['what']} in {row['solved']} of {row['puzzles']}, {share:.1%} "
                    f"(95% interval {low:.1%} to {high:.1%})",
                    flush=True,
                )
    _report(args, contest, puzzles=rows)


def _solve(contest: Contest, player: Player, states: Any, wins: int, seed: int) -> Iterator[dict[str, Any]]:
    """What a player solves of states ``[P]``, the first ``wins`` of which can be won. All are played at once, so that
    its style is compiled once."""
    env, number = contest.config.make_env(), len(states.turn)
    mesh = make_mesh(number)
    learned = jax.device_put(learned_by(env, player, contest.champions), everywhere(mesh))
    agent = make_agent(env, contest.config.loop, player.style, learned, mesh)
    solved: list[tuple[str, np.ndarray]] = []
    with waiting(f"{player.name} solves; before it the rules are compiled, about half a minute the first time"):
        ends = play_turn(env, agent, states, new_key(seed))
        if wins:
            solved.append(("wins", np.asarray(won_by(ends, states.current_player))[:wins]))
        if wins < number:
            begins, after = jax.tree.map(lambda leaf: leaf[wins:], (states, ends))
            solved.append(("leaves no win", leaves_no_win(env, begins, after)))
    for what, which in solved:
        asked, done = len(which), int(which.sum())
        yield {"player": player.name, "what": what, "solved": done, "puzzles": asked, "interval": wilson(done, asked)}


def judge_positions(args: Args, contest: Contest) -> None:
    """Prints for each ply how much of the results is decided, and how much of them the champion's network explains."""
    if not contest.champions:
        fail(f"--judge needs a run, and {args.player} is none")
    config, env, version = contest.config, contest.config.make_env(), contest.players[0].version
    _, params = load_champion(contest.champions / str(version))
    game = f"{config.board}, {config.num_players} players"
    print(f"{game}: champion {version}, {POSITIONS} positions of self-play, {CONTINUATIONS} continuations of each")
    rows = []
    for ply in args.judge:
        try:
            with waiting(f"playing on from ply {ply}"):
                mesh = make_mesh(POSITIONS)
                row = judge(
                    env, config.loop, params, ply, POSITIONS, CONTINUATIONS, args.seed, mesh,
                    wins=lambda states: winning_turn(env, states).found,
                )  # fmt: skip
        except ValueError as problem:
            fail(str(problem))
        rows.append(row)
        print(
            f"after {ply} decisions, {row.positions} positions: {row.decided:.1%} of a result's variance is decided, "
            f"the network explains {_part(row.explained, row.decided)}, with the exact search of the turn "
            f"{_part(row.searched, row.decided)}; of the {row.barren} whose turn holds no win {row.barren_decided:.1%} "
            f"and {_part(row.barren_explained, row.barren_decided)}",
            flush=True,
        )
    _report(args, contest, champion=version, judgement=[asdict(row) for row in rows])


def _part(explained: float, decided: float) -> str:
    return f"{explained:.1%}" + (f" ({explained / decided:.0%} of it)" if decided > 0 else "")


def describe_openings(matches: Matches) -> str:
    """What the openings decide between players who take every win of their turn."""
    share = float(matches.won_at_once.mean())
    most = 1 - share * (1 - 1 / matches.config.num_players)
    return (
        f"the player to move can win {share:.1%} of the openings at once: against somebody who takes such wins at most "
        f"{most:.1%} of all games can be won; games of the other openings are called contested"
    )


def describe(outcome: Outcome) -> str:
    """A match for people."""
    low, high = outcome.interval
    text = (
        f"{outcome.player} against {outcome.opponent}: wins {outcome.wins / outcome.games:.1%} "
        f"(95% interval {low:.1%} to {high:.1%}), {outcome.distinct:.0%} of the games distinct, "
        f"{outcome.length:.0f} decisions each"
    )
    if outcome.contested_interval:
        low, high = outcome.contested_interval
        share = outcome.contested_wins / outcome.contested_games
        text += f"; of {outcome.contested_games} contested {share:.1%} ({low:.1%} to {high:.1%})"
    return text


def to_record(outcome: Outcome) -> dict[str, Any]:
    """A match for JSON, with the 95% interval of the share of games won."""
    values = {field.name: getattr(outcome, field.name) for field in fields(outcome) if field.name != "results"}
    return values | {"interval": outcome.interval, "contested_interval": outcome.contested_interval}


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
