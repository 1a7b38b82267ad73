"""Game records: finished games move by move, made and verified by the readable rules in ``reference/``.

docs/records.md has the format. The record of a game is not what the JAX rules say about it: the reference plays the
game again, and both must agree at every decision. Nothing here runs a JAX program. Files are in :mod:`.record_files`.
"""

import zlib
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import boards, notation, reference
from ..env import Env
from ..reference.moves import is_slide
from ..reference.notation import FIELDS
from ..reference.position import Position, marker_count, territory
from ..reference.rounds import REQUIRED_ROUNDS
from ..rules.state import State
from .record_files import RECORD, check

ENGINE = "ringrift_jax"
TRUNCATED = "truncated"


class Disagreement(ValueError):
    """The reference and a game differ.

    Attributes:
      index: of the decision, or of the step of a record, from 0; their number when the end differs.
      what: differs.
      expected: what the reference has.
      found: what the game has instead.
    """

    def __init__(self, unit: str, index: int, what: str, expected: Any, found: Any):
        self.index, self.what, self.expected, self.found = index, what, expected, found
        super().__init__(f"{unit} {index}, {what}\n  game       {found}\n  reference  {expected}")


def record_game(
    env: Env,
    states: State,
    actions: Sequence[int] | np.ndarray,
    rewards: Sequence[float] | np.ndarray,
    *,
    id: str,
    models: Sequence[str],
    **provenance: Any,
) -> dict:
    """The record of a finished game.

    Args:
      env: of one of the published boards.
      states: NumPy arrays with leading axis ``[T]``, the position before each decision from the start of the game.
      actions: ``int[T]``, the decisions.
      rewards: ``float[n]`` by player at the end.
      id: names the game.
      models: by player, who or what played. Player i sits in seat i + 1; ``SWAP`` exchanges the first two.
      **provenance: more keys of the record, with values for JSON.

    Raises:
      Disagreement: the rules of the environment and the reference differ.
      ValueError: the arguments do not fit together.
    """
    _check_arguments(env, states, actions, rewards, models, provenance)
    pos = reference.new_game(env.board, env.swap_rule)
    start, steps = reference.state_string(pos), []
    seen = pos = _settle(pos, steps)
    for index, action in enumerate(actions):
        state = jax.tree.map(itemgetter(index), states)
        _compare_positions(env, seen, state, index)
        move = _move_of(env, state, int(action), seen, index)
        if is_slide(move):
            seen = reference.act(pos, move)
            continue
        step, pos = _play(pos, move)
        steps.append(step)
        seen = pos = _settle(pos, steps)
    result = _check_end(env, pos, len(actions), rewards)
    return _record(env.board, env.swap_rule, env.max_steps, start, steps, result, id, models, provenance)


def record_moves(
    board: boards.Board,
    moves: Sequence[str],
    *,
    id: str,
    models: Sequence[str],
    swap_rule: bool = False,
    **provenance: Any,
) -> dict:
    """The record of the game that these decisions make, finished or not; one that goes on is recorded as truncated.

    Args:
      board: one of the published boards.
      moves: the decisions in order, without the forced bookkeeping; a recovery is one move.
      id: names the game.
      models: by player, who or what played.
      swap_rule: whether the pie rule holds.
      **provenance: more keys of the record, with values for JSON.

    Raises:
      ValueError: a move is not legal, with the rule that forbids it, or is forced bookkeeping; the board is not a
        published one; there is not a model for each player.
    """
    _check_names(board, models, provenance)
    for number, move in enumerate(moves):
        if move.startswith("NO_"):
            raise ValueError(f"move {number} is {move}, which is forced; leave forced moves out")
    pos, steps = reference.new_game(board, swap_rule), []
    start = reference.state_string(pos)
    pos = _settle(pos, steps)
    for move in moves:
        step, pos = _play(pos, move)
        steps.append(step)
        pos = _settle(pos, steps)
    result = _result(pos)
    cap = len(moves) if result["winner"] is None else None
    return _record(board, swap_rule, cap, start, steps, result, id, models, provenance)


