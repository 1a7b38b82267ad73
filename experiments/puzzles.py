"""Makes puzzles from recorded games: ``python -m experiments.puzzles games.jsonl.gz --out puzzles.jsonl``.

Each is the turn with which a game was won, with the shortest win that there is in it, and how many of its first
decisions keep one, which is how hard it is. The board to study on has a trainer for them
(``python -m experiments.play --puzzles puzzles.jsonl``).
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import tyro

from experiments.command_line import check_output, command, fail, parse
from ringrift_jax.runs import record_files
from ringrift_jax.runs.puzzle_files import LEVELS, Puzzle, won_turns, write_puzzles
from ringrift_jax.settings import Count

PROGRAM = "python -m experiments.puzzles"


@dataclass(frozen=True)
class Args:
    """Command line.

    Attributes:
      games: files of recorded games.
      out: the file of puzzles.
      most: how many puzzles at most.
      states: of a turn; turns that have more are left out.
    """

    games: tyro.conf.Positional[tuple[Path, ...]]
    out: Path
    most: Count = 100
    states: Count = 20_000


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and makes the file. Bad input: one line, exit code 2."""
    args = parse(Args, sys.argv[1:] if argv is None else argv, description=__doc__, prog=PROGRAM)
    check_output("--out", args.out)
    if not args.games:
        fail("no games are named; they are files of records, such as --record of python -m experiments.evaluate writes")
    try:
        records = (record for path in args.games for record in record_files.read(path))
        puzzles = list(islice(_different(won_turns(records, args.states)), args.most))
    except (OSError, ValueError) as problem:
        fail(str(problem))
    if not puzzles:
        fail(f"{', '.join(map(str, args.games))}: no game was won by whoever moved last, in a turn of so few states")
    write_puzzles(args.out, puzzles)
    levels = Counter(puzzle.level for puzzle in puzzles)
    print(f"puzzles in {args.out}: {', '.join(f'{levels[level]} {level}' for level in LEVELS)}")


def _different(puzzles: Iterator[Puzzle]) -> Iterator[Puzzle]:
    """Each position once."""
    seen = set()
    for puzzle in puzzles:
        if puzzle.state not in seen:
            seen.add(puzzle.state)
            yield puzzle


if __name__ == "__main__":
    main()
