"""Everything that the page shows of a study, as plain values."""

import time
from typing import Any

from ringrift_jax import reference
from ringrift_jax.reference.position import OVER, Position

from .desk import Desk
from .effects import choices, contents, counts, effect
from .messages import HUMAN
from .study import ROOT, Study
from .words import task


def view(desk: Desk, id: str) -> dict[str, Any]:
    """What is shown of a study. LookupError when there is none."""
    with desk.lock:
        study, state = desk.look(id), desk.state(id)
        document, pos = study.document, study.position(study.at)
        do, why = task(pos)
        player = study.player(study.at)
        return {
            "version": desk.version,
            "id": id,
            "board": board_view(study.position(ROOT)),
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
            "analyst": desk.analyst(study).player.name,
            "analysis": state.found.get(study.at),
            "chances": {node: found.chances for node, found in state.found.items() if found.chances},
            "wins": {node: found.win for node, found in state.found.items() if found.win},
        }


def board_view(pos: Position) -> dict[str, Any]:
    """The board: its cells in cell order with their names, and what wins."""
    board, names = pos.board, pos.geometry.names
    return {
        "name": board.name,
        "shape": board.shape,
        "size": board.size,
        "seats": board.num_players,
        "cells": list(names),
        "names": list(names.values()),
        "rings": board.rings_per_player,
        "eliminated_to_win": board.ring_threshold,
        "territory_to_win": board.territory_minimum,
    }


def position_view(pos: Position) -> dict[str, Any]:
    """A position; ``contents`` is that of :func:`.effects.contents`."""
    return {
        "seat": pos.seat,
        "phase": pos.phase,
        "turn": pos.turn,
        "over": pos.phase == OVER,
        "winner": pos.winner,
        "contents": contents(pos),
        "counts": counts(pos),
        "focus": pos.focus,
        "slide": pos.slide,
        "text": reference.state_string(pos),
    }


def _branch(study: Study, node: int) -> dict[str, Any]:
    branch = study.document.tree[node]
    before = study.position(branch.parent) if node else None
    return {
        "parent": branch.parent,
        "move": branch.move,
        "seat": before.seat if before else 0,
        "turn": before.turn if before else 0,
    }


def _came(study: Study) -> dict[str, Any] | None:
    """The move that led to the node that is shown."""
    if study.at == ROOT:
        return None
    branch = study.document.tree[study.at]
    return came_view(study.position(branch.parent), branch.move)


def came_view(before: Position, move: str) -> dict[str, Any]:
    """A move that was made, and what it did."""
    return {"move": move, "seat": before.seat, "phase": before.phase, **effect(before, move, to_mover=False)}


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
