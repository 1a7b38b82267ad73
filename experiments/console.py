"""What a training run shows on the screen."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from experiments.command_line import cores
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.runs.events import Event, ModelPromoted
from ringrift_jax.runs.memory import size_text

SHOWN = 5
"""Champions of the lineage that are named under the progress bar."""

BLOCKS = "▁▂▃▄▅▆▇█"


class Screen:
    """Prints to standard output, unless it is ``quiet``; where that is not a terminal the moving parts are left out."""

    def __init__(self, quiet: bool = False):
        self.console = Console(highlight=False, soft_wrap=True, quiet=quiet)
        self.status = StatusLine()

    def say(self, text: str) -> None:
        """One line, above the progress bar if there is one."""
        self.console.print(text, markup=False)

    def introduce(self, config: RunConfig, preset: str, directory: str, memory: dict[str, int], devices: int) -> None:
        """What is run, on what, and how much memory it takes on each of so many devices."""
        device = jax.devices()[0]
        sizes = ", ".join(f"{name} {size_text(size)}" for name, size in memory.items())
        swap = " with the swap rule" if config.swap_rule else ""
        self.say(f"RingRift {config.board}, {config.num_players} players{swap}: preset {preset}, seed {config.seed}")
        self.say(f"directory  {directory}")
        self.say(f"device     {device.platform} ({device.device_kind}), {cores()} CPU cores, jax {jax.__version__}")
        processes = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
        each = f" on each of {devices} devices{processes}" if devices > 1 else ""
        self.say(f"memory     {size_text(sum(memory.values()))}{each}: {sizes}")

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Says what to expect, and shows the time that passes."""
        # After two minutes XLA writes to standard error that this is slow, and no setting of its own stops it.
        self.say("compiling  takes minutes the first time; XLA may call it slow, which does no harm")
        columns = TextColumn("compiling"), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            progress.add_task("compiling", total=None)
            yield

    @contextmanager
    def iterating(self, done: int, total: int | None) -> Iterator[None]:
        """Shows a progress bar over the iterations, of which ``total`` may be unknown."""
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
        plain = self.console.options.ascii_only
        options: Any = dict(console=self.console, transient=True, disable=not self.console.is_terminal)
        with _Bar(lambda: self.status.describe(plain), *columns, **options) as progress:
            task = progress.add_task("iterations", total=total, completed=done)
            self._advance = lambda: progress.advance(task)
            yield

    def iteration(self, record: dict[str, Any], total: int | None) -> None:
        """One line for an iteration."""
        self.say(describe(record, total))
        self._advance()

    def summarise(self, records: list[dict[str, Any]], directory: str) -> None:
        """What the whole run has done so far, and what can be done with it."""
        hours = sum(record["seconds"] for record in records) / 3600
        games, promotions = (sum(record[name] for record in records) for name in ("games", "promoted"))
        self.say(f"in all: {len(records)} iterations in {hours:.2f} h, {games} games, {promotions} promotions")
        self.say(f"python -m experiments.evaluate {directory} measures how strong the champion is")

    def restore_cursor(self) -> None:
        """Undoes what an interrupted progress bar leaves behind."""
        if self.console.is_terminal:
            self.console.show_cursor(True)


class _Bar(Progress):
    """A progress bar with a line under it, cut where the terminal ends."""

    def __init__(self, below: Callable[[], str], *columns: ProgressColumn, **options: Any):
        self._below = below
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield Text(self._below(), no_wrap=True, overflow="ellipsis")


class StatusLine:
    """A monitor of the run that says in a line where it is: phase, rates, champions."""

    def __init__(self):
        self._phase, self._rates = "", ""
        self._elo: dict[int, float] = {}

    def start(self, records: Sequence[dict[str, Any]], happened: Sequence[Event]) -> None:
        for event in happened:
            self.event(event)

    def phase(self, name: str) -> None:
        self._phase = name

    def iteration(self, record: dict[str, Any]) -> None:
        games, decisions = record["games_per_second"], record["decisions_per_second"]
        self._rates = f"{games:.1f} games/s  {decisions:.0f} decisions/s"

    def event(self, event: Event) -> None:
        if isinstance(event, ModelPromoted):
            self._elo[event.version] = event.elo

    def close(self) -> None:
        pass

    def describe(self, plain: bool = False) -> str:
        """A line such as ``iterating  9.0 games/s  1200 decisions/s  Elo ▁▄█  0 > 1 > 2 (+210 Elo)``; ``plain`` leaves
        out what is not ASCII."""
        versions = sorted(self._elo)
        parts = [self._phase, self._rates]
        if len(versions) > 1:
            parts.append("" if plain else f"Elo {sparkline([self._elo[version] for version in versions])}")
            line = " > ".join(map(str, versions[-SHOWN:]))
            older = "... > " if len(versions) > SHOWN else ""
            parts.append(f"{older}{line} ({self._elo[versions[-1]]:+.0f} Elo)")
        return "  ".join(filter(None, parts))


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """The last values as bars from the lowest to the highest."""
    values = values[-width:]
    low, high = min(values), max(values)
    return "".join(BLOCKS[round((value - low) / ((high - low) or 1) * (len(BLOCKS) - 1))] for value in values)


def describe(record: dict[str, Any], total: int | None) -> str:
    """A line of ``metrics.jsonl`` for people; ``total``: iterations to reach, if that is known."""
    parts = [
        f"{record['iteration']:>{len(str(total))}}/{total}" if total else str(record["iteration"]),
        f"{record['seconds']:.1f} s",
        f"{record['games']} games ({record['games_per_second']:.1f}/s)",
    ]
    if record.get("ingested_games"):
        parts.append(f"{record['ingested_games']} games of workers")
    if record["loss"] is None:
        parts.append("nothing learned: too few new games" if not record["steps"] else "loss not finite")
    else:
        policy, entropy, value = record["policy_loss"], record["target_entropy"], record["value_loss"]
        parts.append(f"policy {policy:.3f} (target {entropy:.3f}) value {value:.3f}")
    parts.append(f"depth {record['mean_depth']:.1f}, at most {record['max_depth']}")
    if record["arena_score"] is not None:
        error = "" if record["arena_error"] is None else f" ± {record['arena_error']:.2f}"
        verdict = record["verdict"].replace("_", " ")
        parts.append(f"arena {record['arena_score']:+.2f}{error} in {record['arena_games']} games, {verdict}")
    if record["promoted"]:
        parts.append(f"gain {record['gain_score']:+.2f} ± {record['gain_error']:.2f} in {record['gain_games']} others")
    if failed := [name for name, gate in record["gates"].items() if not gate["passed"]]:
        parts.append(f"games rejected by the gates: {', '.join(failed)}")
    elo = f" ({record['champion_elo']:+.0f} Elo)" if record["champion"] else ""
    parts.append(f"champion {record['champion']}{elo}")
    return "  ".join(parts)
