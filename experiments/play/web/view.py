"""Everything that the page shows of a study, as plain values."""

import time
from contextlib import suppress
from itertools import islice
from typing import Any

from ringrift_jax.interactive.effects import choices, contents, effect
from ringrift_jax.interactive.views import board_view, branch_view, came_view, position_view
from ringrift_jax.interactive.words import task

from .desk import Desk
from .messages import HUMAN
from .review import Review
from .study import ROOT, Study


def view(desk: Desk, id: str) -> dict[str, Any]:
    """What is shown of a study. LookupError when there is none."""
    with desk.lock:
        study, state = desk.look(id), desk.state(id)
        document, pos = study.document, study.position(study.at)
        do, why = task(pos)
        player, analyst = study.player(study.at), desk.analyst(study).player.name
        review = Review(study, state.found)
        return {
            "version": desk.version,
            "id": id,
            "board": board_view(study.board),
            "swap_rule": document.rules.swap_rule,
            "players": [{"name": player.name, "human": player.name == HUMAN} for player in document.seats],
            "tree": [_branch(study, node) for node in range(len(study))],
            "at": study.at,
            "position": position_view(pos),
            "came": _came(study),
            "task": {"do": do, "why": why},
            "choices": [] if state.asked else choices(pos),
            "human": bool(player and player.name == HUMAN),
            "program": _program(desk, study, id),
            "paused": document.paused,
            "pace": document.pace,
            "analysing": state.analysing,
            "analyst": analyst,
            "analysis": state.found.get(study.at),
            "chances": review.chances,
            "marks": review.marks,
            "judged": review.says(study.at),
            "reviewing": state.reviewing,
            "review": review.summary(analyst),
        }


def line_view(study: Study, node: int, moves: list[str]) -> list[dict[str, Any]]:
    """The positions after moves from a node on, as far as they are legal."""
    shown, before = [], study.position(node)
    with suppress(ValueError):
        for move, after in zip(moves, islice(study.follow(node, moves), 1, None), strict=True):
            told = effect(before, move, to_mover=False)
            changed = list(told["after"])
            shown.append({"seat": before.seat, "contents": contents(after), "changed": changed, "says": told["says"]})
            before = after
    return shown


def _branch(study: Study, node: int) -> dict[str, Any]:
    branch = study.document.tree[node]
    return branch_view(branch.parent, branch.move, study.position(branch.parent) if node else None)


def _came(study: Study) -> dict[str, Any] | None:
    """The move that led to the node that is shown."""
    if study.at == ROOT:
        return None
    branch = study.document.tree[study.at]
    return came_view(study.position(branch.parent), branch.move)


def _program(desk: Desk, study: Study, id: str) -> dict[str, Any] | None:
    running = desk.waited_for(id, study)
    if running is None:
        return None
    return {
        "name": running.name,
        "stage": running.stage,
        "seconds": round(time.monotonic() - running.since),
        "thinking": desk.state(id).asked is not None and not running.stage,
        "problem": running.problem,
    }
