"""One HTML page about a run: ``python -m experiments.report runs/square8-2p``.

How it stands, how strong its champions are and whom they beat, what the quality gates found, how fast games are made
and used, what was learned, and some of its games as boards. It works while the run goes on, after it, and on what is
left of a broken one: what cannot be read says why in its place.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.command_line import check_output, command, fail, option, parse
from ringrift_jax.runs.box import find_run, is_boxed
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.files import write_whole
from ringrift_jax.runs.report import report


@dataclass(frozen=True)
class Args:
    """Command line of a report.

    Attributes:
      run: directory of the run, or BOARD or BOARD-Np for the champion in the box.
      out: where to write the page.
    """

    run: tyro.conf.Positional[str]
    out: Annotated[Path | None, option("PAGE", "report.html in the run, BOARD-Np.html for the box")] = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes the page. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.report")
    try:
        path = find_run(args.run)
    except FileNotFoundError as problem:
        fail(str(problem))
    if not path.is_dir():
        fail(f"there is no directory {path}")
    run = RunDirectory(path)
    if not (run.config.exists() or run.metrics.exists() or run.events.path.exists()):
        fail(f"{args.run} is not a run: it has none of config.json, metrics.jsonl and events.jsonl")
    check_output("--out", args.out)
    out = args.out or (Path(f"{path.name}.html") if is_boxed(args.run) else path / "report.html")
    try:
        write_whole(out, report(run))
    except OSError as problem:
        fail(f"the page cannot be written: {problem}")
    print(f"report in {out}")


if __name__ == "__main__":
    main()
