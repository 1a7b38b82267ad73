"""Spreading games over devices changes nothing but where they are computed."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame
from toy_runs import GAME, ONE_DEVICE, assert_equal, host

from experiments.measure.hlo import EXCHANGES, Program
from ringrift_jax.collectives import ALONE, BY_GAME, EVERYWHERE, Collectives
from ringrift_jax.devices import everywhere, make_mesh, on_mesh, placed, spread, wait_for_slower_devices
from ringrift_jax.learning.loop import LAYOUT, make_iterate, new_loop
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate, random_agent, search_agent
from ringrift_jax.players.arena import play_match, versus
from ringrift_jax.runs.memory import memory


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


def test_what_devices_tell_each_other(mesh):
    """Seven numbers are dealt to two devices, which have 4 of 8 each."""

    def talk(dealt, shares):
        peers = Collectives(mesh)
        mine = peers.deal(dealt)
        here = (jnp.arange(8) % 3 == 0) == (peers.rank == 0)
        said = {"half": (shares + 0.5).astype(jnp.float16), "seven": shares[None] == 7, "byte": jnp.int8(-3)}
        return {
            "dealt": peers.gather(mine),
            "again": peers.collect((mine, mine[:, None] > 30)),
            "own": peers.gather(peers.own(jnp.arange(8))),
            "said": peers.gather(said),
            "total": peers.total((shares.sum(), shares == 7, said["byte"])),
            "mean": peers.mean({"a": shares.astype(jnp.float32), "b": shares[0] / 8}),
            "picked": peers.gather(peers.pick((100 * peers.rank + jnp.arange(8), here), here)),
            "after": peers.after((jnp.int32(5), jnp.array([True, False])), peers.total(shares)),
        }

    on_each = jax.jit(Collectives(mesh).on_each(talk, (EVERYWHERE, BY_GAME), EVERYWHERE))
    told = jax.tree.map(np.asarray, on_each(jnp.arange(7) * 10, jnp.arange(8)))
    assert told["dealt"].tolist() == [[0, 20, 40, 60], [10, 30, 50, 60]]
    assert [again[:7].tolist() for again in told["again"]] == [
        [*range(0, 70, 10)],
        [[n > 30] for n in range(0, 70, 10)],
    ]
    assert told["own"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    said = told["said"]
    assert said["half"].dtype == np.float16 and said["half"].tolist() == [[0.5, 1.5, 2.5, 3.5], [4.5, 5.5, 6.5, 7.5]]
    assert said["seven"].dtype == bool and said["seven"].tolist() == [[[False] * 4], [[False] * 3 + [True]]]
    assert said["byte"].dtype == np.int8 and said["byte"].tolist() == [-3, -3]
    assert [part.tolist() for part in told["total"]] == [28, [False, False, False, True], -6]
    assert told["mean"]["a"].tolist() == [2, 3, 4, 5] and told["mean"]["b"] == 0.25
    picked, where = told["picked"]
    assert picked.tolist() == [[0, 101, 102, 3], [104, 105, 6, 107]] and where.all()
    assert [part.tolist() for part in told["after"]] == [5, [True, False]]


def test_one_device_tells_itself_nothing_new():
    rows = jnp.arange(6).reshape(3, 2)
    assert ALONE.gather(rows).tolist() == [rows.tolist()]
    for same in (ALONE.own(rows), ALONE.deal(rows), ALONE.collect(rows), ALONE.total(rows), ALONE.after(rows, ())):
        np.testing.assert_array_equal(same, rows)


@pytest.fixture(scope="module")
def compiled(mesh):
    """An iteration's state and program, on one device and on two."""
    found = []
    for devices in (None, mesh):
        new = jax.eval_shape(lambda: new_loop(GAME, ONE_DEVICE, new_key(0)))
        state = placed(new, on_mesh(LAYOUT, devices))
        found.append((state, make_iterate(GAME, ONE_DEVICE, devices).lower(state).compile()))
    return found


