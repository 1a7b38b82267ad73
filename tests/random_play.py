"""Random games of the reference, and what must hold at each of their moves."""

import random
from collections.abc import Iterator

from ringrift_jax import reference
from ringrift_jax.reference.position import Position, marker_count, territory

GROWING = ("M", "C", "K", "R", "L", "EL", "T", "ET", "ER", "FE")


def random_moves(pos: Position, rng: random.Random, limit: int = 10_000) -> Iterator[tuple[Position, str, Position]]:
    """Position, uniformly random canonical move and the position after it, to the end of the game or the limit."""
    for _ in range(limit):
        legal = reference.legal_moves(pos)
        if not legal:
            return
        move = rng.choice(legal)
        after = reference.play(pos, move)
        yield pos, move, after
        pos = after
    assert limit < 10_000, f"a game goes on after {limit} moves: {reference.state_string(pos)}"


def rings(pos: Position, seat: int) -> int:
    """Rings of a colour in hand and on the board."""
    return pos.hand[seat] + sum(stack.count(seat) for stack in pos.stacks.values())


def total_rings(pos: Position) -> int:
    return sum(rings(pos, seat) for seat in pos.seats) + sum(pos.eliminated.values())


def progress(pos: Position) -> int:
    """Markers + 2 x collapsed + eliminated: the number that makes every game end."""
    return len(pos.markers) + 2 * len(pos.collapsed) + sum(pos.eliminated.values())


def check_position(pos: Position) -> None:
    held = [c for kind in (pos.stacks, pos.markers, pos.collapsed) for c in kind]
    assert len(held) == len(set(held)) and set(held) <= set(pos.geometry.cells), "a cell holds two things"
    assert all(0 < len(stack) <= pos.board.max_height for stack in pos.stacks.values()), "a stack is empty or too high"
    assert min(pos.hand.values()) >= 0
    text = reference.state_string(pos)
    again = reference.from_state_string(pos.board, text, pos.swap_rule)
    assert reference.state_string(again) == text
    assert reference.legal_moves(again) == reference.legal_moves(pos)
    assert bool(reference.legal_moves(pos)) == (reference.result(pos) is None), "only a finished game has no moves"
    assert len(set(reference.legal_moves(pos))) == len(reference.legal_moves(pos)), "a move is listed twice"


def check_move(before: Position, text_before: str, move: str, after: Position) -> None:
    """``text_before``: the state string taken before the move was played."""
    assert reference.state_string(before) == text_before, f"{move} changed the position it was played in"
    kind = move.split()[0]
    assert total_rings(after) == total_rings(before), f"{move} made or lost a ring"
    for seat in before.seats:
        assert rings(after, seat) <= rings(before, seat), f"{move} gave seat {seat} a ring"
        assert after.eliminated[seat] >= before.eliminated[seat]
        assert territory(after)[seat] >= territory(before)[seat]
        credited = after.eliminated[seat] > before.eliminated[seat] or territory(after)[seat] > territory(before)[seat]
        assert seat == before.seat or not credited, f"{move} credited seat {seat}"
    if kind in GROWING:
        assert progress(after) > progress(before), f"{move} made no progress"
    else:
        assert progress(after) == progress(before)
        assert marker_count(after) == marker_count(before)
    if kind == "P":
        assert all(legal.startswith(("M ", "C ")) for legal in reference.legal_moves(after)), f"{move} was dead"


def check_random_game(pos: Position, rng: random.Random, limit: int = 10_000) -> Position:
    """Play and check a random game; the last position."""
    check_position(pos)
    text = reference.state_string(pos)
    for before, move, after in random_moves(pos, rng, limit):
        check_move(before, text, move, after)
        check_position(after)
        pos, text = after, reference.state_string(after)
    return pos
