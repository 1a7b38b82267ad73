"""``rr.widget``: a board to click in a notebook."""

from typing import Any

from .sources import tree_of


def widget(shown: Any, *, swap_rule: bool = False) -> Any:
    """A state, a game or a search in a notebook, to be clicked through; the rules are answered by the kernel.

    Cells that begin a legal move have dots. Pointing at one shows what the move would do, on the board and in words,
    and choosing it plays; another move than that of the game is a variation. A game has a slider, arrow keys and
    "play". A search shows the moves that it has looked at with visits, chances and what it expects to follow, which is
    drawn on the board too; choosing a move goes down its tree.

    Args:
      shown: a ``State`` or a ``reference.Position``; a sequence of them, or a ``State`` with one leading axis, where
        each is a decision after the one before; a record (docs/records.md has the format); a ``SearchResult``, or a
        node of one (``render.search_nodes``).
      swap_rule: the pie rule holds, where ``shown`` does not say so itself.

    Returns:
      a :class:`.board_widget.BoardWidget`; its ``moves`` can be read and set, its ``state`` and ``position`` read.

    Raises:
      ModuleNotFoundError: there is no anywidget.
      TypeError: nothing of all this.
      ValueError: the states are not those of one game, or the record has a move that is not legal.
    """
    try:
        from .board_widget import BoardWidget
    except ModuleNotFoundError as problem:
        if problem.name != "anywidget":
            raise
        raise ModuleNotFoundError(
            "a widget needs anywidget: pip install anywidget, or this package with its extra [notebooks]",
            name="anywidget",
        ) from None
    return BoardWidget(tree_of(shown, swap_rule))
