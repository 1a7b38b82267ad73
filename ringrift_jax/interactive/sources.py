"""Trees of moves from what a person has: a state, a game as states or as a record, or a search."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import jax
import msgspec

from .. import boards, reference
from ..env import Env, make
from ..notation.states import on_host, state_string
from ..reference.moves import parse_move
from ..reference.position import OVER, Position
from ..render.board import position_of
from ..render.tree import TreeNode, search_nodes
from ..rules.state import State
from ..search.tree import SearchResult
from .effects import contents
from .tree import MoveTree


class _Step(msgspec.Struct):
    m: str


class _Record(msgspec.Struct):
    """What is needed of a record (records section 4)."""

    board: str
    players: int
    swap_rule: bool
    steps: list[_Step]
    models: list[str] = []


def tree_of(shown: Any, swap_rule: bool = False) -> MoveTree:
    """The tree of what :func:`.widget.widget` takes, with its errors."""
    match shown:
        case State() if shown.phase.ndim == 1:
            host = on_host(shown)
            return _game([jax.tree.map(itemgetter(i), host) for i in range(len(host.phase))], swap_rule)
        case State() if shown.phase.ndim:
            raise ValueError(
                f"the state has the leading axes {shown.phase.shape}; one, of a game's states, is possible"
            )
        case State() | Position():
            return MoveTree(_position(shown, swap_rule))
        case SearchResult():
            state = shown.tree.embeddings.state
            return tree_of(search_nodes(Env(state.board, swap_rule), shown), swap_rule)
        case TreeNode():
            return MoveTree(_position(shown.state, swap_rule), shown)
        case dict():
            return _recorded(shown)
        case [_, *_]:
            return _game(shown, swap_rule)
    raise _not_shown(shown)


def _not_shown(shown: Any) -> TypeError:
    name = "an empty sequence" if isinstance(shown, Sequence) and not shown else type(shown).__name__
    return TypeError(
        f"{name} cannot be shown; a State, a Position, a sequence of them, a record, a SearchResult or a TreeNode can"
    )


def _position(shown: State | Position, swap_rule: bool) -> Position:
    if isinstance(shown, Position):
        return shown
    if not isinstance(shown, State):
        raise _not_shown(shown)
    pos = position_of(shown)
    if pos.phase == OVER:  # a text does not say who has won
        return pos
    return reference.from_state_string(
        shown.board, state_string(make(shown.board, swap_rule=swap_rule), shown), swap_rule
    )


def _recorded(record: dict) -> MoveTree:
    try:
        game = msgspec.convert(record, _Record)
    except msgspec.ValidationError as problem:
        raise ValueError(f"this is no record of a game: {problem}") from None
    board = boards.standard(game.board, game.players)
    if game.models and len(game.models) != game.players:
        raise ValueError(f"the record has {len(game.models)} models for {game.players} players")
    tree = MoveTree(reference.new_game(board, game.swap_rule), names=game.models)
    tree.follow([step.m for step in game.steps if not step.m.startswith("NO_")])  # those are forced, and no decisions
    return tree


def _game(states: Sequence[State | Position], swap_rule: bool) -> MoveTree:
    """The tree whose main line goes through all states, each a decision after the one before."""
    positions = [_position(state, swap_rule) for state in states]
    tree, at = MoveTree(positions[0]), 0
    for number, after in enumerate(positions[1:], 1):
        before = tree.position(at)
        move = _move_between(before, after)
        if move is not None:
            at = tree.play(at, move)
        elif before.phase != OVER or reference.state_string(before) != reference.state_string(after):
            raise ValueError(
                f"no move leads from state {number - 1} to state {number}; the states must be those of one game, each "
                "a decision after the one before"
            )
    return tree


def _move_between(before: Position, after: Position) -> str | None:
    if before.board != after.board:
        return None
    one, two = contents(before), contents(after)
    changed = {cell for cell in one.keys() | two.keys() if one.get(cell) != two.get(cell)}
    wanted = reference.state_string(after)
    for move in reference.actions(before):
        cells = parse_move(before.board, move).cells
        if (not cells or not changed or changed.intersection(cells)) and (
            reference.state_string(reference.act(before, move)) == wanted
        ):
            return move
    return None
