"""The pages of the tutorial and the puzzles, and their requests. Nothing is kept here: the page sends the moves that it
has made, and remembers what was solved."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import flask

from ringrift_jax.runs.puzzle_files import boxed_puzzles

from .bodies import answer, sent
from .exercises import Considered, Exercise, Pointed, Tried, preview, refuse, show, walk
from .lessons import lessons
from .lessons import overview as all_lessons
from .puzzles import Trainer


def pages(given: Trainer | None) -> flask.Blueprint:
    """``/learn`` and ``/puzzles``, and what they ask for. ``given``: other puzzles than those of the box."""
    routes = flask.Blueprint("practice", __name__)
    trainer = cache(lambda: given or Trainer(boxed_puzzles()))  # read when somebody asks for them

    def asked(kind: str, name: str) -> Exercise:
        known: Mapping[str, Exercise] = {}
        if kind in ("lessons", "puzzles"):
            known = lessons() if kind == "lessons" else trainer().puzzles
        if name not in known:
            raise LookupError(f"there is no exercise {name} of {kind}")
        return known[name]

    def about(act: Callable[[Exercise], Any]) -> Callable[[str, str], Any]:
        return lambda kind, name: answer(act(asked(kind, name)))

    def check(exercise: Exercise) -> Any:
        moves = sent(Tried).moves
        return exercise.check(walk(exercise, moves), moves)

    for name in ("learn", "puzzles"):
        routes.add_url_rule(f"/{name}", name, partial(flask.render_template, f"{name}.html", address=name))
    routes.add_url_rule("/api/lessons", "lessons", lambda: answer(all_lessons()))
    routes.add_url_rule("/api/puzzles", "all", lambda: answer(trainer().overview()))
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
