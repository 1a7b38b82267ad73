"""Measures again what the README and the docs claim: ``python -m experiments.verify``.

Each claim has a bound; one that is missed, or that cannot be measured because of an error, makes the exit code 1.
Claims on speed are bounded as ratios of two measurements of this machine where they can be; absolute times are bounded
loosely, because machines differ and may be busy: read a miss there as a question. Whatever takes long, training above
all, is measured with --full only.
"""

import json
import math
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from experiments.command_line import JsonFile, check_output, command, fail, option, parse, start_jax, use_all_cores
from experiments.measure.claims import CLAIMS, Claim, Options, Skip
from experiments.measure.common import describe_device, origin
from ringrift_jax.runs.files import write_whole
from ringrift_jax.settings import Positive

PROGRAM = "python -m experiments.verify"

Verdict = Literal["ok", "MISS", "skipped", "ERROR"]


@dataclass(frozen=True)
class Args:
    """Command line of the verification.

    Attributes:
      full: measure everything, what takes long too.
      only: claims to measure, by their names, long ones too.
      list_claims: print the claims and measure nothing.
      minutes: of training.
      json_file: where to write the results too.
    """

    full: bool = False
    only: Annotated[tuple[str, ...], option("NAME ...", "all that are quick")] = ()
    list_claims: Annotated[bool, tyro.conf.arg(name="list")] = False
    minutes: Positive = 30
    json_file: JsonFile = None


@dataclass(frozen=True)
class Finding:
    """What became of a claim.

    Attributes:
      name, says, bound: of the claim.
      measured: the figure; None if there is none.
      verdict: skipped claims could not be measured here, ERROR is a measurement that failed.
      seconds: wall time it took. What two claims share counts for the first.
      why: of a skip or an error.
    """

    name: str
    says: str
    bound: str
    measured: float | None
    verdict: Verdict
    seconds: float
    why: str = ""


def check(claim: Claim, options: Options) -> Finding:
    """Measures one claim; whatever goes wrong is in the finding."""
    began = time.monotonic()
    figure, verdict, why = None, "ERROR", ""
    try:
        figure = float(claim.measure(options))
        verdict = "ok" if claim.holds(figure) else "MISS"
    except Skip as reason:
        verdict, why = "skipped", str(reason)
    except Exception as problem:
        why = f"{type(problem).__name__}: {problem}"
    measured = figure if figure is not None and math.isfinite(figure) else None
    return Finding(claim.name, claim.says, claim.bound, measured, verdict, time.monotonic() - began, why)


def verify(claims: Iterable[Claim], options: Options, console: Console) -> Iterator[Finding]:
    """Measures the claims in turn, a line for each."""
    for claim in claims:
        with console.status(f"measuring {claim.name}"):
            finding = check(claim, options)
        console.print(describe(finding, claim.unit), markup=False)
        yield finding


def describe(finding: Finding, unit: str) -> str:
    """A line for people."""
    measured = "-" if finding.measured is None else f"{finding.measured:,.4g}{unit}"
    result = f"{finding.verdict:<8}{finding.name:<16}{measured:<16}claimed: {finding.bound}, {finding.seconds:.0f} s"
    why = " ".join(finding.why.split())
    return f"{result}; {why}" if why else result


def summarise(findings: Sequence[Finding]) -> str:
    counts = {verdict: sum(f.verdict == verdict for f in findings) for verdict in ("ok", "MISS", "skipped", "ERROR")}
    return f"{len(findings)} claims: " + ", ".join(
        f"{number} {verdict}" for verdict, number in counts.items() if number
    )


def choose(claims: Sequence[Claim], full: bool, only: Sequence[str]) -> list[Claim]:
    """The claims to measure, in their order. ValueError when a name is unknown."""
    names = [claim.name for claim in claims]
    for name in only:
        if name not in names:
            raise ValueError(f"unknown claim {name!r}; choose from {', '.join(names)}")
    return [claim for claim in claims if (claim.name in only if only else full or not claim.full)]


@command
def main(argv: Sequence[str] | None = None, claims: Sequence[Claim] = CLAIMS) -> None:
    """Parses the command line and measures. Exit code 1 when a claim is missed, 2 with one line for bad input."""
    argv = sys.argv[1:] if argv is None else argv
    use_all_cores()
    args = parse(Args, argv, description=__doc__, prog=PROGRAM)
    check_output("--json", args.json_file)
    try:
        chosen = choose(claims, args.full, args.only)
    except ValueError as problem:
        fail(str(problem))
    console = Console(highlight=False, soft_wrap=True)
    if args.list_claims:
        for claim in claims:
            kind = "full " if claim.full else "quick"
            console.print(f"{kind}  {claim.name:<16}{claim.bound:<20}{claim.says}", markup=False)
        return
    start_jax()
    console.print(describe_device(), markup=False)
    with tempfile.TemporaryDirectory() as directory:
        findings = list(verify(chosen, Options(Path(directory), args.minutes), console))
    console.print(summarise(findings), markup=False)
    if args.json_file:
        report = origin(shlex.join([*PROGRAM.split(), *argv])) | {"claims": [asdict(finding) for finding in findings]}
        write_whole(args.json_file, json.dumps(report, indent=2) + "\n")
    if any(finding.verdict in ("MISS", "ERROR") for finding in findings):
        sys.exit(1)


if __name__ == "__main__":
    main()
