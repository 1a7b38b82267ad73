"""Verifies recorded games: ``python -m experiments.replay GAMES.jsonl.gz``.

The readable rules play every game of the file again and compare each move, the legal moves, the position and the
result. Exit code 1 at the first difference, 2 for a file that cannot be read. With --game N --html PAGE a game becomes
one HTML file with a board to play it on, with --svg FILE one picture that moves.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from experiments.command_line import check_output, command, fail, option, parse, start_jax, waiting
from ringrift_jax import boards
from ringrift_jax.interactive.game_page import game_html
from ringrift_jax.interactive.replay import Mark
from ringrift_jax.render import board_text, game_svg
from ringrift_jax.runs import records
from ringrift_jax.runs.files import write_whole
from ringrift_jax.runs.record_files import read


@dataclass(frozen=True)
class Args:
    """Command line of a replay.

    Attributes:
      path: a file of games, .jsonl.gz or .jsonl.
      game: verify only this one, counted from 1, and print its moves.
      board: print the board after each of its moves too.
      html: write the game as a page, to this file.
      svg: write the game as an animated picture, to this file.
      model: a run, RUN/champions/VERSION, or a board's name for the champion in the box: what its network thinks of the
        game is drawn on the page.
      wins: mark on the page where a player gave away a win of its own turn, with the moves that would have won.
      torn_end: let the file break off within its last lines, as it does after a crash and while a run writes it.
    """

    path: tyro.conf.Positional[Path]
    game: Annotated[int | None, option("INT", "all games")] = None
    board: bool = False
    html: Annotated[Path | None, option("PAGE", "none")] = None
    svg: Annotated[Path | None, option("FILE", "none")] = None
    model: Annotated[str | None, option("RUN", "none")] = None
    wins: bool = False
    torn_end: bool = False


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and verifies. Bad input or a damaged file: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.replay")
    if args.game is not None and args.game < 1:
        fail(f"--game is {args.game}; games are counted from 1")
    if args.board and args.game is None:
        fail("--board shows one game; choose it with --game")
    if args.html and args.game is None:
        fail("--html shows one game; choose it with --game")
    check_output("--html", args.html)
    if args.model and not args.html:
        fail("--model draws on a page; say where to write it with --html")
    if args.wins and not args.html:
        fail("--wins marks moves on a page; say where to write it with --html")
    if args.svg and args.game is None:
        fail("--svg shows one game; choose it with --game")
    if args.svg and not args.svg.parent.is_dir():
        fail(f"--svg is {args.svg}, but there is no directory {args.svg.parent}")
    try:
        _replay(args)
    except FileNotFoundError as problem:
        fail(f"there is no {problem.filename}" if problem.filename else str(problem))
    except (OSError, ValueError) as problem:
        fail(str(problem))


def _replay(args: Args) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    began, number = time.monotonic(), 0
    reasons: Counter[str] = Counter()
    columns = TextColumn("{task.completed} games verified"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("games", total=None)
        for number, game in enumerate(read(args.path, args.torn_end), 1):
            if args.game not in (None, number):
                continue
            difference = _difference(game)
            if args.game:
                for line in _moves(game, difference.index if difference else None, args.board):
                    console.print(line)
            if difference:
                moves = [step["m"] for step in game["steps"]]
                move = f", move {moves[difference.index]}" if difference.index < len(moves) else ""
                console.print(f"game {number} ({game['id']}){move}, {difference}")
                sys.exit(1)
            reasons[game["result"]["reason"]] += 1
            progress.advance(task)
            if args.html:
                given_away = _write_page(game, args.html, args.model, args.wins)
                console.print(f"game {number} is in {args.html}")
                for move, line in given_away.items():
                    console.print(f"move {move}, seat {game['steps'][move - 1]['p']} could win: {line}")
            if args.svg:
                write_whole(args.svg, game_svg(game))
                console.print(f"game {number} is in {args.svg}")
            if args.game:
                break
    if args.game and not reasons:
        fail(f"{args.path} has no game {args.game}; it has {number}")
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    games = "1 game" if reasons.total() == 1 else f"{reasons.total()} games"
    console.print(f"{games} verified in {time.monotonic() - began:.1f} s{': ' if counts else ''}{counts}")


def _write_page(game: dict, path: Path, model: str | None, wins: bool) -> dict[int, str]:
    """Returns the wins that were given away, if they are asked for."""
    curves, given_away = None, {}
    if model:
        from ringrift_jax.runs.curves import network_curves  # it needs the network, which takes a while to load

        start_jax()
        with waiting("the network judges the game; before it is compiled, some seconds the first time"):
            curves = network_curves(game, model)
    if wins:
        from ringrift_jax.runs.overlooked import overlooked_wins

        start_jax()
        with waiting("searching each turn for wins; before it the rules are compiled, about a minute the first time"):
            given_away = overlooked_wins(game)
    marked = {number: Mark("?", f"could win: {line}") for number, line in given_away.items()}
    write_whole(path, game_html(game, curves, marked=marked))
    return given_away


def _difference(game: dict) -> records.Disagreement | None:
    try:
        records.verify(game)
    except records.Disagreement as difference:
        return difference
    return None


def _moves(game: dict, verified: int | None, with_board: bool) -> Iterator[str]:
    """Lines for the steps of a game that are verified, and for its result if all are."""
    board = boards.standard(game["board"], game["players"])
    models = f", played by {', '.join(game['models'])}" if "models" in game else ""
    yield f"{game['id']}: {game['board']}, {game['players']} players{models}"
    for number, step in enumerate(game["steps"][:verified]):
        yield f"{number:>4}  seat {step['p']}  {step['ph']:<7}  {step['m']}  ({step['n']} legal)"
        if with_board:
            yield board_text(board, step["s"]) + "\n"
    if verified is None:
        result = game["result"]
        winner = f"seat {result['winner']} wins" if result["winner"] else "nobody wins"
        yield f"{winner}, {result['reason']}, ranks by seat {', '.join(map(str, result['ranks']))}"


if __name__ == "__main__":
    main()
