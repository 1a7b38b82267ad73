"""Moves from one position, with variations, and what is shown of each position: as plain values for a browser."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import reference
from ..reference.moves import ends, parse_move
from ..reference.position import Position
from ..render.board import legend, position_svg
from ..render.tree import TreeNode
from .effects import check_legal, checked_effect, choices
from .views import branch_view, came_view, position_view
from .words import task, why_not

ROOT = 0
LINE = 8
"""Moves of a principal line that are drawn on the board."""


@dataclass
class Node:
    """A position of the tree.

    Attributes:
      parent: the node before it, -1 at the root.
      move: the move that leads here; empty at the root.
      position: settled.
      found: what a search found here, if one has been here.
      children: the nodes that follow, the main continuation first.
    """

    parent: int
    move: str
    position: Position
    found: TreeNode | None = None
    children: list[int] = field(default_factory=list)


class MoveTree:
    """Grows by what is played, and by what is asked of a search below its root.

    Args:
      start: the position of the root.
      found: a search of it, whose principal line is the main line.
      names: who plays, by player.
    """

    def __init__(self, start: Position, found: TreeNode | None = None, names: Sequence[str] = ()):
        self.nodes = [Node(-1, "", reference.settle(start), found)]
        self.names = names
        if found:
            at = ROOT
            for below in found.principal_line()[1:]:
                at = self.play(at, below.move)

    def __len__(self) -> int:
        return len(self.nodes)

    def position(self, at: int) -> Position:
        """ValueError when there is no such node."""
        return self._node(at).position

    def _node(self, at: int) -> Node:
        if not 0 <= at < len(self.nodes):
            raise ValueError(f"there is no node {at}; the last one is {len(self.nodes) - 1}")
        return self.nodes[at]

    def play(self, at: int, move: str) -> int:
        """The node after a move, be it new or not. ValueError, with the reason, when the move is not legal.

        A recovery is one move, or the two actions of the environment: its slide ``R a>b`` and then the whole.
        """
        node = self._node(at)
        for child in node.children:
            if self.nodes[child].move == move:
                return child
        pos = node.position
        check_legal(pos, move)
        below = node.found.children if node.found else []
        found = next((child for child in below if child.move == move), None)
        self.nodes.append(Node(at, move, reference.act(pos, move), found))
        node.children.append(len(self.nodes) - 1)
        return node.children[-1]

    def effect(self, at: int, move: str) -> dict[str, Any]:
        """What a move would do (:func:`.effects.checked_effect`)."""
        return checked_effect(self.position(at), move)

    def why_not(self, at: int, cell: int, origin: int | None = None) -> str:
        """Why a cell cannot be chosen at a node (:func:`.words.why_not`)."""
        return why_not(self.position(at), cell, origin)

    def follow(self, moves: Sequence[str]) -> int:
        """The node after these moves from the root. ValueError, with the reason, when one is not legal."""
        at = ROOT
        for number, move in enumerate(moves, 1):
            try:
                at = self.play(at, move)
            except ValueError as problem:
                raise ValueError(f"move {number}: {problem}") from None
        return at

    def moves(self, at: int) -> list[str]:
        """The moves from the root to a node."""
        found = []
        while at != ROOT:
            node = self._node(at)
            found.append(node.move)
            at = node.parent
        return found[::-1]

    def branches(self) -> list[dict[str, Any]]:
        """All nodes with their moves and who made them in which turn."""
        return [
            branch_view(node.parent, node.move, self.nodes[node.parent].position if node.move else None)
            for node in self.nodes
        ]

    def view(self, at: int, to_choose: bool = True) -> dict[str, Any]:
        """What is shown of a node; ``to_choose``: also what one may do, and the moves."""
        node = self._node(at)
        told = task(node.position) if to_choose else None
        return {
            "at": at,
            "task": told and {"do": told[0], "why": told[1]},
            "position": position_view(node.position),
            "legend": self._legend(node.position),
            "choices": choices(node.position) if to_choose else [],
            "came": came_view(self.nodes[node.parent].position, node.move) if node.move else None,
            "analysis": self._analysis(node) if node.found and node.found.children else None,
            "line": self._line(node),
        }

    def picture(self, at: int) -> str:
        """A node as SVG: with the move that led there, or with the visits of the moves that a search has looked at."""
        node = self._node(at)
        if node.found and node.found.children:
            visits = {child.move: child.visits / (node.found.visits - 1) for child in node.found.children}
            return position_svg(node.position, weights=visits, caption="visits, in per cent")
        if node.move:
            return position_svg(node.position, previous=self.position(node.parent), move=node.move, caption=node.move)
        return position_svg(node.position)

    def _legend(self, pos: Position) -> list[tuple[int, str]]:
        lines = legend(pos)
        for index, seat in enumerate(pos.seats if self.names else ()):
            player = 2 - seat if pos.swapped and seat <= 2 else seat - 1
            text = lines[index][1].replace(f"seat {seat}:", f"seat {seat}, {self.names[player]}:", 1)
            lines[index] = seat, text
        return lines

    def _analysis(self, node: Node) -> dict[str, Any]:
        """What a search thinks of the moves; values are those of the seat that decides at its root."""
        assert node.found
        return {
            "simulations": node.found.visits - 1,
            "seat": self.nodes[ROOT].position.seat,
            "candidates": [
                {
                    "move": child.move,
                    "line": [below.move for below in child.principal_line()],
                    "visits": child.visits,
                    "value": child.value,
                    "prior": child.prior,
                    "score": None,
                }
                for child in node.found.children
            ],
        }

    def _line(self, node: Node) -> list[list[int]]:
        """The principal line from here as arrows of two cells, or one cell; nothing for moves without cells."""
        drawn = []
        for below in node.found.principal_line()[1 : LINE + 1] if node.found else ():
            move = parse_move(node.position.board, below.move)
            drawn.append(list(ends(move) or move.cells[:1]))
        return drawn
