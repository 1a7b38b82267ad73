"""Everything that can be measured of a device in some minutes, what is worth most first, each by a command of its own.

What one measures is written before the next begins, so that nothing is lost when the time, the memory or the machine
ends. A command that fails does not keep the others from being tried.
"""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import tyro

from experiments.command_line import BoardName, JsonFile, PresetName, check_output, parse
from ringrift_jax.boards import BOARD_NAMES
from ringrift_jax.runs.files import write_whole
from ringrift_jax.settings import Positive

PROGRAM = "python -m experiments.benchmark all"


@dataclass(frozen=True)
class Args:
    """Command line of the benchmark.

    Attributes:
      board: the board that is measured first.
      players: number of players.
      preset: settings for a kind of machine; auto is gpu where there is one, else cpu.
      minutes: after which what still runs is stopped, and nothing more begins.
      json_file: where to write what each command measured, as soon as it has.
    """

    board: tyro.conf.Positional[BoardName] = "square8"
    players: Literal[2, 3, 4] = 2
    preset: PresetName = "auto"
    minutes: Positive = 9.0
    json_file: JsonFile = None


def commands(args: Args) -> Iterator[list[str]]:
    """Arguments of ``python -m experiments.``, what is worth most first: self-play on the board and what bounds it,
    what a run needs and how fast it learns, its parts, and then the other boards."""
    game = ["--players", str(args.players)]
    settings = [*game, "--preset", args.preset]
    yield ["benchmark", "selfplay", args.board, *settings, "--repeats", "5"]
    yield ["train", args.board, *settings, "--dry-run"]
    yield ["benchmark", "search", args.board, *settings, "--repeats", "5"]
    yield ["benchmark", "turns", "heuristic", "--board", args.board, *game, "--repeats", "3"]
    yield ["benchmark", "env", "--boards", args.board, *game, "--no-pgx"]
    for board in BOARD_NAMES:
        if board != args.board:
            yield ["benchmark", "selfplay", board, *settings, "--repeats", "3"]


def main(argv: Sequence[str]) -> None:
    """Measures until the time is over. Bad input: one line, exit code 2; 1 if nothing could be measured."""
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    check_output("--json", args.json_file)
    began = time.monotonic()
    done: list[dict[str, Any]] = []
    left = list(commands(args))
    while left and (remaining := 60 * args.minutes - (time.monotonic() - began)) > 0:
        words = left.pop(0)
        print(f"$ python -m experiments.{shlex.join(words)}", flush=True)
        done.append(run(words, remaining))
        print(done[-1]["output"].rstrip(), flush=True)
        if args.json_file:
            report = {"command": shlex.join([*PROGRAM.split(), *argv]), "measured": done, "left": left}
            write_whole(args.json_file, json.dumps(report, indent=2) + "\n")
    good = sum(one["ended"] == "well" for one in done)
    minutes = (time.monotonic() - began) / 60
    print(f"{good} of {len(done) + len(left)} measured in {minutes:.1f} min")
    for one in done:
        if one["ended"] != "well":
            print(f"{one['ended']}: {one['command']}")
    if not good:
        sys.exit(1)


def run(words: Sequence[str], seconds: float) -> dict[str, Any]:
    """Runs a command for so long at most: what it printed, how it ended, and the report that it wrote, if it did."""
    began = time.monotonic()
    with TemporaryDirectory() as directory:
        file = Path(directory) / "report.json"
        more = ["--json", str(file)] if words[0] == "benchmark" else []
        whole = [sys.executable, "-m", f"experiments.{words[0]}", *words[1:], *more]
        try:
            process = subprocess.run(
                whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False
            )
            output, ended = (
                process.stdout,
                f"failed with exit code {process.returncode}" if process.returncode else "well",
            )
        except subprocess.TimeoutExpired as late:
            output, ended = late.output or b"", "stopped, as the time is over"
        report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return {
        "command": f"python -m experiments.{shlex.join(words)}",
        "ended": ended,
        "seconds": round(time.monotonic() - began, 1),
        "report": report,
        "output": output.decode("utf-8", errors="replace"),
    }
