"""The exact solver against plain minimax, and the games it is used on."""

import random

import pytest
from random_play import random_moves

from ringrift_jax import boards, reference
from ringrift_jax.reference.solve import Solver, solve


def minimax(pos: reference.Position, seat: int) -> bool:
    """Whether the seat wins, by playing out every canonical move; nothing is remembered."""
    if result := reference.result(pos):
        return result.winner == seat
    outcomes = (minimax(reference.play(pos, move), seat) for move in reference.legal_moves(pos))
    return any(outcomes) if pos.seat == seat else all(outcomes)


def test_solver_equals_minimax() -> None:
    board = boards.custom("square", 3, 1)
    for seed in range(30):
        game = [pos for pos, _, _ in random_moves(reference.new_game(board), random.Random(seed))]
        pos = reference.settle(game[random.Random(seed).randrange(len(game) // 2, len(game))])
        if pos.winner:
            continue
        assert solve(pos) == (1 if minimax(pos, pos.seat) else -1)


def test_action_values_are_the_values_of_what_follows() -> None:
    board = boards.custom("hex", 3, 2)
    solver = Solver()
    pos = reference.settle(reference.new_game(board))
    rng, both = random.Random(0), 0
    while reference.actions(pos):
        values = solver.action_values(pos)
        assert tuple(values) == reference.actions(pos)
        assert max(values.values()) == solver.solve(pos)
        both += len(set(values.values())) == 2
        best = [action for action, value in values.items() if value == solver.solve(pos)]
        after = reference.act(pos, rng.choice(best))
        if after.winner:
            assert (after.winner == pos.seat) == (solver.solve(pos) == 1)
        else:
            assert solver.solve(after) == (solver.solve(pos) if after.seat == pos.seat else -solver.solve(pos))
        pos = after
    assert both > 0, "some decision matters"


@pytest.mark.parametrize(("shape", "rings"), [("square", 1), ("hex", 1), ("hex", 2), ("square", 2)])
def test_the_first_player_loses_the_smallest_games(shape: boards.Shape, rings: int) -> None:
    solver = Solver()
    assert solver.solve(reference.new_game(boards.custom(shape, 3, rings))) == -1
    assert len(solver.values) < 50_000


def test_what_cannot_be_solved_is_refused() -> None:
    with pytest.raises(ValueError, match="two players"):
        solve(reference.new_game(boards.custom("square", 3, 1, num_players=3)))
    with pytest.raises(ValueError, match="pie rule"):
        solve(reference.new_game(boards.custom("square", 3, 1), swap_rule=True))
