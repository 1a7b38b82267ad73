"""Runs that begin with a champion, ``train --from``."""

import json
import shutil
from dataclasses import replace

import chex
import pytest
import toy_runs
from toy_runs import FEW, PROMOTING, without_timings

from experiments import train
from ringrift_jax.learning.config import to_dict
from ringrift_jax.learning.transfer import Transferred
from ringrift_jax.runs import origin, registry
from ringrift_jax.runs.champion_files import load_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.search.network import NetworkConfig


def run(path, *more):
    train.main([*PROMOTING, *FEW, "--run-dir", str(path), *more])


@pytest.fixture
def source(toy, tmp_path, monkeypatch):
    """A run to begin with, of which a network was promoted. The small game has no planes that could be mapped."""
    monkeypatch.setattr(origin, "transfer", lambda _, params, *__: Transferred(params, ["what it did not know"]))
    config = toy_runs.make_run(tmp_path / "source", *FEW)
    toy_runs.promote(tmp_path / "source", config, 1)
    return tmp_path / "source"


def test_a_run_begins_with_a_champion(source, tmp_path, capsys):
    path, begun = tmp_path / "run", ["--from", str(source)]
    run(path, *begun, "--iterations", "2")
    assert f"beginning with the champion {source} of square8 with 2 players\n  what it did not know\n" in (
        capsys.readouterr().out
    )
    chex.assert_trees_all_equal(*(load_champion(p / "champions" / v)[1] for p, v in ((path, "0"), (source, "1"))))
    (first,) = [event for event in registry.champions(path) if event.version == 0]
    assert first.origin == str(source)
    run(tmp_path / "untrained", "--iterations", "2")
    assert without_timings(path) != without_timings(tmp_path / "untrained")
    if registry.champions(path)[-1].version == 0:
        model = registry.select_model(path)
        assert (model.version, model.why) == (
            0,
            f"champion 0 is made from the champion {source}, and none has beaten it yet",
        )

    # It goes on without it, but not as a run that began otherwise.
    shutil.rmtree(source)
    run(path, *begun, "--iterations", "3")
    assert "continuing after iteration 2" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(path, "--iterations", "4")
    assert f"holds a run with other settings: origin is {source} there and None now" in capsys.readouterr().err


def test_a_run_cannot_begin_with_what_is_not_there_or_of_another_size(source, tmp_path, capsys):
    for word, more, said in (
        (tmp_path / "none", [], f"{tmp_path / 'none'} is neither a run with champions nor RUN/champions/VERSION"),
        ("square8-5p", [], "square8-5p is neither a run"),
        (
            source,
            ["--network.channels", "8"],
            "has 4 channels x 1 blocks and 4 landing features, the run 8 x 1 and 4; leave",
        ),
    ):
        with pytest.raises(SystemExit):
            run(tmp_path / "run", "--from", str(word), *more)
        assert said in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


def test_a_run_may_add_landing_features_to_a_champions_network():
    without, some, more = (NetworkConfig(8, 2, landing_features=number) for number in (0, 4, 6))
    wide = NetworkConfig(16, 1, "bfloat16", 6)
    assert origin.sized_like(wide, without) == NetworkConfig(8, 2, "bfloat16", 6)
    assert origin.sized_like(wide, some) == NetworkConfig(8, 2, "bfloat16", 4)
    for source, network in ((without, without), (without, more), (some, some)):
        origin.check_size("it", source, network)
    for source, network in ((some, without), (some, more), (without, wide)):
        with pytest.raises(ValueError, match="the champion it has 8 channels x 2 blocks and"):
            origin.check_size("it", source, network)


def test_a_run_without_a_checkpoint_needs_what_it_began_with(source, tmp_path, capsys):
    toy_runs.make_run(tmp_path / "run", *FEW)
    config = RunDirectory(tmp_path / "run").read_config()
    written = json.dumps(to_dict(replace(config, origin=str(source), seed=23)))
    (tmp_path / "run" / "config.json").write_text(written)
    shutil.rmtree(source)
    with pytest.raises(SystemExit):
        run(tmp_path / "run", "--from", str(source), "--iterations", "1")
    assert f"error: {source} is neither a run with champions" in capsys.readouterr().err
