"""Plays RingRift against a program: ``python -m experiments.play runs/square8-2p``.

Instead of a run, whose newest champion plays, it can be a board's name, such as square8, for the champion in the box,
one champion of a run (RUN/champions/VERSION), or heuristic or random, on the board named by --board. Without --web it
is played in the terminal; with --web a page on this machine is served.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from rich.console import Console

from experiments.command_line import BoardName, command, fail, option, parse, start_jax, waiting
from experiments.play import terminal
from experiments.play.session import Opponent, new_session
from ringrift_jax.runs.matches import Style, find_player
from ringrift_jax.search.config import TURNS
from ringrift_jax.settings import Count, CountOrZero, Seed


@dataclass(frozen=True)
class Args:
    """Command line of a game.

    Attributes:
      opponent: a board's name, for the champion in the box; a run directory or RUN/champions/VERSION; or random,
        heuristic, heuristic:PROFILE.
      seat: where you sit, one or several seats; 0 to watch.
      turns: whole turns that a champion compares, with exact searches of its own turn and the next player's.
      simulations: of a champion's tree over decisions, which is faster and weaker; 0 is the network alone.
      board, players, swap_rule: the game, if no run says which; the board is needed then. The number of players
        chooses in the box too.
      web: serve a page instead, on which other games can be begun too.
      port: of the page, on this machine only.
      seed: of the program's random numbers.
    """

    opponent: tyro.conf.Positional[str]
    seat: tuple[int, ...] = (1,)
    turns: Annotated[Count | None, option("INT", str(TURNS))] = None
    simulations: Annotated[CountOrZero | None, option("INT", "whole turns instead")] = None
    board: Annotated[BoardName | None, option("BOARD", "that of the run")] = None
    players: Annotated[Literal[2, 3, 4] | None, option("{2,3,4}", "those of the run, or 2")] = None
    swap_rule: bool = False
    web: bool = False
    port: int = 8000
    seed: Seed = 0


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and plays. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.play")
    try:
        game = args.board, args.players, args.swap_rule
        if args.turns and args.simulations is not None:
            raise ValueError("--turns and --simulations are two ways to decide; name one")
        style = Style("network", args.simulations or 0, args.turns or 0)
        named = args.turns or args.simulations is not None
        config, player, champions = find_player(args.opponent, *game, style if named else None)
        env = config.make_env()
        seats = () if args.seat == (0,) else args.seat
        for seat in seats:
            if not 1 <= seat <= env.num_players:
                fail(f"--seat is {seat}; seats are 1 to {env.num_players}, and 0 alone is to watch")
        start_jax()
        if args.web:
            from experiments.play.web import Choice, serve  # Flask is needed for this only

            serve(Choice(config, player, champions, seats, args.seed), args.port)
            return
        with waiting("compiling the rules, some seconds the first time"):
            session = new_session(env, Opponent(env, config, player, champions), seats, args.seed)
            session.legal()
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    try:
        terminal.play(session, Console(highlight=False, soft_wrap=True, markup=False))
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
