"""Pictures of a run."""

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib

from experiments.matches import champion
from experiments.run_directory import RunDirectory
from ringrift_jax.config import RunConfig
from ringrift_jax.ratings import Ratings

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen, which needs no screen)

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ringrift_jax",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def ladder(run: RunDirectory, ratings: Ratings, simulations: Iterable[int]) -> Path:
    """Draws the Elo of the run's champions over wall time, games and iterations, and of other players as lines.

    Writes ``ladder.svg`` into the run directory.

    Args:
      run: the run.
      ratings: of its champions and others.
      simulations: with which the champions played, a curve each.

    Returns:
      The path of the picture.
    """
    config: RunConfig = run.read_config()
    born = promotions(run)
    axes_of = {"minutes of training": 0, "games": 1, "iterations": 2}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
        others = set(ratings.elo)
        for number in simulations:
            known = [v for v in born if champion(v, number).name in ratings.elo]
            names = [champion(v, number).name for v in known]
            others -= set(names)
            elo = [ratings.elo[name] for name in names]
            error = [ratings.interval(name)[1] - ratings.elo[name] for name in names]
            label = f"champion, {number} simulations" if number else "champion, network alone"
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
