"""The reference replays every recorded game: every state, every legal list, every result."""

import parity
import pytest

from ringrift_jax import boards, reference


def check_step(number: int, pos: reference.Position, step: dict) -> reference.Position:
    """Compare the position before a step with its record, play it, and compare the position after."""
    where = f"step {number}, {step['m']} in {reference.state_string(pos)}"
    assert (pos.seat, pos.phase) == (step["p"], step["ph"]), where
    legal = reference.legal_moves(pos)
    if "L" in step:
        missing, extra = sorted(set(step["L"]) - set(legal)), sorted(set(legal) - set(step["L"]))
        assert list(legal) == step["L"], f"{where}: missing {missing}, not in the record {extra}"
    assert len(legal) == step["n"], f"{where}: {len(legal)} legal moves, recorded {step['n']}: {legal}"
    assert parity.crc(legal) == step["h"], f"{where}: the recorded game had other legal moves than {legal}"
    after = reference.play(pos, step["m"])
    assert reference.state_string(after) == step["s"], where
    return after


@parity.needs_parity
@pytest.mark.parametrize("num_players", (2, 3, 4))
@pytest.mark.parametrize("name", boards.BOARD_NAMES)
def test_recorded_games(name: str, num_players: int) -> None:
    played = 0
    for game in parity.games(name, num_players):
        pos = reference.new_game(boards.standard(name, num_players), game["swap_rule"])
        assert reference.state_string(pos) == game["s0"], game["id"]
        for number, step in enumerate(game["steps"]):
            try:
                pos = check_step(number, pos, step)
            except AssertionError as error:
                raise AssertionError(f"{game['id']}, {error}") from error
        expected = reference.Result(*(game["result"][key] for key in ("winner", "reason", "ranks")))
        assert reference.result(pos) == expected, game["id"]
        lost = [pos.lost.get(seat) for seat in pos.seats]
        assert lost == [score["x"] for score in game["result"]["scores"]], game["id"]
        played += 1
    assert played >= 10
