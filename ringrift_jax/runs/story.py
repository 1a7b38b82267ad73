"""What happened in a run, in words: how long, how strong it is, what got better, what went wrong, what to do next.

Only what is in the run's files is said, with its interval where there is one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from statistics import fmean
from typing import Any

from .box import CARD, is_boxed
from .cards import read_card
from .contents import HALF, Known, RunContents, attempt
from .events import Alert, CandidateEvaluated, DataRejected, ModelPromoted, RolledBack, RunStarted
from .model_card import PLAYS
from .registry import select_model

WINDOW = 10
"""Iterations whose mean is taken, at the beginning and at the end of learning."""
TOLD = 5
"""Champions that are told of, the last ones."""


@dataclass(frozen=True)
class Said:
    """A sentence. ``command``: that does what it says, if one does."""

    text: str
    command: str = ""
    bad: bool = False


def story(run: RunContents) -> list[tuple[str, Known]]:
    """A question for each part, and its sentences."""
    parts: dict[str, Callable[[RunContents], Iterator[Said]]] = {
        "How long?": _how_long,
        "How strong is it now?": _how_strong,
        "What got better, and when?": _what_got_better,
        "What went wrong?": _what_went_wrong,
        "What next?": _what_next,
    }
    return [(question, attempt(lambda tell=tell: list(tell(run)))) for question, tell in parts.items()]


def _how_long(run: RunContents) -> Iterator[Said]:
    seconds, games, decisions = (sum(line[key] for line in run.iterations) for key in ("seconds", "games", "decisions"))
    config = run.read_config()
    yield Said(
        f"{_count(len(run.iterations), 'iteration')} in {_hours(seconds)}, with {games:,} games of {config.board} for "
        f"{config.num_players} players ({decisions:,} decisions)."
    )
    yield Said(f"Now: {run.state['text']}{run.state['ago']}.", bad=run.state["bad"])


def _how_strong(run: RunContents) -> Iterator[Said]:
    measured = False
    if (run.path / CARD).exists():
        for match in read_card(run.path / CARD).matches:
            if match.player.endswith(PLAYS):
                measured, (low, high) = True, match.interval
                share = f"{match.wins / match.games:.1%} of {match.games} games"
                yield Said(f"It won {share} against {match.opponent} (95 % interval {low:.1%} to {high:.1%}).")
    own = {name: elo for name, elo in run.rated.items() if name.startswith("champion")}
    if own:
        measured = True
        best, (elo, error) = max(own.items(), key=lambda player: player[1][0])
        others = ", ".join(f"{name} {elo:.0f}" for name, (elo, _) in run.rated.items() if name not in own)
        yield Said(
            f"On the ladder, {best} is the strongest: {elo:.0f} Elo ({elo - HALF * error:.0f} to "
            f"{elo + HALF * error:.0f}), where {others}."
        )
    newest = _promoted(run)[-1:]
    if not newest:
        yield Said("No network has won an arena yet, so that it is not known to be stronger than at the start.")
    for event in newest:
        yield Said(f"{_beat(event)} All steps together are {event.elo:.0f} Elo, each measured on the one before only.")
    if not measured:
        yield Said("How it does against other players was not measured.")


def _what_got_better(run: RunContents) -> Iterator[Said]:
    until = list(accumulate(line["seconds"] for line in run.iterations))
    born = _promoted(run)
    if len(born) > TOLD:
        yield Said(f"There were {len(born)} champions, of which the last {TOLD} are told of here.")
    for event in born[-TOLD:]:
        when = f" ({_hours(until[event.iteration - 1])})" if 0 < event.iteration <= len(until) else ""
        yield Said(f"After iteration {event.iteration}{when}: {_beat(event)}")
    if not born:
        yield Said("No champion was beaten.")
    learned = [line for line in run.iterations if line["policy_loss"] is not None]
    if len(learned) < 2 * WINDOW:
        return
    for what, far in (
        ("what the search will choose", lambda line: line["policy_loss"] - line["target_entropy"]),
        ("who will win", lambda line: line["value_loss"]),
    ):
        first, last = (fmean(map(far, part)) for part in (learned[:WINDOW], learned[-WINDOW:]))
        changed = "better" if last < first else "no better"
        yield Said(
            f"The network foretells {what} {changed} than at first: loss {first:.3f} in iterations "
            f"{learned[0]['iteration']} to {learned[WINDOW - 1]['iteration']}, {last:.3f} in the last {WINDOW}."
        )


def _what_went_wrong(run: RunContents) -> Iterator[Said]:
    happened = run.happened
    nothing = True
    if run.state["bad"]:
        nothing = False
        yield Said("The process ended without saying so: it was killed, or the machine stopped.", bad=True)
    found: tuple[tuple[type, Callable[[Any], str]], ...] = (
        (Alert, lambda event: f"alert {event.what.replace('_', ' ')}"),
        (DataRejected, lambda event: f"games that were not learned from, by the gate {event.gate}"),
        (RolledBack, lambda event: "return to the champion, since what was trained was clearly weaker"),
    )
    for kind, name in found:
        events = [event for event in happened if isinstance(event, kind)]
        for what, times in Counter(map(name, events)).items():
            nothing = False
            last = next(event.iteration for event in reversed(events) if name(event) == what)
            often = f"{times} times: {what}, the last time" if times > 1 else f"Once: {what},"
            yield Said(f"{often} in iteration {last}.", bad=True)
    arenas = sum(isinstance(event, CandidateEvaluated) for event in happened)
    lost = arenas - len(_promoted(run))
    if lost:
        yield Said(f"{lost} of {_count(arenas, 'arena')} brought no new champion, which is usual.")
    if nothing:
        yield Said("Nothing that was looked for: no alert, no games rejected, no return to the champion.")


def _what_next(run: RunContents) -> Iterator[Said]:
    boxed, where = (run.path / CARD).exists(), str(run.path)
    name = run.path.name if boxed and is_boxed(run.path.name) else where
    model = select_model(run.path)
    if model.kind == "champion":
        yield Said("Play against it, and have your games reviewed by it.", f"python -m experiments.play {name} --web")
    if boxed:
        return
    failed = [gate for gate, result in run.iterations[-1]["gates"].items() if not result["passed"]]
    if failed:
        yield Said(f"Look at what failed in the last iteration first: {', '.join(failed)}.", bad=True)
    if _promoted(run) and not run.ladder.exists():
        yield Said(
            "Measure how strong its champions are against the same players.",
            f"python -m experiments.evaluate {where} --ladder",
        )
    arenas = [event for event in run.happened if isinstance(event, CandidateEvaluated | ModelPromoted)]
    since = 0
    for event in reversed(arenas):
        if isinstance(event, ModelPromoted):
            break
        since += 1
    if run.state["text"] == "running":
        yield Said("Let it go on; this page tells more when it is written again.")
    elif since >= 3:
        yield Said(
            f"The last {since} arenas brought no champion: before training on as before, try more simulations, a "
            "larger network or another learning rate.",
        )
    else:
        started = any(isinstance(event, RunStarted) for event in run.happened)
        how = "The command that it was begun with goes on from its last checkpoint." if started else ""
        yield Said(f"Train on: nothing shows that it has stopped learning. {how}".strip())


def _promoted(run: RunContents) -> list[ModelPromoted]:
    """The champions that beat another."""
    return [event for event in run.promotions if event.parent is not None]


def _beat(event: ModelPromoted) -> str:
    low, high = event.interval or (float("nan"), float("nan"))
    whom = f"champion {event.parent}" if event.parent else "what it began with"
    gained = f"{event.elo_improvement:.0f} Elo (95 % interval {low:.0f} to {high:.0f})"
    apart, deciding = "games that had no part in its promotion", "the games that promoted it, which promise too much"
    games = f"{event.gain_games} {apart}" if event.gain_games else deciding
    return f"Champion {event.version} beat {whom} by {gained} in {games}."


def _hours(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