@pytest.mark.ci
def test_every_device_holds_its_share_and_none_is_told_the_ring(compiled):
    (alone, argument), (share, own_argument) = (
        (memory(GAME, state, ONE_DEVICE), program.memory_analysis().argument_size_in_bytes)
        for state, program in compiled
    )
    assert {name: size / share[name] for name, size in alone.items()} == pytest.approx(
        {"replay": 2, "games": 2, "computing": 2, "network": 1}, rel=0.01
    )
    spared = sum(alone.values()) - sum(share.values()) - (alone["computing"] - share["computing"])
    assert argument - own_argument == pytest.approx(spared, rel=0.01)

    told = [exchange.size for exchange in Program.of(str(compiled[1][1].as_text())).exchanges()]
    network = sum(leaf.size * 4 for leaf in jax.tree.leaves(compiled[1][0].champion))
    assert len(told) > 10 and network <= max(told) < 1.01 * network + 1000 < share["replay"] / 2


def unordered_exchanges(program: str) -> list[tuple[str, str]]:
    """Loops of a compiled program in which devices talk, with other exchanges beside them that neither need the loop
    nor are needed by it: see ``Collectives.after``."""
    functions = Program.of(program).functions
    talking: set[str] = set()  # names of functions and of instructions
    before: dict[str, set[str]] = {}
    found = []
    for name, instructions in functions.items():  # those called come first
        here = []
        for instruction, text in instructions.items():
            used = set(re.findall(r"%([\w.-]+)", text))
            needs = {other for other in used if other in before}
            before[instruction] = needs.union(*(before[other] for other in needs))
            if re.search(rf" (?:{'|'.join(EXCHANGES)})\(", text) or used & talking & functions.keys():
                talking |= {name, instruction}
                here.append((instruction, " while(" in text))
        found += [
            (one, other)
            for one, loops in here
            for other, _ in here
            if loops and one != other and one not in before[other] and other not in before[one]
        ]
    assert talking
    return found


@pytest.mark.ci
def test_no_loop_with_exchanges_runs_beside_others(compiled, mesh):
    assert unordered_exchanges(str(compiled[1][1].as_text())) == []

    def beside(apart, x):
        peers = Collectives(mesh)
        total, steps = peers.total(x.sum()), jnp.int32(len(x))
        steps = peers.after(steps, total) if apart else steps
        return total, jax.lax.fori_loop(0, steps, lambda _, y: peers.mean(jnp.sin(y)), x)

    for apart, loops in (False, 1), (True, 0):
        on_each = Collectives(mesh).on_each(partial(beside, apart), (BY_GAME,), (EVERYWHERE, BY_GAME))
        assert len(unordered_exchanges(str(jax.jit(on_each).lower(jnp.ones(4)).compile().as_text()))) == loops


@pytest.mark.ci
def test_an_iteration_on_two_devices_is_one_on_one_device(mesh):
    """Up to rounding: on each device the network evaluates half as many positions at once."""
    states = []
    for devices in (None, mesh):
        iterate = make_iterate(GAME, ONE_DEVICE, devices)
        state = jax.device_put(new_loop(GAME, ONE_DEVICE, jax.random.key(5)), on_mesh(LAYOUT, devices))
        for _ in range(2):
            state, metrics = iterate(state)
        assert float(metrics.losses.loss) > 0
        states.append(host(state))
    one, two = states
    assert_equal((one.games, one.replay.game, one.replay.status), (two.games, two.replay.game, two.replay.status))
    for a, b in zip(jax.tree.leaves(one.replay.rows), jax.tree.leaves(two.replay.rows), strict=True):
        rounding = (
            float(np.finfo(np.float16).eps) if a.dtype == np.float16 else 0
        )  # what searches said is kept as float16
        np.testing.assert_allclose(a, b, rtol=rounding)
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
