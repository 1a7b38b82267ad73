"""Boards and positions as plain values, as what draws them in a browser takes them."""

from typing import Any

from .. import reference
from ..boards import Board
from ..reference.geometry import geometry
from ..reference.position import OVER, Position
from .effects import contents, counts


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
