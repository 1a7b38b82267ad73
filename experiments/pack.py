"""Puts the champion of a run into the box: ``python -m experiments.pack runs/square8-2p --box champions``.

It becomes a directory BOARD-Np with the network in float16, the settings, metrics and events of its run, and a card
that says how it was made. Name that directory to add what ``python -m experiments.evaluate`` found with --json and
--record: ``python -m experiments.pack champions/square8-2p --evaluation FILE --games GAMES``.

``python -m experiments.pack square8 --carry-to square19`` puts the champion of a game into the box for another one,
as it is and without training for that, until there is one that was trained.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.command_line import BoardName, command, fail, option, parse, start_jax
from ringrift_jax.runs import record_files
from ringrift_jax.runs.box import BOX, CARD
from ringrift_jax.runs.cards import Evaluation, evaluation
from ringrift_jax.runs.packing import add_strength, carry_over, put_in_box
from ringrift_jax.settings import Count


@dataclass(frozen=True)
class Args:
    """Command line of packing.

    Attributes:
      source: a run, whose newest champion it is, or RUN/champions/VERSION; or a champion in a box, to add to its card.
      box: directory of the box; the default is where the package looks for it.
      commit: of the code that trained it.
      evaluation: reports of evaluate, with the champion in the box as player.
      games: records of games to keep beside it, of which the first of each match are kept.
      keep: so many of each match.
      carry_to: board of the game that a champion in the box is to play without training for it.
      players: of that game.
    """

    source: tyro.conf.Positional[Path]
    box: Annotated[Path, option("PATH", "that of the package")] = BOX
    commit: str = "unknown"
    evaluation: Annotated[tuple[Path, ...], option("[FILE ...]", "none")] = ()
    games: Annotated[Path | None, option("GAMES.jsonl.gz", "none")] = None
    keep: Count = 2
    carry_to: Annotated[BoardName | None, option("BOARD", "none")] = None
    players: Annotated[Literal[2, 3, 4] | None, option("{2,3,4}", "2")] = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and packs. Bad input ends with one line and exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.pack")
    boxed = (args.source / CARD).exists()
    if not boxed and (args.evaluation or args.games):
        fail(f"{args.source} is no champion in a box, and --evaluation and --games are about one")
    if args.players and not args.carry_to:
        fail("--players is for --carry-to; a run says how many play")
    start_jax()
    try:
        if args.carry_to:
            card = carry_over(str(args.source), args.carry_to, args.players or 2, args.box, print)
        elif boxed:
            card = add_strength(args.source, map(_read, args.evaluation), _games(args))
        else:
            card = put_in_box(args.source, args.box, args.commit)
    except (FileNotFoundError, ValueError) as problem:
        fail(str(problem))
    print(f"{card.name}: champion {card.version}, {card.hours:.2f} h, {card.parameters:,} parameters")
    print(f"{len(card.strength)} evaluations, of {len(card.matches)} matches")


def _read(path: Path) -> Evaluation:
    try:
        return evaluation(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None


def _games(args: Args) -> Iterator[dict]:
    """The first games of each match of a champion, which are named ``match-NUMBER-GAME``."""
    records = record_files.read(args.games) if args.games else ()
    for _, games in groupby(records, lambda record: record["id"].rpartition("-")[0]):
        played = [game for game in games if any(name.startswith("champion") for name in game["models"])]
        yield from played[: args.keep]


if __name__ == "__main__":
    main()
