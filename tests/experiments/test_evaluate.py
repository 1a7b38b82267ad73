"""The evaluation command: what it prints, what it counts, and what it refuses."""

import re

import jax
import jax.numpy as jnp
import pytest
from toy_game import ToyGame

from experiments import evaluate
from ringrift_jax.arena import Match
from ringrift_jax.checkpoints import save_champion
from ringrift_jax.config import RunConfig
from ringrift_jax.loop import LoopConfig
from ringrift_jax.networks import NetworkConfig, make_network
from ringrift_jax.search import SearchConfig

LOOP = LoopConfig(network=NetworkConfig(channels=4, blocks=1), search=SearchConfig(simulations=2, considered=2))
LINE = re.compile(
    r"(champion \d+|untrained) +(network alone|\d+ simulations) +wins +([\d.]+)%  \(95% interval (\S+)% to (\S+)%\)"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run directory with an untrained network and a champion."""
    env = ToyGame(heap=6)
    monkeypatch.setattr(RunConfig, "make_env", lambda self: env)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))  # leaves JAX's own setting alone
    for version in (0, 2, 3):
        params = make_network(env, LOOP.network).init(jax.random.key(version), jnp.zeros((1, *env.observation_shape)))
        save_champion(tmp_path / "champions", version, RunConfig("square8", loop=LOOP), params)
    return tmp_path


def test_every_kind_of_player_has_a_line(run, capsys):
    evaluate.main([str(run), "--games", "9"])
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "square8, 2 players: 10 games each against the uniform random player"
    found = [match.groups() for match in map(LINE.fullmatch, lines) if match]
    assert [groups[:2] for groups in found] == [
        ("champion 3", "network alone"),
        ("untrained", "network alone"),
        ("champion 3", "2 simulations"),
        ("untrained", "2 simulations"),
    ]
    for *_, share, low, high in found:
        assert 0 <= float(low) <= float(share) <= float(high) <= 100
        assert float(share) % 10 == 0


def test_wins_are_counted_and_the_champion_can_be_chosen(run, capsys, monkeypatch):
    def play(env, loop, simulations, groups, params, key):
        assert (simulations, groups) == (5, 2)
        return Match(jnp.zeros(4), jnp.array([1.0, -1.0, 1.0, 1.0]), jnp.ones(4, int))

    monkeypatch.setattr(evaluate, "_play", play)
    evaluate.main([str(run / "champions" / "2"), "--games", "4", "--simulations", "5"])
    found = [match.group(1, 3) for match in LINE.finditer(capsys.readouterr().out)]
    assert found == [("champion 2", "75.0"), ("untrained", "75.0")]


@pytest.mark.parametrize(
    ("wins", "games", "low", "high"), [(80, 100, 0.7112, 0.8666), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_interval(wins, games, low, high):
    assert evaluate.wilson(wins, games) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--games", "0"], "--games is 0; it must be at least 1"),
        (["--simulations", "4", "-1"], "--simulations is -1; it must be 0 or more"),
        ([], "is not a champion; a run keeps its champions in RUN/champions/VERSION"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, more, said):
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(tmp_path), *more])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
