"""A recorded game for a page without a kernel or a server: everything that is shown of it, in advance."""

from typing import Any

from .sources import tree_of
from .views import board_view


def replay(record: dict) -> dict[str, Any]:
    """What ``static/replay.js`` takes: the board, the moves, and what is shown after each. It can be stepped through,
    and no more.

    Args:
      record: docs/records.md has the format.

    Raises:
      ValueError: it is none, or a move is not legal.
    """
    tree = tree_of(record)
    views = [tree.view(node) | {"choices": [], "task": None} for node in range(len(tree))]
    return {"board": board_view(tree.position(0).board), "tree": tree.branches(), "views": views}
