"""What a training run shows on the screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from experiments.command_line import cores
from ringrift_jax.config import RunConfig


class Screen:
    """Prints to standard output; where that is not a terminal the moving parts are left out."""

    def __init__(self):
        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """One line, above the progress bar if there is one."""
        self.console.print(text, markup=False)

    def introduce(self, config: RunConfig, preset: str, directory: str, memory: dict[str, int]) -> None:
        """What is run, on what, and how much memory it takes."""
        device = jax.devices()[0]
        sizes = ", ".join(f"{name} {_bytes(size)}" for name, size in memory.items())
        swap = " with the swap rule" if config.swap_rule else ""
        self.say(f"RingRift {config.board}, {config.num_players} players{swap}: preset {preset}, seed {config.seed}")
        self.say(f"directory  {directory}")
        self.say(f"device     {device.platform} ({device.device_kind}), {cores()} CPU cores, jax {jax.__version__}")
        self.say(f"memory     {_bytes(sum(memory.values()))}: {sizes}")

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Shows the time that passes."""
        columns = TextColumn("compiling"), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            progress.add_task("compiling", total=None)
            yield

    @contextmanager
    def iterating(self, done: int, total: int | None) -> Iterator[None]:
        """Shows a progress bar over the iterations, of which ``total`` may be unknown."""
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
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


def describe(record: dict[str, Any], total: int | None) -> str:
    """A line of ``metrics.jsonl`` for people; ``total``: iterations to reach, if that is known."""
    parts = [
        f"{record['iteration']:>{len(str(total))}}/{total}" if total else str(record["iteration"]),
        f"{record['seconds']:.1f} s",
        f"{record['games']} games ({record['games_per_second']:.1f}/s)",
    ]
    if record["loss"] is None:
        parts.append("nothing learned: too few games to learn from" if not record["steps"] else "loss not finite")
    else:
        policy, entropy, value = record["policy_loss"], record["target_entropy"], record["value_loss"]
        parts.append(f"policy {policy:.3f} (target {entropy:.3f}) value {value:.3f}")
    parts.append(f"depth {record['mean_depth']:.1f}, at most {record['max_depth']}")
    if record["arena_score"] is not None:
        error = "" if record["arena_error"] is None else f" ± {record['arena_error']:.2f}"
        verdict = record["verdict"].replace("_", " ")
        parts.append(f"arena {record['arena_score']:+.2f}{error} in {record['arena_games']} games, {verdict}")
    if failed := [name for name, gate in record["gates"].items() if not gate["passed"]]:
        parts.append(f"games rejected by the gates: {', '.join(failed)}")
    elo = f" ({record['champion_elo']:+.0f} Elo)" if record["champion"] else ""
    parts.append(f"champion {record['champion']}{elo}")
    return "  ".join(parts)


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
