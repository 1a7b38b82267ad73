"""One HTML page about a run.

How it stands, how strong its champions are and whom they beat, what the quality gates found, how fast games are made
and used, what was learned, and some of its games as boards. The templates are in ``templates/``; what cannot be read of
a run says why in its place.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from statistics import NormalDist
from typing import Any

from filelock import FileLock, Timeout

from .. import boards, reference
from ..learning.config import flatten, to_dict
from ..render import position_svg
from ..render.pages import page
from . import record_files
from .box import CARD
from .directory import LOCK, RunDirectory
from .events import KINDS, Alert, DataRejected, Event, RolledBack, RunStarted, RunStopped, read
from .files import whole_lines
from .registry import champions, select_model

SHOWN_EVENTS = 30
"""Alerts, rejected data and the like that are listed, the last ones."""
READ_GAMES = 500
"""Games among which the shown ones are chosen, the last ones."""


@dataclass(frozen=True)
class Known:
    """What was asked of a run, or why it cannot be told."""

    value: Any = None
    problem: str = ""


class RunContents(RunDirectory):
    """A run whose files are read once; what cannot be read is an error where it is asked for."""

    @cached_property
    def iterations(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``, at least one."""
        iterations = self.read_metrics()
        if not iterations:
            raise ValueError("no iteration is finished")
        return iterations

    @cached_property
    def happened(self) -> list[Event]:
        """The events."""
        return read(self.path)


def report(directory: RunDirectory) -> str:
    """The page."""
    run = RunContents(directory.path)
    sections = (
        ("Status", "status", _status),
        ("Champions", "champions", _champions),
        ("Ladder", "ladder", _ladder),
        ("Curves", "curves", _curves),
        ("Quality gates of the last iteration", "gates", _gates),
        ("What happened", "happened", _happened),
        ("Games", "games", _games),
        ("Settings", "settings", _settings),
    )
    return page(
        __package__,
        "report.html",
        name=run.path.resolve().name,
        written=f"{datetime.now():%Y-%m-%d %H:%M}",
        sections=[(title, macro, _try(lambda find=find: find(run))) for title, macro, find in sections],
    )


def _try(find: Callable[[], Any]) -> Known:
    try:
        return Known(find())
    except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
        return Known(problem=f"{type(problem).__name__}, {problem}")


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
        ("state", Known(_state(run))),
        ("would play with", _try(lambda: select_model(run.path).why)),
        ("game", _try(game)),
        ("work", _try(work)),
        ("learned from", _try(ratio)),
        ("device", _try(device)),
    ]


def _state(run: RunContents) -> dict[str, Any]:
    """Whether it is in the box, runs, has stopped, or ended without saying so."""
    if (run.path / CARD).exists():
        return {"text": f"in the box, as it was after iteration {len(run.iterations)}", "ago": "", "bad": False}
    running, lock = False, run.path / LOCK
    if lock.exists():
        try:
            FileLock(lock).acquire(blocking=False).lock.release()
        except Timeout:
            running = True
    lines = whole_lines(run.events.path)
    ago = ""
    if lines:
        seconds = time.time() - json.loads(lines[-1])["time"]
        ago = f"; the last event was {timedelta(seconds=round(max(seconds, 0)))} ago"
    if running:
        return {"text": "running", "ago": ago, "bad": False}
    last = run.happened[-1] if lines else None
    if isinstance(last, RunStopped):
        return {"text": f"stopped: {last.reason}", "ago": ago, "bad": False}
    return {"text": "ended without saying so", "ago": ago, "bad": True}


def _champions(run: RunContents) -> list[tuple[Any, ...]]:
    rows = []
    for event in champions(run.path):
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
    if not run.ladder.exists():
        return []
    rated: dict[str, tuple[float, float]] = json.loads(run.ladder.read_text(encoding="utf-8"))["elo"]
    half = NormalDist().inv_cdf(0.975)
    return [
        (name, f"{elo:.0f}", f"{elo - half * error:.0f} to {elo + half * error:.0f}" if error else "anchor")
        for name, (elo, error) in sorted(rated.items(), key=lambda player: -player[1][0])
    ]


def _curves(run: RunContents) -> str:
    from .plots import overview  # matplotlib is slow to import

    return overview(run.iterations, champions(run.path))


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


def _games(run: RunContents) -> dict[str, Any]:
    if not run.games.exists():
        return {"boards": [], "none": "no game has been recorded yet"}
    games = deque(record_files.read(run.games, torn_end=True), READ_GAMES)
    decided = [game for game in games if game["result"]["winner"]]
    if not decided:
        return {"boards": [], "none": "no recorded game was decided yet"}
    shown: dict[str, dict] = {}
    for title, game in (
        ("last", decided[-1]),
        ("shortest", min(decided, key=lambda game: len(game["steps"]))),
        ("longest", max(decided, key=lambda game: len(game["steps"]))),
        ("closest", min(decided, key=_margin)),
    ):
        if all(game is not other for other in shown.values()):
            shown[title] = game
    return {"boards": [_board(f"the {title} game", game) for title, game in shown.items()], "read": len(games)}


def _margin(game: dict) -> float:
    """How far the winner was ahead of the next seat, on the way to winning by rings or territory."""
    board = boards.standard(game["board"], game["players"])

    def progress(score: dict) -> float:
        return max(score["e"] / board.ring_threshold, score["t"] / board.territory_minimum)

    scores = {score["p"]: progress(score) for score in game["result"]["scores"]}
    winner = scores.pop(game["result"]["winner"])
    return winner - max(scores.values())


def _board(title: str, game: dict) -> dict[str, Any]:
    board = boards.standard(game["board"], game["players"])
    pos = reference.new_game(board, game["swap_rule"])
    previous = pos
    for step in game["steps"]:
        previous, pos = pos, reference.play(pos, step["m"])
    last = game["steps"][-1]["m"]
    picture = position_svg(pos, previous=previous, move=last, caption=f"{title}, {game['id']}")
    return {"picture": picture, "moves": [step["m"].replace(" ", "\u00a0") + " ·" for step in game["steps"]]}


def _settings(run: RunContents) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in flatten(to_dict(run.read_config())).items()]
