"""Makes puzzles from recorded games: ``python -m experiments.puzzles games.jsonl.gz --out puzzles.jsonl``.

Each is the turn with which a game was won, with the shortest win that there is in it, and how many of its first
decisions keep one, which is how hard it is; or with ``--defence`` a turn that cannot be won and mostly leaves the next
player a win, with one that does not, and how many do not of those played at random. The board to study on has a trainer
for them (``python -m experiments.play --puzzles puzzles.jsonl``).
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import tyro
from rich.console import Console

from experiments.command_line import check_output, command, fail, parse
from ringrift_jax import reference
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
      states: of a turn; turns that have more are left out, and with --defence answers to the solution that have.
      defence: make puzzles in which a turn has to leave the next player no win.
    """

    games: tyro.conf.Positional[tuple[Path, ...]]
    out: Path
    most: Count = 100
    states: Count = 20_000
    defence: bool = False


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and makes the file. Bad input: one line, exit code 2."""
    args = parse(Args, sys.argv[1:] if argv is None else argv, description=__doc__, prog=PROGRAM)
    check_output("--out", args.out)
    if not args.games:
        fail("no games are named; they are files of records, such as --record of python -m experiments.evaluate writes")
    try:
        records = (record for path in args.games for record in record_files.read(path))
        made = _defences(records, args.states) if args.defence else won_turns(records, args.states)
        with Console(stderr=True).status("looking for puzzles") as status:
            puzzles = []
            for puzzle in islice(_different(made), args.most):
                puzzles.append(puzzle)
                status.update(f"looking for puzzles, {len(puzzles)} of at most {args.most} so far")
    except (OSError, ValueError) as problem:
        fail(str(problem))
    if not puzzles:
        wanted = (
            "no turn has to be chosen with care to leave the next player no win"
            if args.defence
            else "no game was won by whoever moved last"
        )
        fail(f"{', '.join(map(str, args.games))}: {wanted}, in a turn of so few states")
    write_puzzles(args.out, puzzles)
    levels = Counter(puzzle.level for puzzle in puzzles)
    print(f"puzzles in {args.out}: {', '.join(f'{levels[level]} {level}' for level in LEVELS)}")


def _defences(records: Iterator[dict], states: int) -> Iterator[Puzzle]:
    """Those of games of any kind, without answers that take long to look through."""
    from ringrift_jax.env import make
    from ringrift_jax.numerics import new_key
    from ringrift_jax.runs.puzzles import find_defences

    games = defaultdict(list)
    for record in records:
        games[record["board"], record["players"], record["swap_rule"]].append(record)
    for (board, players, swap_rule), of_game in games.items():
        for puzzle in find_defences(make(board, players, swap_rule=swap_rule), of_game, new_key(0)):
            after = puzzle.position()
            for move in puzzle.defence or ():
                after = reference.settle(reference.play(after, move))
            try:
                if reference.winning_line(after, states) is not None:
                    raise ValueError(f"{puzzle.source}: {puzzle.state} is no defence by the reference")
            except RecursionError:
                continue
            yield puzzle


def _different(puzzles: Iterator[Puzzle]) -> Iterator[Puzzle]:
    """Each position once."""
    seen = set()
    for puzzle in puzzles:
        if puzzle.state not in seen:
            seen.add(puzzle.state)
            yield puzzle


if __name__ == "__main__":
    main()