def _record(board, swap_rule, cap, start, steps, result, id, models, provenance) -> dict:
    return {
        "id": id,
        "board": board.name,
        "players": board.num_players,
        "swap_rule": swap_rule,
        "lps_rounds": REQUIRED_ROUNDS,
        "engine": ENGINE,
        "cap": cap,
        "models": list(models),
        **provenance,
        "s0": start,
        "steps": steps,
        "result": result,
    }


def verify(record: dict) -> None:
    """Replays a record: every step, with its legal moves and state string, and every field of the result.

    Raises:
      Disagreement: at the first difference.
      ValueError: it is not a record.
    """
    check(record)
    pos = reference.new_game(boards.standard(record["board"], record["players"]), record["swap_rule"])
    _compare("step", 0, "s0", reference.state_string(pos), record["s0"])
    for index, step in enumerate(record["steps"]):
        try:
            expected, after = _play(pos, step["m"])
        except ValueError as illegal:
            raise Disagreement("step", index, "m", illegal, step["m"]) from None
        if "L" in step:
            expected["L"] = list(reference.legal_moves(pos))
        for key, value in expected.items():
            _compare("step", index, key, value, step[key])
        pos = after
    result, steps = {"truncated": False} | record["result"], len(record["steps"])
    for key, value in ({"truncated": False} | _result(pos)).items():
        _compare("step", steps, f"{key} of the result", value, result[key])


def fingerprint(moves: Sequence[str]) -> str:
    """``h`` of a step: CRC-32 of the sorted legal moves."""
    return f"{zlib.crc32(chr(10).join(moves).encode()):08x}"


def _compare(unit: str, index: int, what: str, expected: Any, found: Any) -> None:
    if expected != found:
        raise Disagreement(unit, index, what, expected, found)


def _check_arguments(
    env: Env,
    states: State,
    actions: Sequence[int] | np.ndarray,
    rewards: Sequence[float] | np.ndarray,
    models: Sequence[str],
    provenance: dict[str, Any],
) -> None:
    _check_names(env.board, models, provenance)
    if len(actions) == 0 or any(len(leaf) != len(actions) for leaf in jax.tree.leaves(states)):
        raise ValueError(f"there are {len(actions)} actions; there must be at least 1, and a state before each")
    if len(rewards) != env.num_players:
        raise ValueError(f"there are {len(rewards)} rewards; there are {env.num_players} players")


def _check_names(board: boards.Board, models: Sequence[str], provenance: dict[str, Any]) -> None:
    if board != boards.standard(board.name, board.num_players):
        raise ValueError(f"board {board.name} is not the published one")
    if len(models) != board.num_players:
        raise ValueError(f"there are {len(models)} models; there are {board.num_players} players")
    taken = sorted(provenance.keys() & {*RECORD, "models"})
    if taken:
        raise ValueError(f"{', '.join(taken)} cannot be provenance: a record has these keys anyway")


def _play(pos: Position, move: str) -> tuple[dict[str, Any], Position]:
    """The step that a move is, and the position after it. ValueError, with the rule, when it is not legal."""
    after = reference.play(pos, move)
    legal = reference.legal_moves(pos)
    step = {
        "p": pos.seat,
        "ph": pos.phase,
        "m": move,
        "n": len(legal),
        "h": fingerprint(legal),
        "s": reference.state_string(after),
    }
    return step, after


def _settle(pos: Position, steps: list[dict[str, Any]]) -> Position:
    """Plays forced bookkeeping and adds its steps."""
    while len(legal := reference.legal_moves(pos)) == 1 and legal[0].startswith("NO_"):
        step, pos = _play(pos, legal[0])
        steps.append(step)
    return pos


