"""The widget itself. The browser draws ``board``, ``tree`` and ``view`` and sends what a person wants."""

from typing import Any

import anywidget
import msgspec
import traitlets

from .. import reference
from ..env import make
from ..notation.states import from_state_string
from ..reference.position import Position
from ..render.board import for_notebook
from ..rules.state import State
from .bundle import one_module, one_style
from .tree import MoveTree
from .views import board_view


class _Message(msgspec.Struct, forbid_unknown_fields=True, tag_field="ask", tag=str.lower):
    """What the browser sends."""


class Go(_Message):
    """Shows a node."""

    node: int


class Play(_Message):
    """Makes a move at the node that is shown."""

    move: str


class Effect(_Message):
    """Asks what a move would do."""

    move: str


class Why(_Message):
    """Asks why a cell cannot be chosen after ``origin``, if that was."""

    cell: int
    origin: int | None = None


class BoardWidget(anywidget.AnyWidget):
    """A tree of moves in a notebook.

    Attributes:
      moves: those from the start to what is shown. Setting them plays or finds them: TraitError, with the reason, when
        one is not legal.
      board, tree, view: what the browser draws (:mod:`.views`, :mod:`.tree`).
    """

    _esm = one_module()
    _css = one_style()

    board = traitlets.Dict(read_only=True).tag(sync=True)
    tree = traitlets.List(read_only=True).tag(sync=True)
    view = traitlets.Dict(read_only=True).tag(sync=True)
    moves = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, tree: MoveTree):
        super().__init__()
        self._tree = tree
        self.set_trait("board", board_view(self.position.board))
        self._show()
        self.on_msg(self._heard)

    @property
    def position(self) -> Position:
        """What is shown, by the readable rules."""
        return self._tree.position(self._tree.follow(self.moves))

    @property
    def state(self) -> State:
        """What is shown, as a state; ``notation.from_state_string`` says what it does not carry."""
        pos = self.position
        return from_state_string(make(pos.board, swap_rule=pos.swap_rule), reference.state_string(pos))

    @traitlets.validate("moves")
    def _legal(self, proposal: Any) -> list[str]:
        try:
            self._tree.follow(proposal.value)
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None
        return proposal.value

    @traitlets.observe("moves")
    def _moved(self, change: Any) -> None:
        self._show()

    def _show(self) -> None:
        with self.hold_sync():
            self.set_trait("tree", self._tree.branches())
            self.set_trait("view", self._tree.view(self._tree.follow(self.moves)))

    def _heard(self, widget: Any, content: Any, buffers: Any) -> None:
        """Does what the browser asks, or tells it why not. An answer has the node and what was asked."""
        try:
            at = self._tree.follow(self.moves)
            match msgspec.convert(content, Go | Play | Effect | Why):
                case Go(node):
                    self.moves = self._tree.moves(node)
                case Play(move):
                    self.moves = self._tree.moves(self._tree.play(at, move))
                case Effect(move):
                    self.send({"at": at, "asked": content, "told": self._tree.effect(at, move)})
                case Why(cell, origin):
                    self.send({"at": at, "asked": content, "told": self._tree.why_not(at, cell, origin)})
        except ValueError as problem:
            self.send({"problem": str(problem)})

    def __repr__(self) -> str:
        return f"BoardWidget of {self.position.board.name} after {self.moves}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Where there is no kernel, a picture."""
        data, metadata = super()._repr_mimebundle_(**kwargs)  # pyright: ignore[reportGeneralTypeIssues]
        picture = for_notebook(self._tree.picture(self._tree.follow(self.moves)), self.position.board)
        return {**data, "text/html": picture}, metadata
