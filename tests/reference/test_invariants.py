"""Random games from the start, with every invariant checked at every move."""

import random

import pytest
from random_play import check_random_game

from ringrift_jax import boards, reference

GAMES = {"square8": 6, "hex8": 6, "square19": 1, "hexagonal": 1}


@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_random_games(name: str, num_players: int) -> None:
    board = boards.standard(name, num_players)
    for seed in range(GAMES[name]):
        last = check_random_game(reference.new_game(board), random.Random(f"{name} {num_players} {seed}"))
        result = reference.result(last)
        assert result is not None and result.ranks[result.winner - 1] == 1


@pytest.mark.parametrize(
    "board",
    [
        boards.custom("square", 2, 1, line_length=2),
        boards.custom("square", 3, 2),
        boards.custom("hex", 3, 3, num_players=3),
        boards.custom("square", 5, 6, num_players=4),
        boards.custom("hex", 7, 9),
    ],
    ids=lambda board: board.name,
)
def test_random_games_on_custom_boards(board: boards.Board) -> None:
    for seed in range(20):
        check_random_game(reference.new_game(board), random.Random(f"{board.name} {seed}"))


def test_random_games_with_the_pie_rule() -> None:
    board = boards.standard("square8")
    swapped = 0
    for seed in range(4):
        pos = reference.new_game(board, swap_rule=True)
        while not pos.swap_available():
            pos = reference.play(pos, random.Random(seed).choice(reference.legal_moves(pos)))
        assert "SWAP" in reference.legal_moves(pos)
        after = reference.play(pos, "SWAP")
        assert (after.seat, after.phase, after.hand) == (2, "place", pos.hand)
        assert set(reference.legal_moves(pos)) - set(reference.legal_moves(after)) == {"SWAP"}
        swapped += check_random_game(after, random.Random(seed)).swapped
    assert swapped == 4
