"""A game with its variations: a tree of moves from one position, by the readable rules."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from ringrift_jax import boards, reference
from ringrift_jax.reference.position import Position

from .messages import HUMAN, Choice, Message, Player, Rules, Seconds

ROOT = 0


class Found(Message):
    """What a review found of a position.

    Attributes:
      by: the program's name.
      simulations: of its search.
      chances: of winning, by seat; None from programs without a network.
      win: moves that win before the turn passes; none if none was found.
      line, choices: what is likely to follow, and the network's first choices, as in :class:`.Judged`.
    """

    by: str
    simulations: int
    chances: list[float] | None
    win: list[str]
    line: list[str] = []
    choices: list[Choice] = []


class Branch(Message):
    """A move of the tree.

    Attributes:
      parent: the node that it is made at; the root has none, which is -1, and no move.
      move: as text.
      found: of the position after it, in a review.
    """

    parent: int
    move: str
    found: Found | None = None


class Document(Message):
    """A study as its file holds it.

    Attributes:
      rules: the game and where it starts.
      seats: who sits where, before any swap.
      made: when it was begun.
      tree: the nodes; parents come before their children, and the first child of a node is its main continuation.
      at: the node that is shown.
      paused, pace: as in :class:`.Settings`.
      format: of the file.
    """

    rules: Rules
    seats: list[Player]
    made: str
    tree: list[Branch]
    at: int = ROOT
    paused: bool = False
    pace: Seconds = 0.4
    format: Literal[1] = 1


def begin(rules: Rules, seats: list[Player]) -> "Study":
    """A study without moves. ValueError when there is no such game."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Study(Document(rules, seats, made, [Branch(-1, "")]))


class Study:
    """A document with the positions of its nodes.

    Attributes:
      document: what is kept.
      board: the board.
    """

    def __init__(self, document: Document):
        """ValueError when the document is not a game by the rules."""
        rules = document.rules
        self.document = document
        self.board = boards.standard(rules.board, rules.players)
        if len(document.seats) != rules.players:
            raise ValueError(f"there are {len(document.seats)} players for {rules.players} seats")
        if not document.tree or (document.tree[0].parent, document.tree[0].move) != (-1, ""):
            raise ValueError("the tree must begin with its root")
        if rules.start is None:
            start = reference.new_game(self.board, rules.swap_rule)
        else:
            start = reference.from_state_string(self.board, rules.start.strip(), rules.swap_rule)
        self._positions = [reference.settle(start)]
        for branch in document.tree[1:]:
            if not 0 <= branch.parent < len(self._positions):
                raise ValueError(f"a move of the tree follows node {branch.parent}, which is not before it")
            self._positions.append(self._after(branch.parent, branch.move))
        self._check(document.at)

    @property
    def at(self) -> int:
        """The node that is shown."""
        return self.document.at

    def __len__(self) -> int:
        return len(self._positions)

    def position(self, node: int) -> Position:
        """The position of a node, after forced moves. ValueError when there is no such node."""
        return self._positions[self._check(node)]

    def children(self, node: int) -> list[int]:
        """The nodes that follow one, the main continuation first."""
        return [child for child, branch in enumerate(self.document.tree) if branch.parent == node]

    def path(self, node: int) -> list[int]:
        """The nodes from the root to this one, both included."""
        found = [self._check(node)]
        while found[-1] != ROOT:
            found.append(self.document.tree[found[-1]].parent)
        return found[::-1]

    def moves(self, node: int) -> list[str]:
        """The moves that lead to a node."""
        return [self.document.tree[other].move for other in self.path(node)[1:]]

    def main_line(self, node: int = ROOT) -> Iterator[int]:
        """A node and its main continuations."""
        while True:
            yield node
            following = self.children(node)
            if not following:
                return
            node = following[0]

    def seats(self, node: int) -> list[int]:
        """The seats of the players at a node, from 0. After a swap the first two sit in exchanged seats."""
        usual = list(range(len(self.document.seats)))
        return [1, 0] if self.position(node).swapped else usual

    def player(self, node: int) -> Player | None:
        """Who decides at a node; None when the game is over."""
        pos = self.position(node)
        return self.document.seats[self.seats(node).index(pos.seat - 1)] if pos.seat else None

    def program_to_move(self) -> Player | None:
        """The program that has to go on with the game at the end of a line, if one has to."""
        player = self.player(self.at)
        return player if player and player.name != HUMAN and not self.children(self.at) else None

    def play(self, node: int, move: str) -> int:
        """Makes a move at a node and shows what follows, which may be known already. ValueError, with the rule that
        forbids it, when it is not legal."""
        for child in self.children(self._check(node)):
            if self.document.tree[child].move == move:
                self.document.at = child
                return child
        after = self._after(node, move)
        self.document.tree.append(Branch(node, move))
        self._positions.append(after)
        self.document.at = len(self) - 1
        return self.at

    def follow(self, node: int, moves: Sequence[str]) -> Iterator[Position]:
        """The position of a node, and those after moves from there. ValueError at the first that is not legal."""
        pos = self.position(node)
        yield pos
        for move in moves:
            pos = _played(pos, move)
            yield pos

    def go(self, node: int) -> None:
        """Shows another node."""
        self.document.at = self._check(node)

    def remove(self, node: int) -> None:
        """Takes a node away with all that follows it. What was shown of it, the node before it shows."""
        if self._check(node) == ROOT:
            raise ValueError("the start cannot be removed; begin another game")
        tree, gone = self.document.tree, {node}
        for other in range(node + 1, len(tree)):
            if tree[other].parent in gone:
                gone.add(other)
        if self.at in gone:
            self.document.at = tree[node].parent
        kept = [other for other in range(len(tree)) if other not in gone]
        place = {old: new for new, old in enumerate(kept)} | {-1: -1}
        self.document.tree = [Branch(place[tree[old].parent], tree[old].move, tree[old].found) for old in kept]
        self._positions = [self._positions[old] for old in kept]
        self.document.at = place[self.at]

    def _check(self, node: int) -> int:
        if not 0 <= node < len(self._positions):
            raise ValueError(f"there is no node {node}; nodes are 0 to {len(self._positions) - 1}")
        return node

    def _after(self, node: int, move: str) -> Position:
        return _played(self._positions[node], move)


def _played(pos: Position, move: str) -> Position:
    if move.startswith("NO_"):
        raise ValueError(f"{move} is forced, and made by itself")
    return reference.settle(reference.play(pos, move))
