"""Pictures of a run."""

import io
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib

from ..learning.config import RunConfig
from ..players.ratings import Ratings
from .cards import Card
from .directory import RunDirectory
from .events import ModelPromoted
from .matches import ALONE, Style, champion
from .model_card import OR_ELSE, PLAYS, SHOWN, shown
from .report_games import Shown

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


def strengths(cards: Sequence[Card]) -> str:
    """All champions in one picture: shares of games won against each of :data:`.model_card.SHOWN`, with 95 % intervals.
    Hollow points are by simulations, where :func:`.model_card.shown` has none by turns; a line says what equal players
    would win. SVG whose text has the colour of what is around it."""
    with plt.rc_context(_SCREEN):
        figure, axis = plt.subplots(figsize=(8, 0.5 * len(cards) + 1.2), layout="constrained")
        for row, card in enumerate(cards):
            axis.plot([100 / card.players] * 2, [row - 0.35, row + 0.35], color="grey", lw=1)
            for opponent, match in shown(card).items():
                place = SHOWN.index(opponent)
                share, y = 100 * match.wins / match.games, row + 0.15 * (place - (len(SHOWN) - 1) / 2)
                spread = [[abs(100 * end - share)] for end in match.interval]
                face = f"C{place}" if match.player.endswith(PLAYS) else "none"
                axis.errorbar(share, y, xerr=spread, fmt="o", ms=4, color=f"C{place}", mfc=face, capsize=2)
        for place, opponent in enumerate(SHOWN):
            axis.plot([], [], "o", ms=4, color=f"C{place}", label=f"against {opponent}")
        axis.plot([], [], color="grey", lw=1, label="equal players")
        axis.set_yticks(range(len(cards)), [card.name for card in cards])
        axis.set(xlabel=f"% of games won, {PLAYS} (hollow: {OR_ELSE})", xlim=(0, 103))
        axis.invert_yaxis()
        axis.grid(alpha=0.3, axis="x")
        figure.legend(fontsize=8, frameon=False, ncols=3, loc="outside lower center")
        return _svg(figure)


def overview(
    lines: list[dict[str, Any]],
    champions: list[ModelPromoted],
    games: Sequence[Shown] = (),
    of_champion: Mapping[int, Shown] | None = None,
) -> list[tuple[str, str]]:
    """The curves of a run over its iterations: strength, speed, losses, and what its games look like.

    Args:
      lines: of ``metrics.jsonl``, at least one.
      champions: of the run.
      games: of the page; those whose iteration is known are points that lead to them.
      of_champion: games of champions, to which their points lead.

    Returns:
      Titles, and SVG whose text has the colour of what is around it.
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
    lengths = {
        k: of(n) for k, n in (("mean", "game_length"), ("shortest", "shortest_game"), ("longest", "longest_game"))
    }
    panels: dict[str, dict[str, list[float]]] = {
        "Decisions of a game": lengths,
        "Losses": {
            "policy": of("policy_loss"),
            "its target": of("target_entropy"),
            "value": of("value_loss"),
            "value, no win in the turn": of("barren_value_loss"),
        },
        "Decisions made and samples learned per second": {"made": of("decisions", "s"), "learned": of("samples", "s")},
        "Games per second": {"games": of("games_per_second")},
        "Entropy of the search by phase, nats": entropies,
        "Depth of the search": {"mean": of("mean_depth"), "largest": of("max_depth")},
        "Share of different positions and openings": {"positions": gate("unique"), "openings": gate("openings")},
        "Largest share of games one seat won": {"share": gate("seat_balance")},
    }
    led = of_champion or {}
    drawn = [("Elo on the first network, summed up", _panel(lambda axis: _strength(axis, lines, champions, led)))]
    for title, curves in panels.items():
        shown = games if curves is lengths else ()
        drawn.append((title, _panel(lambda axis, curves=curves, shown=shown: _curves(axis, x, curves, shown))))
    return drawn


_TEXT = "#010203"
"""Stands for the colour of the text around a picture, which matplotlib has no name for."""
_LINK = re.compile(r'<a [^>]*"#game-([0-9]+)"[^>]*>')
_SCREEN = STYLE | dict.fromkeys(
    ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), _TEXT
)


def _panel(draw: Callable[[Any], None]) -> str:
    with plt.rc_context(_SCREEN):
        figure, axis = plt.subplots(figsize=(4.4, 3.2), layout="constrained")
        draw(axis)
        axis.set_xlabel("iteration")
        axis.grid(alpha=0.2)
        figure.legend(fontsize=8, frameon=False, ncols=4, loc="outside lower center")
        return _svg(figure)


def _svg(figure: Any) -> str:
    """To be written into a page, in the colour of its text; drawn in the style of :data:`_SCREEN`."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    plt.close(figure)
    text = written.getvalue()
    text = re.sub(r' id="[a-zA-Z]+[0-9.]*_[0-9]+"', "", text[text.index("<svg") :])  # every picture has the same
    text = _LINK.sub(r'<a href="#game-\1" aria-label="game \1">', text)  # matplotlib's open another window
    return text.replace(_TEXT, "currentColor")


def _curves(axis: Any, x: list[int], curves: dict[str, list[float]], games: Sequence[Shown]) -> None:
    for label, values in curves.items():
        axis.plot(x, values, lw=1.2, label=label)
    points = [(game.iteration, game.decisions, game) for game in games if game.iteration is not None]
    _points(axis, points, "a game, linked")


def _points(axis: Any, points: Sequence[tuple[float, float, Shown]], label: str) -> None:
    """Points that lead to games of the page."""
    if points:
        x, y, games = zip(*points, strict=True)
        found = axis.scatter(x, y, s=42, color="#c2185b", zorder=3, label=label)
        found.set_urls([f"#{game.anchor}" for game in games])


def _strength(
    axis: Any, lines: list[dict[str, Any]], champions: list[ModelPromoted], of_champion: Mapping[int, Shown]
) -> None:
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
    if rejected:
        known = [max((e.elo for e in champions if e.iteration <= i), default=0.0) for i in rejected]
        axis.plot(rejected, known, "x", color="grey", label="nobody promoted")
    points = [(e.iteration, e.elo, of_champion[e.version]) for e in champions if e.version in of_champion]
    _points(axis, points, "its first game, linked")


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
