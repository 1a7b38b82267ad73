"""Spreading games over devices changes nothing but where they are computed."""

import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame
from toy_runs import GAME, ONE_DEVICE, assert_equal, host

from ringrift_jax.devices import everywhere, make_mesh, spread, spread_mean, wait_for_slower_devices
from ringrift_jax.learning.loop import make_iterate, new_loop
from ringrift_jax.players.agents import make_evaluate, random_agent, search_agent
from ringrift_jax.players.arena import play_match, versus


@pytest.fixture(scope="module")
def mesh():
    mesh = make_mesh()
    assert mesh.size == 2, "tests/conftest.py makes the CPU two devices"
    return mesh


def test_a_mesh_has_as_many_devices_as_divide_the_batches():
    assert make_mesh(6, 4).size == 2
    assert make_mesh(6, 3).size == 1


def test_a_function_is_spread_over_the_games(mesh):
    seen = []

    def scaled(factor, games):
        seen.append(games.shape)
        return factor * games

    games = jnp.arange(8.0).reshape(4, 2)
    result = jax.jit(spread(scaled, mesh))(jnp.float32(3), games)
    np.testing.assert_array_equal(result, 3 * games)
    assert seen == [(2, 2)]
    assert result.sharding.is_fully_replicated and len(result.devices()) == 2


def test_means_are_over_the_whole_batch(mesh):
    games = jnp.arange(6.0)
    result = jax.jit(spread_mean(lambda factor, games: factor * games.mean(), mesh))(jnp.float32(2), games)
    assert float(result) == 5.0


@pytest.mark.ci
def test_an_iteration_on_two_devices_is_one_on_one_device(mesh):
    """Up to rounding: on each device the network evaluates half as many positions at once."""
    states = []
    for devices in (None, mesh):
        iterate = make_iterate(GAME, ONE_DEVICE, devices)
        state = jax.device_put(new_loop(GAME, ONE_DEVICE, jax.random.key(5)), everywhere(devices))
        for _ in range(2):
            state, metrics = iterate(state)
        assert float(metrics.losses.loss) > 0
        states.append(host(state))
    one, two = states
    assert_equal((one.games, one.replay.game, one.replay.status), (two.games, two.replay.game, two.replay.status))
    for a, b in zip(jax.tree.leaves(one.learner), jax.tree.leaves(two.learner), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_what_cannot_be_divided_among_the_devices_is_refused(mesh):
    config = replace(ONE_DEVICE, self_play=replace(ONE_DEVICE.self_play, lanes=7))
    with pytest.raises(ValueError, match="self_play.lanes is 7; it must be a multiple of the number of devices, 2"):
        make_iterate(GAME, config, mesh)


def test_a_match_on_two_devices_is_one_on_one_device(mesh):
    env = ToyGame(heap=11)
    params, evaluate = new_loop(env, ONE_DEVICE, jax.random.key(5)).champion, make_evaluate(env, ONE_DEVICE.network)
    matches = []
    for devices in (None, mesh):
        agent = search_agent(env, evaluate, jax.device_put(params, everywhere(devices)), ONE_DEVICE.search, devices)
        number = 1 if devices is None else devices.size
        sides = versus(agent, random_agent(env))
        play = jax.jit(lambda key, sides=sides, number=number: play_match(env, sides, 5, key, devices=number))
        matches.append(play(jax.random.key(0)))
    np.testing.assert_array_equal(matches[0].score, matches[1].score)
    np.testing.assert_array_equal(matches[0].length, matches[1].length)


def test_flags_that_have_devices_wait_leave_others_as_they_are(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_x=1 --xla_cpu_collective_call_terminate_timeout_seconds=5")
    for _ in range(2):
        wait_for_slower_devices()
        assert os.environ["XLA_FLAGS"].split() == [
            "--xla_x=1",
            "--xla_cpu_collective_call_terminate_timeout_seconds=5",
            "--xla_cpu_collective_call_warn_stuck_timeout_seconds=86400",
        ]


SLOW_DEVICE = """
import sys, time
import jax, jax.numpy as jnp
from ringrift_jax.devices import make_mesh, spread, wait_for_slower_devices
wait_for_slower_devices()

def sleep(x):
    time.sleep(float(x[0]))
    return x

work = lambda _, seconds: jax.pure_callback(sleep, jax.ShapeDtypeStruct((1,), jnp.float32), seconds)
print(jax.jit(spread(work, make_mesh(2)))((), jnp.asarray([float(sys.argv[1]), 0.0])))
"""


@pytest.mark.slow
def test_a_device_waits_for_another_that_is_slower():
    done = subprocess.run([sys.executable, "-c", SLOW_DEVICE, "100"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "[100.   0.]" in done.stdout, done.stderr
