"""Pictures of a run."""

from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib

from experiments.matches import champion
from experiments.run_directory import RunDirectory
from ringrift_jax.config import RunConfig
from ringrift_jax.ratings import Z95, Ratings

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen, which needs no screen)

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ringrift_jax",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def ladder(run: RunDirectory, ratings: Ratings) -> Path:
    """Draws the Elo of the run's champions over wall time, games and iterations, and of other players as lines.

    Writes ``ladder.svg`` into the run directory and returns its path.
    """
    config: RunConfig = run.read_config()
    born = promotions(run)
    axes_of = {"minutes of training": 0, "games": 1, "iterations": 2}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
        others = set(ratings.names)
        for simulations in sorted({0, config.loop.search.simulations, *_simulations(ratings, born)}):
            known = [v for v in born if champion(v, simulations).name in ratings.names]
            if not known:
                continue
            names = [champion(v, simulations).name for v in known]
            others -= set(names)
            elo = [ratings.elo(name) for name in names]
            error = [Z95 * ratings.error(name) for name in names]
            label = f"champion, {simulations} simulations" if simulations else "champion, network alone"
            for (title, index), axis in zip(axes_of.items(), axes, strict=True):
                axis.errorbar([born[v][index] for v in known], elo, error, marker="o", ms=4, capsize=2, label=label)
                axis.set_xlabel(title)
        for axis in axes:
            for name in sorted(others):
                axis.axhline(ratings.elo(name), color="grey", lw=1, ls=":")
                axis.annotate(
                    name, (0.99, ratings.elo(name)), xycoords=("axes fraction", "data"), ha="right", fontsize=7
                )
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("Elo (random = 0)")
        axes[0].legend(fontsize=7, loc="lower right")
        figure.suptitle(f"{config.board}, {config.num_players} players", fontsize=10)
        path = run.path / "ladder.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path


def _simulations(ratings: Ratings, versions: dict[int, tuple]) -> set[int]:
    """Numbers of simulations that champions played with."""
    words = [name.split(", ")[1].split()[0] for name in ratings.names if ", " in name]
    return {int(word) for word in words if word.isdecimal()}


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
