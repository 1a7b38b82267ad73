"""The pages of the tutorial and the puzzles, and their requests. Nothing is kept here: the page sends the moves that it
has made, and remembers what was solved."""

from collections.abc import Callable, Mapping
from typing import Any

import flask

from .bodies import answer, sent
from .exercises import Considered, Exercise, Pointed, Tried, preview, refuse, show, walk
from .lessons import lessons
from .lessons import overview as all_lessons
from .puzzles import Trainer


def pages(trainer: Trainer) -> flask.Blueprint:
    """``/learn`` and ``/puzzles``, and what they ask for."""
    routes = flask.Blueprint("practice", __name__, static_folder="static")
    kinds: dict[str, Mapping[str, Exercise]] = {"lessons": lessons(), "puzzles": trainer.puzzles}

    def asked(kind: str, name: str) -> Exercise:
        if name not in kinds.get(kind, {}):
            raise LookupError(f"there is no exercise {name} of {kind}")
        return kinds[kind][name]

    def about(act: Callable[[Exercise], Any]) -> Callable[[str, str], Any]:
        return lambda kind, name: answer(act(asked(kind, name)))

    def check(exercise: Exercise) -> Any:
        moves = sent(Tried).moves
        return exercise.check(walk(exercise, moves), moves)

    routes.add_url_rule("/learn", "learn", lambda: routes.send_static_file("learn.html"))
    routes.add_url_rule("/puzzles", "puzzles", lambda: routes.send_static_file("puzzles.html"))
    routes.add_url_rule("/api/lessons", "lessons", lambda: answer(all_lessons()))
    routes.add_url_rule("/api/puzzles", "all", lambda: answer(trainer.overview()))
    path = "/api/exercises/<kind>/<name>"
    routes.add_url_rule(f"{path}/solution", "solution", about(lambda one: one.solution))
    answers: dict[str, Callable[[Exercise], Any]] = {
        "show": lambda one: show(one, sent(Tried).moves),
        "check": check,
        "effect": lambda one: preview(one, sent(Considered)),
        "why": lambda one: {"why": refuse(one, sent(Pointed))},
    }
    for name, act in answers.items():
        routes.add_url_rule(f"{path}/{name}", name, about(act), methods=["POST"])
    return routes