def _compare_positions(env: Env, pos: Position, state: State, index: int) -> None:
    expected, found = reference.state_string(pos), notation.state_string(env, state)
    pairs = zip(FIELDS, expected.split("|"), found.split("|"), strict=True)
    fields = ", ".join(field for field, a, b in pairs if a != b)
    if fields:
        raise Disagreement("decision", index, f"state ({fields})", expected, found)
    lost = [pos.lost.get(seat, 0) for seat in pos.seats]
    _compare("decision", index, "seats exchanged", pos.swapped, bool(state.swapped))
    _compare("decision", index, "turn", pos.turn, int(state.turn))
    _compare("decision", index, "turns in which seats lost their last ring", lost, state.lost_turn.tolist())
    _compare("decision", index, "decisions made", index, int(state.steps))


def _move_of(env: Env, state: State, action: int, pos: Position, index: int) -> str:
    """The legal move that an action makes, ``R a>b`` for a slide. Disagreement when the reference has no such move.

    A name alone proves nothing, because an illegal action may get the name of a legal one; so it is encoded again.
    """
    legal = reference.legal_moves(pos)
    layout = env.layout
    if layout.regions <= action // layout.cells < layout.payment:
        # Naming a region runs a JAX program; its action says all but the size and further colours.
        names = [move for move in legal if move.startswith("T ")]
    else:
        names = _names(env, state, action)
    for name in names:
        slide = is_slide(name)
        moves = [move for move in legal if (move.startswith(f"{name} ") if slide else move == name)]
        if moves and notation.encode(env, state, moves[0])[0 if slide else -1] == action:
            return name
    why = reference.explain(pos, names[0]) if len(names) == 1 else f"one of {len(legal)} other moves is legal"
    raise Disagreement("decision", index, "move", why, f"action {action}, {' or '.join(names) or 'which is no move'}")


def _names(env: Env, state: State, action: int) -> list[str]:
    if not 0 <= action < env.num_actions:
        return []
    try:
        return notation.moves_of(env, state, [action])
    except LookupError:  # only legal actions are sure to have a name
        return []


def _check_end(env: Env, pos: Position, decisions: int, rewards: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """The result, once it is sure that the game has ended and that the rewards say so."""
    result = _result(pos)
    if result["winner"] is None and decisions != env.max_steps:
        raise Disagreement("decision", decisions, "end", "goes on", "has ended")
    expected = np.zeros(env.num_players, np.float32)
    if result["winner"] is not None:
        expected[:] = -1 / (env.num_players - 1)
        expected[2 - pos.winner if pos.swapped and pos.winner <= 2 else pos.winner - 1] = 1
    _compare("decision", decisions, "rewards by player", expected.tolist(), np.asarray(rewards, np.float32).tolist())
    return result


def _result(pos: Position) -> dict[str, Any]:
    """The result of a game that ends here; where the rules let it go on it is truncated."""
    found = reference.result(pos)
    lands, markers = territory(pos), marker_count(pos)
    hand_counts = pos.reason.startswith("stalemate")
    scores = [
        {
            "p": seat,
            "t": lands[seat],
            "e": pos.eliminated[seat] + (pos.hand[seat] if hand_counts else 0),
            "m": markers[seat],
            "x": pos.lost.get(seat),
        }
        for seat in pos.seats
    ]
    if found is None:
        return {"winner": None, "reason": TRUNCATED, "ranks": [1] * len(scores), "scores": scores, "truncated": True}
    return {"winner": found.winner, "reason": found.reason, "ranks": found.ranks, "scores": scores}


def played_decisions(env: Env, record: dict) -> tuple[list[State], list[int], list[int]]:
    """The decisions of a verified game: the states before each and after the last, the actions, and the number of each
    one's move in the record, from 1."""
    states, actions, numbers = [env.init()], [], []
    for number, step in enumerate(record["steps"], 1):
        if step["m"].startswith("NO_"):  # forced, and made by the step before
            continue
        for action in notation.actions_of(env, states[-1], step["m"]):
            actions.append(action)
            numbers.append(number)
            states.append(env.step(states[-1], jnp.int32(action)))
    return states, actions, numbers
