"""The built positions, and what the rules make of them on every board."""

import random
from functools import cache

import positions
import pytest
from corridors import SHAPES, with_outpost
from random_play import check_random_game

from ringrift_jax import boards, reference
from ringrift_jax.reference.geometry import geometry
from ringrift_jax.reference.position import Position, controls_stack, territory

CONFIGURATIONS = [boards.standard(name, n) for name in boards.BOARD_NAMES for n in (2, 3, 4)]
every_board = pytest.mark.parametrize("board", CONFIGURATIONS, ids=lambda b: f"{b.name}-{b.num_players}p")


built_positions = cache(positions.built_positions)


def load(board: boards.Board, name: str) -> Position:
    return reference.from_state_string(board, built_positions(board)[name])


def region_moves(pos: Position) -> list[str]:
    return [move for move in reference.legal_moves(pos) if move.startswith("T ")]


@every_board
def test_random_play_from_every_position(board: boards.Board) -> None:
    for name, text in built_positions(board).items():
        pos = reference.from_state_string(board, text)
        assert reference.settle(pos) is pos and reference.legal_moves(pos), f"{name} is not a decision"
        check_random_game(pos, random.Random(f"{board.name} {name}"), limit=24 if board.size < 10 else 8)


@pytest.mark.parametrize("board", CONFIGURATIONS[:3] + CONFIGURATIONS[6:9], ids=lambda b: f"{b.name}-{b.num_players}p")
def test_random_games_from_every_position_end(board: boards.Board) -> None:
    for name, text in built_positions(board).items():
        pos = reference.from_state_string(board, text)
        rng = random.Random(f"{board.name} {name}")
        while not reference.result(pos):
            pos = reference.play(pos, rng.choice(reference.legal_moves(pos)))


@every_board
@pytest.mark.parametrize("shape", SHAPES)
def test_a_corridor_is_one_region(board: boards.Board, shape: str) -> None:
    corridor, end = with_outpost(board, SHAPES[shape](board))
    first = board.cell_name(min(corridor))
    for walls, border in (("collapsed", "0"), ("markers", "2"), ("mixed", "1")):
        pos = load(board, f"{shape}_{walls}")
        move = f"T {first} {len(corridor)} b{border}"
        assert move in region_moves(pos)
        after = reference.play(pos, move)
        assert corridor <= {c for c, owner in after.collapsed.items() if owner == 1}
        inside = sum(len(stack) for c, stack in pos.stacks.items() if c in corridor)
        assert after.eliminated[1] == pos.eliminated[1] + inside
        assert reference.legal_moves(after) == (f"ET {board.cell_name(end)}",)


@every_board
@pytest.mark.parametrize("shape", ("serpentine", "spiral"))
def test_a_border_chain_collapses_where_borders_close(board: boards.Board, shape: str) -> None:
    pos = load(board, f"closure_{shape}")
    first = board.cell_name(geometry(board).cells[0])
    after = reference.play(pos, f"T {first} 1 b2")
    collapsed = len(pos.markers) - len(after.markers)
    assert len(pos.markers) > 2 * board.size
    assert collapsed == (len(pos.markers) if board.border_closure else 1)
    assert territory(after)[1] == territory(pos)[1] + 1 + collapsed


@every_board
def test_a_region_of_every_border(board: boards.Board) -> None:
    inside, around = positions.corner(board)
    first, n = board.cell_name(inside[0]), board.num_players
    everyone = "".join(str(colour) for colour in range(n + 1))
    expected = {f"region_border_{c}": str(c) for c in range(1, n + 1)}
    expected |= {"region_border_none": "0", "region_borders_all": everyone}
    for name, digits in expected.items():
        pos = load(board, name)
        assert region_moves(pos) == [f"T {first} {len(inside)} b{digits}"]
        after = reference.play(pos, region_moves(pos)[0])
        taken = len(inside) + sum(c in pos.markers for c in around)
        assert territory(after)[1] == territory(pos)[1] + taken
    assert len(region_moves(load(board, "region_of_own_stack"))) == 2
    assert all(move.startswith("ET ") for move in reference.legal_moves(load(board, "region_owed")))


@every_board
def test_a_region_in_a_recovery_turn_is_paid_with_a_buried_ring(board: boards.Board) -> None:
    pos = load(board, "region_in_recovery_turn")
    after = reference.play(pos, region_moves(pos)[0])
    payments = reference.legal_moves(after)
    assert len(payments) == 2 and all(move.startswith("ER ") for move in payments)
    paid = reference.play(after, payments[0])
    assert paid.eliminated[1] == after.eliminated[1] + 1


