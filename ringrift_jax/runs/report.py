"""One HTML page about a run, without other files.

What happened, in words; then its curves, whose points lead to games of the page; whom its champions beat, what the
quality gates found, and the settings. Its one script draws games that are opened, so that they can be stepped through;
without it their moves are listed. The templates are in ``templates/``; what cannot be read of a run says why in its
place.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from ..interactive.bundle import one_module, one_style
from ..learning.config import flatten, to_dict
from ..render.pages import page
from ..render.themes import dark_rules
from .contents import HALF, Known, RunContents, attempt
from .directory import RunDirectory
from .events import KINDS, Alert, DataRejected, Event, RolledBack, RunStarted, RunStopped
from .registry import select_model
from .report_games import READ_GAMES, Games, figure
from .story import story

SHOWN_EVENTS = 30
"""Alerts, rejected data and the like that are listed, the last ones."""


def report(directory: RunDirectory) -> str:
    """The page."""
    run = RunContents(directory.path)
    games = cache(lambda: _shown(run))  # the largest file of a run
    sections: tuple[tuple[str, str, Callable[[RunContents], Any]], ...] = (
        ("In words", "words", story),
        ("Curves", "curves", lambda run: _curves(run, attempt(games).value)),
        ("Games", "games", lambda run: _games(games())),
        ("Champions", "champions", _champions),
        ("Ladder", "ladder", _ladder),
        ("Status", "status", _status),
        ("Quality gates of the last iteration", "gates", _gates),
        ("What happened", "happened", _happened),
        ("Settings", "settings", _settings),
    )
    return page(
        __package__,
        "report.html",
        name=run.path.resolve().name,
        written=f"{datetime.now():%Y-%m-%d %H:%M}",
        dark=dark_rules(),
        style=one_style(),
        script=one_module("replay"),
        sections=[(title, macro, attempt(lambda find=find: find(run))) for title, macro, find in sections],
    )


def _status(run: RunContents) -> list[tuple[str, Known]]:
    def game() -> str:
        config = run.read_config()
        return f"{config.board}, {config.num_players} players, seed {config.seed}"

    def work() -> str:
        seconds, games, decisions = (
            sum(line[key] for line in run.iterations) for key in ("seconds", "games", "decisions")
        )
        recent = run.iterations[-10:]
        rate = sum(line["games"] for line in recent) / sum(line["seconds"] for line in recent)
        return (
            f"{len(run.iterations)} iterations, {games:,} games and {decisions:,} decisions in "
            f"{timedelta(seconds=round(seconds))}; {rate:.2f} games/s in the last {len(recent)} iterations"
        )

    def ratio() -> str:
        samples = sum(line["samples"] for line in run.iterations)
        positions = sum(line["decisions"] + line.get("ingested_rows", 0) for line in run.iterations)
        return f"{samples:,} samples from {positions:,} decisions, {samples / positions:.2f} for each"

    def device() -> str:
        started = [event for event in run.happened if isinstance(event, RunStarted)]
        return f"{started[-1].device}, preset {started[-1].preset}, started {len(started)} times"

    return [
        ("state", Known(run.state)),
        ("would play with", attempt(lambda: select_model(run.path).why)),
        ("game", attempt(game)),
        ("work", attempt(work)),
        ("learned from", attempt(ratio)),
        ("device", attempt(device)),
    ]


def _champions(run: RunContents) -> list[tuple[Any, ...]]:
    rows = []
    for event in run.promotions:
        if event.parent is None:
            rows.append((event.origin or "untrained", "", event.iteration, event.games, "", "", ""))
            continue
        low, high = event.interval or (float("nan"), float("nan"))
        failed = ", ".join(name for name, passed in event.gates.items() if not passed) or "all passed"
        beat = f"champion {event.parent}" if event.parent else "the first one"
        gained = f"{event.elo_improvement:+.0f} ({low:+.0f} to {high:+.0f})"
        rows.append((event.version, beat, event.iteration, event.games, gained, f"{event.elo:.0f}", failed))
    return rows


def _ladder(run: RunContents) -> list[tuple[str, str, str]]:
    """The strongest first; nothing if no ladder has been played."""
    return [
        (name, f"{elo:.0f}", f"{elo - HALF * error:.0f} to {elo + HALF * error:.0f}" if error else "anchor")
        for name, (elo, error) in sorted(run.rated.items(), key=lambda player: -player[1][0])
    ]


def _curves(run: RunContents, games: Games | None) -> list[tuple[str, str]]:
    from .plots import overview  # matplotlib is slow to import

    return overview(run.iterations, run.promotions, games.shown if games else [], games.of_champion if games else {})


def _gates(run: RunContents) -> dict[str, Any]:
    failed = sum(line["data_rejected"] for line in run.iterations)
    return {"gates": run.iterations[-1]["gates"], "failed": failed}


def _happened(run: RunContents) -> dict[str, Any]:
    telling = (Alert, DataRejected, RolledBack, RunStarted, RunStopped)
    counts = Counter(type(event) for event in run.happened)
    total = ", ".join(f"{counts[cls]} {kind.replace('_', ' ')}" for kind, cls in KINDS.items() if counts[cls])
    lines = [f"iteration {event.iteration}: {_sentence(event)}" for event in run.happened if isinstance(event, telling)]
    return {"counts": total, "lines": lines, "shown": SHOWN_EVENTS}


def _sentence(event: Event) -> str:
    values = {name: value for name, value in vars(event).items() if name != "iteration"}
    return f"{event.kind().replace('_', ' ')}: " + ", ".join(f"{name} {value}" for name, value in values.items())


def _games(games: Games) -> dict[str, Any]:
    none = "no recorded game was decided yet" if games.read else "no game has been recorded yet"
    return {"games": [figure(game) for game in games.shown], "read": games.read, "among": READ_GAMES, "none": none}


def _shown(run: RunContents) -> Games:
    """Also of a run of which nothing else is known."""
    born = attempt(lambda: [(event.version, event.iteration) for event in run.promotions]).value
    return Games(run, born or [], len(attempt(lambda: run.iterations).value or []))


def _settings(run: RunContents) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in flatten(to_dict(run.read_config())).items()]
