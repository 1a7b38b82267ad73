"""Perft of the reference against numbers that can be counted by hand, and against plain enumeration."""

import positions
import pytest

from ringrift_jax import boards, reference
from ringrift_jax.reference.position import Position


def enumerate_games(pos: Position, depth: int) -> int:
    """Sequences of ``depth`` decisions, a recovery counted as one, by playing canonical moves from strings."""
    if depth == 0:
        return 1
    pos = reference.settle(pos)
    text = reference.state_string(pos)
    again = reference.from_state_string(pos.board, text)
    return sum(enumerate_games(reference.play(again, move), depth - 1) for move in reference.decisions(again))


def test_the_start_of_a_small_board() -> None:
    """3x3, two rings each: one ring fits nine cells; two rings the eight whose longest ray has length 2."""
    board = boards.custom("square", 3, 2)
    first = [len(ray) for rays in reference.new_game(board).geometry.rays.values() for ray in rays]
    after_one, after_two = sum(first), sum(max(0, length - 1) for length in first)
    assert reference.perft(reference.new_game(board), 2) == [9 + 8, after_one + after_two]


@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_the_first_turn(name: str, num_players: int) -> None:
    """Every cell takes 1, 2 or 3 rings, and a stack of height H reaches every cell at least H away on a free ray."""
    pos = reference.new_game(boards.standard(name, num_players))
    reaches = [len(ray) for rays in pos.geometry.rays.values() for ray in rays]
    moves = sum(max(0, reach - height + 1) for reach in reaches for height in (1, 2, 3))
    assert reference.perft(pos, 2) == [3 * pos.board.num_cells, moves]


def test_rare_positions_against_enumeration() -> None:
    board = boards.standard("square8")
    for name, text in positions.built_positions(board).items():
        pos = reference.from_state_string(board, text)
        legal = reference.legal_moves(pos)
        if len(legal) > 40 or any(move.startswith("R ") for move in legal):
            continue
        assert reference.perft(pos, 2) == [len(legal), enumerate_games(pos, 2)], name


def test_a_recovery_is_two_actions() -> None:
    board = boards.standard("square8")
    pos = reference.from_state_string(board, positions.built_positions(board)["recovery_windows"])
    legal = reference.legal_moves(pos)
    slides = {move.rsplit(" ", 2)[0] for move in legal if move.startswith("R ")}
    completions = len(legal) - 1
    after_skip = len(reference.decisions(reference.play(pos, "SKIP_RECOVERY")))
    assert len(slides) > 1
    assert reference.perft(pos, 2) == [len(slides) + 1, completions + after_skip]
    pending = reference.from_state_string(board, positions.built_positions(board)["recovery_slide_pending"])
    assert reference.perft(pending, 1) == [len(reference.legal_moves(pending))]


def test_a_finished_game_has_no_successors() -> None:
    board = boards.standard("square8")
    pos = reference.from_state_string(board, positions.built_positions(board)["stalemate_markers"])
    assert reference.perft(pos, 3) == [1, 0, 0]