@every_board
def test_two_or_three_rings_where_one_is_dead(board: boards.Board) -> None:
    first = board.cell_name(geometry(board).cells[0])
    pos = load(board, "placement_of_two_or_three_only")
    assert reference.legal_moves(pos) == (f"P {first} 2", f"P {first} 3")
    assert reference.legal_moves(load(board, "placement_of_two_only")) == (f"P {first} 2",)
    after = reference.play(pos, f"P {first} 3")
    assert [move[0] for move in reference.legal_moves(after)] == ["C"], "three rings capture at distance three only"


@every_board
def test_a_chain_may_jump_the_same_stack_again(board: boards.Board) -> None:
    pos = load(board, "chain_back_and_forth")
    grid, middle = geometry(board), positions.centre(board)
    target = grid.rays[middle][0][0]
    after = reference.play(pos, f"K {grid.names[middle]}*{grid.names[target]}>{grid.names[grid.rays[middle][0][1]]}")
    assert after.phase == "chain" and after.stacks[target] == (2, 1, 2)
    assert any(f"*{grid.names[target]}>" in move for move in reference.legal_moves(after))


@every_board
def test_a_tie_of_recovery_lines_goes_to_the_first_axis(board: boards.Board) -> None:
    grid, middle = geometry(board), positions.centre(board)
    for first in range(len(board.axes) - 1):
        pos = load(board, f"recovery_tie_{first}{first + 1}")
        third = next(a for a in range(len(board.axes)) if a not in (first, first + 1))
        origin = grid.rays[middle][third + len(board.axes)][0]
        slide = f"R {grid.names[origin]}>{grid.names[middle]} 1 "
        after = reference.play(pos, next(move for move in reference.legal_moves(pos) if move.startswith(slide)))
        line = {middle, *grid.rays[middle][first][: board.line_length - 1]}
        assert after.collapsed.keys() - pos.collapsed.keys() == line
        assert set(grid.rays[middle][first + 1][: board.line_length - 1]) <= after.markers.keys()


@every_board
def test_each_kind_of_recovery(board: boards.Board) -> None:
    kinds = {
        name: {move.split()[2] for move in reference.legal_moves(load(board, name)) if move.startswith("R ")}
        for name in built_positions(board)
        if name.startswith("recovery_")
    }
    assert kinds["recovery_line"] == {"1"}
    assert kinds["recovery_windows"] == kinds["recovery_slide_pending"] == {"1", "2"}
    assert kinds["recovery_fallback"] == {"F"}
    assert kinds["recovery_strike"] == {"F", "S"}
    assert kinds["recovery_strikes_only"] == {"S"}
    assert kinds["recovery_without_slide"] == set()
    assert reference.legal_moves(load(board, "recovery_without_slide")) == ("SKIP_RECOVERY",)
    skip_place = load(board, "recovery_with_rings_in_hand")
    assert "SKIP_PLACE" in reference.legal_moves(skip_place)
    assert "SKIP_RECOVERY" in reference.legal_moves(reference.play(skip_place, "SKIP_PLACE"))


@every_board
def test_a_strike_may_pay_with_the_ring_it_uncovers(board: boards.Board) -> None:
    pos = load(board, "recovery_strike")
    struck = next(c for c, stack in pos.stacks.items() if stack == (1, 2))
    name = board.cell_name(struck)
    move = next(m for m in reference.legal_moves(pos) if m.endswith(f">{name} S @{name}"))
    after = reference.play(pos, move)
    assert struck not in after.stacks and after.eliminated[1] == pos.eliminated[1] + 2
    elsewhere = next(m for m in reference.legal_moves(pos) if f">{name} S @" in m and m != move)
    assert controls_stack(reference.play(pos, elsewhere), 1), "the uncovered ring gives control"


@every_board
def test_what_follows_a_line(board: boards.Board) -> None:
    exact = load(board, f"line_of_{board.line_length}")
    (whole,) = reference.legal_moves(exact)
    owing = reference.play(exact, whole)
    payments = reference.legal_moves(owing)
    assert len(payments) == 2 and all(move.startswith("EL ") for move in payments)
    assert reference.legal_moves(reference.play(owing, payments[0])) == ("NO_LINE",)

    longer = load(board, f"line_of_{board.line_length + 1}")
    whole, *windows = reference.legal_moves(longer)
    assert len(windows) == 2
    after = reference.play(longer, windows[0])
    assert after.phase == "terr" and len(after.markers) == 1, "a window owes nothing and leaves a marker"

    alone = load(board, "line_without_stack")
    assert reference.play(alone, reference.legal_moves(alone)[0]).phase != "line", "nobody is there to pay"
    owed = reference.legal_moves(load(board, "line_owed_with_more_lines"))
    assert owed and all(move.startswith("EL ") for move in owed)
    assert len(reference.legal_moves(load(board, "line_of_another_seat"))) == 1


