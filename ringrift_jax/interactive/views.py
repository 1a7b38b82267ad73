"""Boards and positions as plain values, as what draws them in a browser takes them."""

from typing import Any

from .. import reference
from ..boards import Board
from ..reference.geometry import geometry
from ..reference.position import OVER, Position
from .effects import contents, counts, effect


def board_view(board: Board) -> dict[str, Any]:
    """The board: its cells in cell order with their names, and what wins."""
    names = geometry(board).names
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


def branch_view(parent: int, move: str, before: Position | None) -> dict[str, Any]:
    """A node of a tree of moves: the number of the one before it, -1 at the root, and the move that leads from there,
    with who makes it in which turn. ``before``: the position of that one; None at the root."""
    seat, turn = (before.seat, before.turn) if before else (0, 0)
    return {"parent": parent, "move": move, "seat": seat, "turn": turn}


def came_view(before: Position, move: str) -> dict[str, Any]:
    """A move that was made, and what it did."""
    return {"move": move, "seat": before.seat, "phase": before.phase, **effect(before, move, to_mover=False)}
