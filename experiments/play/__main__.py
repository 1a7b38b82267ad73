"""Plays RingRift against a program: ``python -m experiments.play runs/square8-2p``.

Instead of a run, whose newest champion plays, it can be a board's name, such as square8, for the champion in the box,
one champion of a run (RUN/champions/VERSION), or heuristic or random, on the board named by --board. Without --web it
is played in the terminal; with --web a board to study on is served to this machine. --learn serves it with a tutorial
of the rules, and --puzzles with puzzles to solve; neither needs an opponent.
"""

# What needs JAX is imported where it is used, so that the page is there before that.

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs
import tyro

from experiments.command_line import BoardName, command, fail, option, parse, start_jax, waiting
from ringrift_jax.runs.box import BOX, find_run, is_boxed
from ringrift_jax.settings import Count, CountOrZero, Seed

START = "square8"
"""Whom one may play after the tutorial or the puzzles, if nobody else is named."""


@dataclass(frozen=True)
class Args:
    """Command line of a game.

    Attributes:
      opponent: a board's name, for the champion in the box; a run directory or RUN/champions/VERSION; or random,
        heuristic, heuristic:PROFILE. Left out, it is square8, or --board, for --learn and --puzzles.
      seat: where you sit, one or several seats; 0 to watch.
      turns: whole turns that a champion compares, with exact searches of its own turn and the next player's.
      simulations: of a champion's tree over decisions, which is faster and weaker; 0 is the network alone.
      board, players, swap_rule: the game, if no run says which; the board is needed then. The number of players
        chooses in the box too.
      web: serve a board to study on instead: several games, variations, analysis.
      learn: serve it, beginning with a tutorial of the rules.
      puzzles: serve it, beginning with wins of one turn to solve: of these files too, besides those of the package.
      port: of the page, on this machine only.
      games: directory of the page's games.
      seed: of the program's random numbers, in the terminal.
    """

    opponent: tyro.conf.Positional[str] = ""
    seat: tuple[int, ...] = (1,)
    turns: Annotated[Count | None, option("INT", "16")] = None
    simulations: Annotated[CountOrZero | None, option("INT", "whole turns instead")] = None
    board: Annotated[BoardName | None, option("BOARD", "that of the run")] = None
    players: Annotated[Literal[2, 3, 4] | None, option("{2,3,4}", "those of the run, or 2")] = None
    swap_rule: bool = False
    web: bool = False
    learn: bool = False
    puzzles: Annotated[tuple[Path, ...] | None, option("[FILE ...]", "none")] = None
    port: int = 8000
    games: Annotated[Path | None, option("DIR", "one of this user")] = None
    seed: Seed = 0


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and plays. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.play")
    if args.turns and args.simulations is not None:
        fail("--turns and --simulations are two ways to decide; name one")
    if not args.opponent:
        if not args.learn and args.puzzles is None:
            fail("name an opponent: a board such as square8, a run, heuristic or random; or --learn or --puzzles")
        args = replace(args, opponent=args.board or START)
    try:
        if args.web or args.learn or args.puzzles is not None:
            _serve(args)
        else:
            _play(args)
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))


def _play(args: Args) -> None:
    """A game in the terminal."""
    from rich.console import Console

    from experiments.play import terminal
    from experiments.play.session import Opponent, new_session

    config, player, champions = _find_player(args)
    env = config.make_env()
    seats = _human_seats(args, env.num_players)
    start_jax()
    with waiting("compiling the rules, some seconds the first time"):
        session = new_session(env, Opponent(env, config, player, champions), seats, args.seed)
        session.legal()
    try:
        terminal.play(session, Console(highlight=False, soft_wrap=True, markup=False))
    except KeyboardInterrupt:
        print()


def _serve(args: Args) -> None:
    """The page, which is there before JAX is."""
    from experiments.play.web.desk import WITHOUT_RUN, Desk
    from experiments.play.web.messages import HUMAN, NewGame, Player, Program
    from experiments.play.web.programs import in_the_box
    from experiments.play.web.puzzles import Trainer
    from experiments.play.web.server import serve
    from experiments.play.web.shelf import Shelf
    from ringrift_jax.runs.puzzle_files import boxed_puzzles

    trainer = Trainer([*(args.puzzles or ()), *boxed_puzzles()])
    name, rules = _name_and_rules(args)
    seats = _human_seats(args, rules.players)
    opponent = Player(name, args.turns, args.simulations)
    program = Program(opponent, rules)
    directory = args.games or Path(platformdirs.user_data_dir("ringrift_jax", appauthor=False)) / "games"
    try:
        shelf = Shelf(directory)
    except OSError as problem:
        fail(f"--games {directory} cannot be used: {problem}; --games DIR names another directory")
    known = [program, *in_the_box()] if name not in WITHOUT_RUN else in_the_box()
    desk = Desk(shelf, list(dict.fromkeys(known)))
    players = [Player(HUMAN) if seat in seats else opponent for seat in range(1, rules.players + 1)]
    page = "learn" if args.learn else "puzzles" if args.puzzles is not None else ""
    serve(desk, desk.begin(NewGame(rules, players)), args.port, trainer, page)


def _name_and_rules(args: Args):
    """The opponent by a name that means the same wherever the page is started from, and the game: from the command line
    or the configuration of a run where these say it, which needs no JAX. The rest of the run is looked at by the
    process that plays."""
    from experiments.play.web.desk import WITHOUT_RUN
    from experiments.play.web.messages import Rules

    path, name = Path(args.opponent), args.opponent
    if path.is_dir():
        name = str(path.resolve())
    elif is_boxed(name):
        with suppress(FileNotFoundError, ValueError):  # what is wrong is told below
            path = find_run(name, args.players)
            name = path.name
    plain = args.turns is None and args.simulations is None and not args.swap_rule
    if args.opponent in WITHOUT_RUN and args.board and plain:
        return name, Rules(args.board, args.players or 2)
    said_by_run = args.board is None and not args.swap_rule and (args.players is None or path.parent == BOX)
    config = path / "config.json"
    if said_by_run and config.exists():
        known = msgspec.json.decode(config.read_bytes())
        if any((path / "champions").glob("[0-9]*")):
            return name, Rules(known["board"], known["num_players"], known["swap_rule"])
    found, _, _ = _find_player(args)
    rules = {"board": found.board, "players": found.num_players, "swap_rule": found.swap_rule}
    return name, msgspec.convert(rules, Rules)


def _find_player(args: Args):
    from ringrift_jax.runs.matches import Style, find_player

    named = args.turns or args.simulations is not None
    style = Style("network", args.simulations or 0, args.turns or 0) if named else None
    return find_player(args.opponent, args.board, args.players, args.swap_rule, style)


def _human_seats(args: Args, players: int) -> tuple[int, ...]:
    seats = () if args.seat == (0,) else args.seat
    for seat in seats:
        if not 1 <= seat <= players:
            fail(f"--seat is {seat}; seats are 1 to {players}, and 0 alone is to watch")
    return seats


if __name__ == "__main__":
    main()