@every_board
def test_a_blocked_player(board: boards.Board) -> None:
    line = load(board, "line_at_start_of_blocked_player")
    assert (line.phase, line.acted) == ("line", False)
    assert reference.play(line, reference.legal_moves(line)[0]).acted
    stacks = load(board, "blocked_by_stacks")
    assert stacks.phase == "fe" and len(reference.legal_moves(stacks)) == 2
    regions = load(board, "region_of_blocked_player")
    assert reference.play(regions, "SKIP_TERR").phase == "fe"


@every_board
def test_a_seat_without_rings_is_skipped(board: boards.Board) -> None:
    pos = load(board, "seats_without_rings")
    n = board.num_players
    rng = random.Random(0)
    for _ in range(12):
        pos = reference.play(pos, rng.choice(reference.legal_moves(pos)))
        assert pos.seat in (1, n)


@every_board
def test_a_seat_with_buried_rings_is_not_skipped(board: boards.Board) -> None:
    pos = load(board, "seats_with_buried_rings")
    move = next(
        m for m in reference.legal_moves(pos) if m.startswith(f"M {board.cell_name(geometry(board).cells[-1])}>")
    )
    pos = reference.play(pos, move)
    played = []
    while pos.seat != 1 or pos.phase != "place":
        played.append((pos.seat, pos.phase))
        pos = reference.play(pos, next(m for m in reference.legal_moves(pos) if m.startswith(("NO_", "SKIP_"))))
    for seat in range(2, board.num_players + 1):
        assert (seat, "place") in played and (seat, "move") in played


@every_board
def test_near_victories(board: boards.Board) -> None:
    names, middle = geometry(board).names, positions.centre(board)
    ray = geometry(board).rays[middle][0]

    elimination = load(board, "near_ring_elimination")
    after = reference.play(elimination, f"M {names[middle]}>{names[ray[1]]}")
    assert after.eliminated[1] == board.ring_threshold and not reference.result(after), "no check inside a turn"
    assert finish(after) == (1, "ring_elimination")

    land = load(board, "near_territory_control")
    assert finish(reference.play(land, f"M {names[middle]}>{names[ray[1]]}")) == (1, "territory_control")

    last = load(board, "near_last_player_standing")
    after = reference.play(last, region_moves(last)[0])
    assert finish(reference.play(after, reference.legal_moves(after)[0])) == (1, "last_player_standing")


def finish(pos: Position) -> tuple[int, str] | None:
    """Winner and reason once optional moves are declined and the turn ends."""
    seat = pos.seat
    while not reference.result(pos) and pos.seat == seat:
        legal = reference.legal_moves(pos)
        pos = reference.play(pos, next(m for m in legal if m.startswith(("NO_", "SKIP_"))))
    result = reference.result(pos)
    return (result.winner, result.reason) if result else None


@every_board
def test_every_rung_of_the_stalemate_ladder(board: boards.Board) -> None:
    expected = {
        "territory": (2, "stalemate:territory_control"),
        "eliminated": (2, "stalemate:ring_elimination"),
        "markers": (2, "stalemate:last_player_standing"),
        "last_mover": (2, "stalemate:last_player_standing"),
        "seat_order": (2, "stalemate:tiebreaker_by_player_number"),
    }
    if board.num_players == 2:
        del expected["seat_order"]
    for rung, outcome in expected.items():
        pos = load(board, f"stalemate_{rung}")
        (move,) = reference.legal_moves(pos)
        result = reference.result(reference.play(pos, move))
        assert result is not None and (result.winner, result.reason) == outcome, rung


@every_board
def test_three_exclusive_rounds_win(board: boards.Board) -> None:
    def next_turn_of_seat_1(name: str) -> Position:
        pos = load(board, name)
        move = next(
            m for m in reference.legal_moves(pos) if m.startswith(f"M {board.cell_name(geometry(board).cells[0])}>")
        )
        pos = reference.play(pos, move)
        while pos.phase != "over" and not (pos.seat == 1 and pos.phase == "place"):
            pos = reference.play(pos, next(m for m in reference.legal_moves(pos) if not m.startswith(("T ", "R "))))
        return pos

    won = next_turn_of_seat_1("rounds_two_of_three")
    assert reference.result(won) is not None and (won.winner, won.reason) == (1, "lps_rounds")
    second = next_turn_of_seat_1("rounds_one_of_three")
    assert (second.streak_seat, second.streak) == (1, 2)
    other = next_turn_of_seat_1("rounds_other_streak")
    assert (other.streak_seat, other.streak) == (1, 1)


def test_a_caller_cannot_change_what_is_legal():
    pos = reference.new_game(boards.standard("square8"))
    for look in (reference.legal_moves, reference.actions, reference.decisions):
        moves = look(pos)
        assert isinstance(moves, tuple) and moves == look(pos) and len(moves) == 64 * 3
