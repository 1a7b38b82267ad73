"""Puts the champion of a run into the box (:mod:`.box`), and what was measured of it onto its card."""

import json
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..learning.config import RunConfig, flatten, preset, to_dict
from ..search.network import count_parameters
from . import record_files
from .box import CARD, find_run
from .cards import Card, Evaluation, Training, read_card, write_card
from .champion_files import find_champion, load_champion
from .directory import RunDirectory
from .events import IterationFinished, RunStarted, read, to_line
from .files import whole_lines, write_lines, write_whole
from .origin import begin, load_origin
from .packed import CHAMPIONS, SUFFIX, pack
from .registry import champions, promotion
from .run import Run

LICENSE = "MIT"
CARRIED_WITH = "cpu"
"""The preset of a champion that was not trained for its game, for whoever goes on with it."""


def put_in_box(source: Path, box: Path, commit: str) -> Card:
    """Makes ``box/BOARD-Np``, or replaces it in one step. Nothing is known of the strength of its champion then.

    Args:
      source: a run, whose newest champion it is, or RUN/champions/VERSION.
      box: directory of the box.
      commit: of the code that trained it.

    Raises:
      FileNotFoundError: there is no such champion, or none that it was made from.
      ValueError: it cannot be read or packed.
    """
    where, version = find_champion(source)
    run = RunDirectory(where.parent)
    config, params = load_champion(where / str(version))
    training = _training(run, config, version, commit)
    metrics = whole_lines(run.metrics)[: training.iterations]
    card = _card(config, params, version, (*_before(config), training))
    return _put(box, card, config, params, metrics, _told(run, training.iterations))


def carry_over(origin: str, board: str, players: int, box: Path, say: Callable[[str], None]) -> Card:
    """Makes ``box/BOARD-Np`` of the champion of another game in the box, which is not trained any further.

    Args:
      origin: its name.
      board, players: the game that it is to play.
      box: directory of the box.
      say: told what could not be taken over.

    Raises:
      FileNotFoundError: there is no such champion, or it is in no box.
      ValueError: it cannot be read or packed, there is no such game, or the box has a champion of it that was trained.
    """
    here = box / f"{board}-{players}p" / CARD
    if here.exists() and not read_card(here).carried_from:
        raise ValueError(f"{here.parent} was trained for its game; {origin} is not put in its place")
    source, _ = load_origin(origin)
    loop = replace(preset(CARRIED_WITH, board, players), network=source.loop.network)
    config = RunConfig(board, players, loop=loop, origin=origin)
    trained = _before(config)
    params = begin(Run(config), config, say).champion
    card = replace(_card(config, params, 0, trained), carried_from=origin)
    line = to_line(promotion(config, None, iteration=0, games=0), time.time())
    return _put(box, card, config, params, [], [line])


def _card(config: RunConfig, params: Any, version: int, trained: tuple[Training, ...]) -> Card:
    return Card(config.board, config.num_players, version, count_parameters(params), LICENSE, trained)


def _put(box: Path, card: Card, config: RunConfig, params: Any, metrics: Iterable[str], told: Iterable[str]) -> Card:
    """Writes ``box/BOARD-Np``, or replaces it in one step; ``metrics`` and ``told``: lines of its run."""
    target = box / card.name
    new = box / f".{card.name}"
    shutil.rmtree(new, ignore_errors=True)
    (new / CHAMPIONS).mkdir(parents=True)
    try:
        packed = RunDirectory(new)
        pack(packed.champions / f"{card.version}{SUFFIX}", config, params)
        write_whole(packed.config, json.dumps(to_dict(config), indent=2) + "\n")
        write_lines(packed.metrics, metrics)
        write_lines(packed.events.path, told)
        write_card(new / CARD, card)
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return card


def add_strength(entry: Path, measured: Iterable[Evaluation], games: Iterable[dict] = ()) -> Card:
    """Adds what was measured to the card in ``box/BOARD-Np``, in place of what the same commands measured before, and
    of earlier matches of the same players.

    Args:
      entry: the directory.
      measured: what is added.
      games: records of games that replace those there, if there are any.
    """
    card, measured = read_card(entry / CARD), tuple(measured)
    again = {evaluation.command for evaluation in measured}
    played = {(match.player, match.opponent) for evaluation in measured for match in evaluation.matches}
    kept = (
        replace(before, matches=tuple(m for m in before.matches if (m.player, m.opponent) not in played))
        for before in card.strength
        if before.command not in again
    )
    card = replace(card, strength=(*(before for before in kept if before.matches or before.puzzles), *measured))
    if games := list(games):
        record_files.write(RunDirectory(entry).games, games)
    write_card(entry / CARD, card)
    return card


def _told(run: RunDirectory, iterations: int) -> list[str]:
    """Lines of what happened until then, but for those of iterations, which the metrics have too."""
    happened = zip(read(run.path), whole_lines(run.events.path), strict=True)
    return [
        line for event, line in happened if event.iteration <= iterations and not isinstance(event, IterationFinished)
    ]


def _before(config: RunConfig) -> tuple[Training, ...]:
    """The runs behind the champion that a run began with."""
    if config.origin is None:
        return ()
    origin = find_run(config.origin)
    if not (origin / CARD).exists():
        raise FileNotFoundError(f"the run began with {config.origin}, which is not in the box; put that there first")
    return read_card(origin / CARD).trained


def _training(run: RunDirectory, config: RunConfig, version: int, commit: str) -> Training:
    event = next((event for event in champions(run.path) if event.version == version), None)
    started = next((event for event in read(run.path) if isinstance(event, RunStarted)), None)
    if event is None or started is None:
        raise ValueError(f"{run.events.path} does not say when champion {version} was promoted")
    lines = run.read_metrics()[: event.iteration]
    return Training(
        command=_command(config, started.preset, event.iteration),
        commit=commit,
        device=started.device,
        hours=round(sum(line["seconds"] for line in lines) / 3600, 2),
        iterations=event.iteration,
        games=sum(line["games"] for line in lines),
        decisions=sum(line["decisions"] for line in lines),
    )


def _command(config: RunConfig, name: str, iterations: int) -> str:
    """What trains a run of these settings so far."""
    words = ["python -m experiments.train", config.board]
    for option, value, usual in (
        ("players", config.num_players, 2),
        ("preset", name, None),
        ("from", config.origin, None),
        ("seed", config.seed, 0),
        ("iterations", iterations, None),
    ):
        if value != usual:
            words.append(f"--{option} {value}")
    usual = flatten(to_dict(preset(name, config.board, config.num_players)))
    changed = {key: value for key, value in flatten(to_dict(config.loop)).items() if value != usual[key]}
    words += [f"--{key.replace('_', '-')} {value}" for key, value in changed.items()]
    return " ".join(words + ["--swap-rule"] * config.swap_rule)
