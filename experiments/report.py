"""One HTML page about a run: ``python -m experiments.report runs/square8-2p``.

How it stands, how strong its champions are and whom they beat, what the quality gates found, how fast games are made
and used, what was learned, and some of its games as boards. It works while the run goes on, after it, and on what is
left of a broken one: what cannot be read says why in its place.
"""

import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Annotated, Any

import tyro
from filelock import FileLock, Timeout

from experiments.command_line import check_output, command, fail, option, parse
from ringrift_jax import boards, reference
from ringrift_jax.learning.config import flatten, to_dict
from ringrift_jax.render import position_svg
from ringrift_jax.runs import record_files
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import KINDS, Alert, DataRejected, Event, RolledBack, RunStarted, RunStopped, read
from ringrift_jax.runs.files import whole_lines, write_whole
from ringrift_jax.runs.registry import champions, select_model

SHOWN_EVENTS = 30
"""Alerts, rejected data and the like that are listed, the last ones."""
READ_GAMES = 500
"""Games among which the shown ones are chosen, the last ones."""

_STYLE = """
body { font: 15px sans-serif; color: #333; max-width: 1180px; margin: 16px auto; padding: 0 12px; }
h1 { font-size: 22px; } h2 { font-size: 18px; border-bottom: 1px solid #ccc; margin-top: 28px; }
table { border-collapse: collapse; } td, th { padding: 3px 10px; border: 1px solid #ddd; text-align: left; }
td.number { text-align: right; } .games { display: flex; flex-wrap: wrap; gap: 12px; } .games > div { width: 360px; }
.bad { color: #b00020; } svg { max-width: 100%; height: auto; } pre { white-space: pre-wrap; }
"""


@dataclass(frozen=True)
class Args:
    """Command line of a report.

    Attributes:
      run: directory of the run.
      out: where to write the page.
    """

    run: tyro.conf.Positional[Path]
    out: Annotated[Path | None, option("PAGE", "report.html in the run")] = None


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes the page. Bad input: one line, exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(Args, argv, description=__doc__, prog="python -m experiments.report")
    if not args.run.is_dir():
        fail(f"there is no directory {args.run}")
    run = RunDirectory(args.run)
    if not (run.config.exists() or run.metrics.exists() or run.events.path.exists()):
        fail(f"{args.run} is not a run: it has none of config.json, metrics.jsonl and events.jsonl")
    check_output("--out", args.out)
    out = args.out or args.run / "report.html"
    try:
        write_whole(out, report(run))
    except OSError as problem:
        fail(f"the page cannot be written: {problem}")
    print(f"report in {out}")


class Story(RunDirectory):
    """A run, whose lines are read once; what cannot be read is an error where it is asked for."""

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """Of the iterations, at least one."""
        lines = self.read_metrics()
        if not lines:
            raise ValueError("no iteration is finished")
        return lines

    @cached_property
    def told(self) -> list[Event]:
        """The events."""
        return read(self.path)


def report(directory: RunDirectory) -> str:
    """The page."""
    run = Story(directory.path)
    name = escape(run.path.resolve().name)
    sections = (
        ("Status", lambda: _status(run)),
        ("Champions", lambda: _champions(run)),
        ("Curves", lambda: _curves(run)),
        ("Quality gates of the last iteration", lambda: _gates(run)),
        ("What happened", lambda: _events(run)),
        ("Games", lambda: _games(run)),
        ("Settings", lambda: _settings(run)),
    )
    body = "".join(f"<h2>{title}</h2>{_or_why_not(section)}" for title, section in sections)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        f"<h1>{name}</h1><p>written {datetime.now():%Y-%m-%d %H:%M}</p>{body}</html>\n"
    )


def _or_why_not(section: Callable[[], str]) -> str:
    """A section, or why what is left of the run does not give it."""
    try:
        return section()
    except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
        return f'<p class="bad">not known: {escape(type(problem).__name__)}, {escape(str(problem))}</p>'


def _table(rows: Iterable[Sequence[Any]], head: Sequence[str] = ()) -> str:
    cells = [
        "".join(f'<td class="number">{v}</td>' if isinstance(v, int | float) else f"<td>{v}</td>" for v in row)
        for row in rows
    ]
    first = f"<tr>{''.join(f'<th>{title}</th>' for title in head)}</tr>" if head else ""
    return f"<table>{first}{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _status(run: Story) -> str:
    rows: list[tuple[str, str]] = [("state", _state(run))]
    rows.append(("would play with", _or_why_not(lambda: escape(select_model(run.path).why))))

    def game() -> str:
        config = run.read_config()
        return f"{config.board}, {config.num_players} players, seed {config.seed}"

    def work() -> str:
        lines = run.lines
        seconds = sum(line["seconds"] for line in lines)
        games = sum(line["games"] for line in lines)
        recent = lines[-10:]
        rate = sum(line["games"] for line in recent) / sum(line["seconds"] for line in recent)
        return (
            f"{len(lines)} iterations, {games:,} games and {sum(line['decisions'] for line in lines):,} decisions in "
            f"{timedelta(seconds=round(seconds))}; {rate:.2f} games/s in the last {len(recent)} iterations"
        )

    def ratio() -> str:
        lines = run.lines
        samples, decisions = sum(line["samples"] for line in lines), sum(line["decisions"] for line in lines)
        taken = sum(line.get("ingested_rows", 0) for line in lines)
        return f"{samples:,} samples from {decisions + taken:,} decisions, {samples / (decisions + taken):.2f} for each"

    def device() -> str:
        started = [event for event in run.told if isinstance(event, RunStarted)]
        return f"{started[-1].device}, preset {started[-1].preset}, started {len(started)} times"

    for title, text in (("game", game), ("work", work), ("learned from", ratio), ("device", device)):
        rows.append((title, _or_why_not(lambda text=text: escape(text()))))
    return _table(rows)


