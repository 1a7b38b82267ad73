"""Pictures of a run."""

import io
import math
from collections.abc import Collection
from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib

from ..learning.config import RunConfig
from ..players.ratings import Ratings
from .directory import RunDirectory
from .events import ModelPromoted
from .matches import ALONE, Style, champion

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen, which needs no screen)

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ringrift_jax",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def ladder(run: RunDirectory, ratings: Ratings, styles: Collection[Style]) -> Path:
    """Draws the Elo of the run's champions over wall time, games and iterations, and of other players as lines.

    Writes ``ladder.svg`` into the run directory.

    Args:
      run: the run.
      ratings: of its champions and others.
      styles: in which the champions played, a curve each; the first network with search is a line too.

    Returns:
      The path of the picture.
    """
    config: RunConfig = run.read_config()
    born = promotions(run)
    axes_of = {"minutes of training": 0, "games": 1, "iterations": 2}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
        others = set(ratings.elo)
        start = {champion(0, style).name for style in styles if style != ALONE} & others
        for style in styles:
            known = [v for v in born if champion(v, style).name in ratings.elo]
            names = [champion(v, style).name for v in known]
            others -= set(names) - start
            elo = [ratings.elo[name] for name in names]
            error = [ratings.interval(name)[1] - ratings.elo[name] for name in names]
            label = f"champion{style.manner}"
            for (title, index), axis in zip(axes_of.items(), axes, strict=True):
                axis.errorbar([born[v][index] for v in known], elo, error, marker="o", ms=4, capsize=2, label=label)
                axis.set_xlabel(title)
        for axis in axes:
            for name in sorted(others):
                axis.axhline(ratings.elo[name], color="grey", lw=1, ls=":")
                axis.annotate(
                    name, (0.99, ratings.elo[name]), xycoords=("axes fraction", "data"), ha="right", fontsize=7
                )
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("Elo (random = 0)")
        axes[0].legend(fontsize=7, loc="lower right")
        figure.suptitle(f"{config.board}, {config.num_players} players", fontsize=10)
        path = run.path / "ladder.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path


def overview(lines: list[dict[str, Any]], champions: list[ModelPromoted]) -> str:
    """The curves of a run as one SVG: strength, speed, losses, and what its games look like, over iterations.

    Args:
      lines: of ``metrics.jsonl``, at least one.
      champions: of the run.
    """
    x = [line["iteration"] for line in lines]

    def of(name: str, per: str = "") -> list[float]:
        values = [line.get(name) for line in lines]
        return [
            math.nan if v is None else v / line["seconds"] if per else v for v, line in zip(values, lines, strict=True)
        ]

    def gate(name: str) -> list[float]:
        values = [line["gates"].get(name, {}).get("value") for line in lines]
        return [math.nan if v is None else v for v in values]

    phases = [name for name, entropy in lines[-1]["entropy_by_phase"].items() if entropy is not None]
    entropies = {phase: [line["entropy_by_phase"].get(phase) or math.nan for line in lines] for phase in phases}
    panels: list[tuple[str, dict[str, list[float]]]] = [
        ("per second", {"decisions made": of("decisions", "s"), "samples learned": of("samples", "s")}),
        ("games per second", {"games": of("games_per_second")}),
        ("losses", {"policy": of("policy_loss"), "its target": of("target_entropy"), "value": of("value_loss")}),
        (
            "decisions of a game",
            {
                k: of(n)
                for k, n in (("mean", "game_length"), ("shortest", "shortest_game"), ("longest", "longest_game"))
            },
        ),
        ("entropy of the search by phase, nats", entropies),
        ("depth of the search", {"mean": of("mean_depth"), "largest": of("max_depth")}),
        ("share of different", {"positions": gate("unique"), "openings": gate("openings")}),
        ("largest share of games one seat won", {"share": gate("seat_balance")}),
    ]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(3, 3, figsize=(12, 8.4), layout="constrained")
        _strength(axes.flat[0], lines, champions)
        for axis, (title, curves) in zip(axes.flat[1:], panels, strict=True):
            for label, values in curves.items():
                axis.plot(x, values, lw=1.2, label=label)
            axis.set_title(title, fontsize=9)
            axis.grid(alpha=0.3)
            axis.legend(fontsize=7)
        for axis in axes[-1]:
            axis.set_xlabel("iteration")
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        plt.close(figure)
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def _strength(axis: Any, lines: list[dict[str, Any]], champions: list[ModelPromoted]) -> None:
    """Sum of Elo of the champions with the interval of the last step of each, and the arenas that promoted nobody."""
    elo = [event.elo for event in champions]
    spread = [
        (0.0, 0.0) if e.interval is None else tuple(abs(b - (e.elo_improvement or 0)) for b in e.interval)
        for e in champions
    ]
    axis.errorbar(
        [e.iteration for e in champions],
        elo,
        list(zip(*spread, strict=True)),
        marker="o",
        ms=4,
        capsize=2,
        label="champion",
    )
    rejected = [line["iteration"] for line in lines if line["verdict"] and not line["promoted"]]
    known = [max((e.elo for e in champions if e.iteration <= i), default=0.0) for i in rejected]
    axis.plot(rejected, known, "x", color="grey", label="nobody promoted")
    axis.set_title("Elo on the first network, summed up", fontsize=9)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)


def promotions(run: RunDirectory) -> dict[int, tuple[float, int, int]]:
    """Minutes, games and iterations after which each version of the champion arose; version 0 at the start."""
    lines = run.read_metrics()
    minutes = accumulate(line["seconds"] / 60 for line in lines)
    games = accumulate(line["games"] for line in lines)
    born = {0: (0.0, 0, 0)}
    for line, minute, game in zip(lines, minutes, games, strict=True):
        if line["promoted"]:
            born[line["champion"]] = minute, game, line["iteration"]
    return born
