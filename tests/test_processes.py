"""Several processes that train as one, on the loopback of this machine."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tyro
import yaml
from toy_runs import FEW, GAME, run_elsewhere, start_elsewhere, stories, toy_game, use_toy_game, without_timings

from experiments import train
from ringrift_jax import processes
from ringrift_jax.runs import exports

LAUNCH = Path(__file__).parents[1] / "docs" / "launch"
SETTINGS = *FEW, "--ingest", "--iterations"


def free_place() -> str:
    """A HOST:PORT of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def start(path: Path, count: int, devices: int, *more: str, own: tuple[str, ...] = ()) -> list[subprocess.Popen[str]]:
    """So many processes of so many devices each; ``own``: further arguments of the last one."""
    place, started = free_place(), []
    for process in range(count):
        which = ("--coordinator", place, "--processes", str(count), "--process", str(process)) if count > 1 else ()
        last = own if process == count - 1 else ()
        started.append(start_elsewhere(path, *more, *which, *last, JAX_NUM_CPU_DEVICES=str(devices)))
    return started


def finish(started: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit code and errors of each."""
    said = [process.communicate(timeout=600) for process in started]
    return [(process.returncode, errors) for process, (_, errors) in zip(started, said, strict=True)]


def wait_for(path: Path, iterations: int) -> None:
    metrics = path / "metrics.jsonl"
    deadline = time.monotonic() + 600
    while not metrics.exists() or metrics.read_text().count("\n") < iterations:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def last_checkpoint(path: Path) -> int:
    return max(int(step.name) for step in (path / "checkpoints").iterdir() if step.name.isdecimal())


@pytest.mark.ci
def test_two_processes_do_what_one_with_their_devices_does(tmp_path, monkeypatch):
    use_toy_game(monkeypatch)
    env: Any = GAME
    one, two = tmp_path / "one", tmp_path / "two"
    for path in one, two:
        games = path / "workers" / "somebody" / "000001.npz"
        games.parent.mkdir(parents=True)
        exports.export_npz(games, env, [toy_game(seed) for seed in range(6)])
    assert finish(start(one, 1, 4, *SETTINGS, "6"))[0][0] == 0

    started = start(two, 2, 2, *SETTINGS, "6")
    wait_for(two, 2)
    started[1].send_signal(signal.SIGTERM)  # any of them stops all in good order
    assert [code for code, _ in finish(started)] == [0, 0]
    done = len(without_timings(two))
    assert 2 <= done < 6 and last_checkpoint(two) == done

    assert [code for code, _ in finish(start(two, 2, 2, *SETTINGS, "6"))] == [0, 0]
    assert without_timings(two) == without_timings(one)
    assert stories(two) == stories(one)
    assert sum(record["ingested_games"] for record in without_timings(two)) == 6

    started = start(two, 2, 2, *SETTINGS, "1000000")
    wait_for(two, 8)
    started[1].kill()
    began = time.monotonic()
    (code, errors), _ = finish(started)
    assert time.monotonic() - began < 60
    assert code == processes.LOST and "another process of this run has ended" in errors

    done = last_checkpoint(two)
    assert finish(start(two, 1, 2, *SETTINGS, str(done + 1)))[0][0] == 0  # on other devices too
    assert len(without_timings(two)) == done + 1


@pytest.mark.ci
def test_processes_with_different_settings_end_with_one_line(tmp_path):
    (first, _), (second, errors) = finish(start(tmp_path / "run", 2, 2, *SETTINGS, "6", own=("--seed", "24")))
    assert (first, second) == (processes.LOST, 2)
    assert "error: process 1 has other settings than the first one: seed" in errors


RESTORES = """
import dataclasses, sys
from pathlib import Path

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ringrift_jax import devices, processes
from ringrift_jax.learning.loop import LoopState
from ringrift_jax.runs.checkpoints import Checkpoints

place, process, directory = sys.argv[1:]
processes.join(place, 2, int(process))
layout = NamedSharding(devices.make_mesh(64), PartitionSpec("games"))

@jax.jit
def state(iteration):
    drawn = jax.random.normal(jax.random.key(iteration), (64, 1000))
    arrays = {field.name: drawn for field in dataclasses.fields(LoopState)}
    arrays = {name: jax.lax.with_sharding_constraint(array, layout) for name, array in arrays.items()}
    return LoopState(**{**arrays, "iteration": iteration, "key": jax.random.key(1)})

shardings = LoopState(**{field.name: layout for field in dataclasses.fields(LoopState)})
shardings = dataclasses.replace(shardings, **dict.fromkeys(("iteration", "key"), devices.everywhere(layout.mesh)))
with Checkpoints(directory) as checkpoints:
    for iteration in (1, 2):
        checkpoints.save(jax.block_until_ready(state(jnp.int32(iteration))))
        checkpoints.wait()
processes.of_all(None)
if processes.leads():
    for part in (Path(directory) / "2" / "default" / "ocdbt.process_1" / "d").iterdir():
        part.write_bytes(b"damaged")
processes.of_all(None)
with Checkpoints(directory) as checkpoints:
    restored = checkpoints.restore(jax.eval_shape(state, jnp.int32(0)), shardings, say=print)
same = bool(jnp.all(restored.games == state(jnp.int32(1)).games))
print(int(restored.iteration), same, sorted(path.name for path in Path(directory).iterdir()))
processes.of_all(None)
jax.distributed.shutdown()
"""


@pytest.mark.ci
def test_a_checkpoint_that_one_process_cannot_read_is_read_by_none(tmp_path):
    """And nobody waits for that process in Orbax."""
    place, settings = free_place(), os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2", "XLA_FLAGS": ""}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RESTORES, place, process, tmp_path / "checkpoints"],
            env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for process in "01"
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    for printed, _ in said:
        assert printed.count("the checkpoint after iteration 2 is damaged, so an older one is used: ") == 1
        assert printed.splitlines()[-1] == "1 True ['1', 'damaged-2']"


def test_a_process_does_not_wait_for_ever(tmp_path):
    """Nor does it end in a stack of C++."""
    place = free_place()
    alone = "--coordinator", place, "--processes", "2", "--process", "0"
    hurry = "from ringrift_jax import processes\nprocesses.PATIENCE = 1.0"
    done = run_elsewhere(tmp_path / "run", *alone, before=hurry)
    assert done.returncode == 2 and not (tmp_path / "run").exists()
    assert done.stderr == (
        f"waiting for 2 processes, the first at {place}\n"
        f"error: of 2 processes, the first at {place}, not all came within 1 s\n"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("host:1", 2, None), "go together"),
        (("host", 2, 0), "--coordinator is host; it must be HOST:PORT"),
        (("host:x", 2, 0), "--coordinator is host:x; it must be HOST:PORT"),
        (("host:1", 2, 2), "--process is 2; it must be less than --processes, 2"),
    ],
)
def test_processes_that_do_not_fit_together_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        processes.join(*given)


SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "a[1-2]", "SLURM_PROCID": "1", "SLURM_LOCALID": "0"}
MPI = {"OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911"}


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "2"}, True),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "2"}, False),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2"}, False),  # in a batch script, outside srun
        (MPI | {"OMPI_COMM_WORLD_SIZE": "2"}, True),
        (MPI | {"OMPI_COMM_WORLD_SIZE": "1"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),  # a pod by itself
    ],
)
def test_what_a_launcher_says(environment, several):
    assert processes.launched(environment) is several


def test_the_files_for_launchers_are_well_formed():
    """And name options that there are."""
    subprocess.run(["bash", "-n", LAUNCH / "train.slurm"], check=True)
    service, job = yaml.safe_load_all((LAUNCH / "train.kubernetes.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    words = shlex.split(pod["containers"][0]["command"][-1])
    assert pod["subdomain"] == service["metadata"]["name"] and service["spec"]["clusterIP"] == "None"
    assert words[words.index("--processes") + 1] == str(job["spec"]["completions"]) == str(job["spec"]["parallelism"])
    for text in (" ".join(words), (LAUNCH / "train.slurm").read_text().splitlines()[-1]):
        arguments = shlex.split(text.partition("experiments.train ")[2].replace("$JOB_COMPLETION_INDEX", "0"))
        assert tyro.cli(train.Args, args=arguments).per_device
