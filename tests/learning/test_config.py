"""Settings: presets for every game, JSON both ways, and clear refusals."""

import json
import math
from pathlib import Path

import pytest

from ringrift_jax.boards import BOARD_NAMES
from ringrift_jax.learning.config import PRESETS, RunConfig, flatten, from_dict, preset, read_run, to_dict
from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig

ABSENT = object()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("board", BOARD_NAMES)
@pytest.mark.parametrize("players", [2, 3, 4])
def test_presets_survive_json(name, board, players):
    config = RunConfig(board, players, loop=preset(name, board, players))
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config
    assert hash(config) == hash(RunConfig(board, players, loop=preset(name, board, players)))


@pytest.mark.parametrize("name", PRESETS)
def test_more_than_two_players_each_play_for_themselves(name):
    searched = {players: preset(name, "hex8", players).search.opponents for players in (2, 3, 4)}
    assert searched == {2: "paranoid", 3: "maxn", 4: "maxn"}


def test_flat_names_are_those_of_the_command_line():
    flat = flatten(to_dict(RunConfig("hex8", seed=3)))
    assert flat["seed"] == 3
    assert flat["loop.search.simulations"] == RunConfig("hex8").loop.search.simulations
    assert not any(isinstance(value, dict) for value in flat.values())


def test_unknown_settings_and_presets_are_refused():
    with pytest.raises(ValueError, match="unknown preset 'huge'; choose one of tiny, cpu, gpu"):
        preset("huge", "square8")
    with pytest.raises(ValueError, match="unknown board"):
        preset("tiny", "square9")
    with pytest.raises(ValueError, match="swap_rule needs 2 players"):
        RunConfig("square8", 3, swap_rule=True)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("loop", "search", "depth"), 3, "loop.search.depth is no setting; those are simulations, considered"),
        (("loops",), {}, "loops is no setting; those are board, num_players"),
        (("loop", "search", "simulations"), 8.5, "loop.search.simulations: Expected `int`, got `float`"),
        (("loop", "search", "simulations"), 0, "loop.search.simulations: Expected `int` >= 1"),
        (("loop", "search", "rescale_values"), 1, "loop.search.rescale_values: Expected `bool`, got `int`"),
        (("loop", "self_play", "lanes"), "16", "loop.self_play.lanes: Expected `int`, got `str`"),
        (("loop", "self_play", "network"), "first", "loop.self_play.network: Invalid enum value 'first'"),
        (("loop", "learner", "learning_rate"), None, "loop.learner.learning_rate: Expected `float`, got `null`"),
        (("loop", "gates", "max_length"), math.inf, "loop.gates: gates.max_length is inf; it must be a finite number"),
        (("loop", "gates"), [], "loop.gates: Expected `object`, got `array`"),
        (("board",), ABSENT, "Object missing required field `board`"),
        (("board",), "hex9", "unknown board 'hex9'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_the_key(tmp_path, path, value, message):
    values = to_dict(RunConfig("hex8", loop=preset("tiny", "hex8")))
    within = values
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    if value is ABSENT:
        del within[path[-1]]
    file = tmp_path / "config.json"
    file.write_text(json.dumps(values))
    with pytest.raises(ValueError) as refused:
        read_run(file)
    assert str(refused.value).startswith(f"{file} is damaged or of another version of ringrift_jax: {message}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"board": "hex8", "loop": 3}', "\xff"])
def test_what_is_no_settings_at_all_is_refused(tmp_path, text):
    file = tmp_path / "config.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="config.json is damaged"):
        read_run(file)


def test_what_has_a_default_may_be_missing(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"board": "hex8", "loop": {"learner": {"value_weight": 2}}}')
    assert read_run(file) == RunConfig("hex8", loop=LoopConfig(learner=LearnerConfig(value_weight=2.0)))


def test_a_file_of_the_first_version_loads_unchanged():
    file = Path(__file__).parents[1] / "golden" / "config.json"
    assert flatten(json.loads(file.read_text())).items() <= flatten(to_dict(read_run(file))).items()