def _state(run: Story) -> str:
    """Whether it runs, has stopped, or ended without saying so."""
    try:
        with FileLock(run.path / "lock").acquire(blocking=False):
            running = False
    except Timeout:
        running = True
    lines = whole_lines(run.events.path)
    ago = ""
    if lines:
        seconds = time.time() - json.loads(lines[-1])["time"]
        ago = f"; the last event was {timedelta(seconds=round(max(seconds, 0)))} ago"
    if running:
        return f"running{ago}"
    last = run.told[-1] if lines else None
    if isinstance(last, RunStopped):
        return f"stopped: {escape(last.reason)}{ago}"
    return f'<span class="bad">ended without saying so</span>{ago}'


def _champions(run: Story) -> str:
    rows = []
    for event in champions(run.path):
        if event.parent is None:
            rows.append(("untrained", "", event.iteration, event.games, "", "", ""))
            continue
        low, high = event.interval or (float("nan"), float("nan"))
        failed = ", ".join(name for name, passed in event.gates.items() if not passed) or "all passed"
        beat = f"champion {event.parent}" if event.parent else "untrained"
        gained = f"{event.elo_improvement:+.0f} ({low:+.0f} to {high:+.0f})"
        rows.append((event.version, beat, event.iteration, event.games, gained, f"{event.elo:.0f}", failed))
    head = ("champion", "beat", "iteration", "games", "Elo on it, 95 % interval", "sum of Elo", "gates then")
    note = (
        "<p>The sum counts each champion against the one before only; "
        "<code>python -m experiments.evaluate RUN --ladder</code> rates all against the same opponents.</p>"
    )
    return _table(rows, head) + note


def _curves(run: Story) -> str:
    from ringrift_jax.runs.plots import overview  # matplotlib is slow to import

    return overview(run.lines, champions(run.path))


def _gates(run: Story) -> str:
    last = run.lines[-1]
    rows = []
    for name, gate in last["gates"].items():
        value = "too little to judge" if gate["value"] is None else gate["value"]
        rows.append((name, value, "passed" if gate["passed"] else '<span class="bad">failed</span>'))
    failed = sum(line["data_rejected"] for line in run.lines)
    return _table(rows, ("gate", "value", "")) + f"<p>{failed} iterations of the run failed a gate.</p>"


def _events(run: Story) -> str:
    telling = (Alert, DataRejected, RolledBack, RunStarted, RunStopped)
    found = run.told
    counts = Counter(type(event) for event in found)
    lines = [f"iteration {event.iteration}: {_sentence(event)}" for event in found if isinstance(event, telling)]
    total = ", ".join(f"{counts[cls]} {kind.replace('_', ' ')}" for kind, cls in KINDS.items() if counts[cls])
    left = f"the last {SHOWN_EVENTS} of {len(lines)}\n" if len(lines) > SHOWN_EVENTS else ""
    return f"<p>{total}</p><pre>{left}{escape(chr(10).join(lines[-SHOWN_EVENTS:]))}</pre>"


def _sentence(event: Event) -> str:
    values = {name: value for name, value in vars(event).items() if name != "iteration"}
    return f"{event.kind().replace('_', ' ')}: " + ", ".join(f"{name} {value}" for name, value in values.items())


def _games(run: Story) -> str:
    if not run.games.exists():
        return "<p>no game has been recorded yet</p>"
    games = deque(record_files.read(run.games, torn_end=True), READ_GAMES)
    decided = [game for game in games if game["result"]["winner"]]
    if not decided:
        return "<p>no recorded game was decided yet</p>"
    shown: dict[str, dict] = {}
    for title, game in (
        ("last", decided[-1]),
        ("shortest", min(decided, key=lambda game: len(game["steps"]))),
        ("longest", max(decided, key=lambda game: len(game["steps"]))),
        ("closest", min(decided, key=_margin)),
    ):
        if all(game is not other for other in shown.values()):
            shown[title] = game
    parts = "".join(_board(f"the {title} game", game) for title, game in shown.items())
    note = (
        f"<p>of the last {len(games)} recorded games, at their ends; <code>python -m experiments.replay "
        "RUN/games.jsonl.gz --game N --html PAGE</code> shows one move by move</p>"
    )
    return f'{note}<div class="games">{parts}</div>'


def _margin(game: dict) -> float:
    """How far the winner was ahead of the next seat, on the way to winning by rings or territory."""
    board = boards.standard(game["board"], game["players"])

    def progress(score: dict) -> float:
        return max(score["e"] / board.ring_threshold, score["t"] / board.territory_minimum)

    scores = {score["p"]: progress(score) for score in game["result"]["scores"]}
    winner = scores.pop(game["result"]["winner"])
    return winner - max(scores.values())


def _board(title: str, game: dict) -> str:
    board = boards.standard(game["board"], game["players"])
    pos = reference.new_game(board, game["swap_rule"])
    previous = pos
    for step in game["steps"]:
        previous, pos = pos, reference.play(pos, step["m"])
    moves = " ".join(step["m"].replace(" ", "\u00a0") + " ·" for step in game["steps"])
    picture = position_svg(pos, previous=previous, move=game["steps"][-1]["m"], caption=f"{title}, {game['id']}")
    return f"<div>{picture}<details><summary>{len(game['steps'])} moves</summary>{escape(moves)}</details></div>"


def _settings(run: Story) -> str:
    rows = [(escape(name), escape(str(value))) for name, value in flatten(to_dict(run.read_config())).items()]
    return f"<details><summary>{len(rows)} settings</summary>{_table(rows)}</details>"


if __name__ == "__main__":
    main()
