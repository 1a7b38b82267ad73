"""Settings: presets for every game, JSON both ways, and clear refusals."""

import json

import pytest

from ringrift_jax.boards import BOARD_NAMES
from ringrift_jax.learning.config import PRESETS, RunConfig, flatten, from_dict, preset, to_dict


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("board", BOARD_NAMES)
@pytest.mark.parametrize("players", [2, 3, 4])
def test_presets_survive_json(name, board, players):
    config = RunConfig(board, players, loop=preset(name, board, players))
    assert from_dict(RunConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert hash(config) == hash(RunConfig(board, players, loop=preset(name, board, players)))


def test_flat_names_are_those_of_the_command_line():
    flat = flatten(to_dict(RunConfig("hex8", seed=3)))
    assert flat["seed"] == 3
    assert flat["loop.search.simulations"] == RunConfig("hex8").loop.search.simulations
    assert not any(isinstance(value, dict) for value in flat.values())


def test_unknown_settings_and_presets_are_refused():
    with pytest.raises(ValueError, match="SearchConfig has no setting depth; it has simulations"):
        from_dict(RunConfig, {"board": "hex8", "loop": {"search": {"depth": 3}}})
    with pytest.raises(ValueError, match="unknown preset 'huge'; choose one of tiny, cpu, gpu"):
        preset("huge", "square8")
    with pytest.raises(ValueError, match="unknown board"):
        preset("tiny", "square9")
    with pytest.raises(ValueError, match="swap_rule needs 2 players"):
        RunConfig("square8", 3, swap_rule=True).make_env()
