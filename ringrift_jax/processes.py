"""Several processes that are one program, on one machine or on many: each has some of the devices.

JAX connects them. All call the functions here in the same order, and not beside a computation. The first process leads:
it alone writes and shows, and what it decides all do.
"""

import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import jax
import msgspec
import numpy as np
from jax.errors import JaxRuntimeError
from jax.experimental import multihost_utils

PATIENCE = 300.0
"""Seconds in which all processes must have been started."""

HEARTBEAT = 30
"""Seconds after which a machine that is not heard of any more counts as lost."""

LOST = 3
"""Exit code of a process that ends because another one has."""

_SLURM = "SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID"
_NOTICE = 5.0
"""Seconds in which a line answers, or breaks."""

_TOKEN, _GOODBYE = 16, b"."


def launched(environment: dict[str, str]) -> bool:
    """Whether a launcher that JAX knows started this process as one of several: srun, mpirun of Open MPI, or an indexed
    job of Kubernetes, for which ``jax[k8s]`` must be installed."""
    if all(name in environment for name in _SLURM):
        return int(environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1"))) > 1
    if "OMPI_MCA_orte_hnp_uri" in environment:
        return int(environment.get("OMPI_COMM_WORLD_SIZE", "1")) > 1
    in_kubernetes = "KUBERNETES_SERVICE_HOST" in environment and "JOB_COMPLETION_INDEX" in environment
    return in_kubernetes and find_spec("kubernetes") is not None


def join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Connects this process with the others, if there are any. JAX must not have looked for its devices.

    Args:
      coordinator: ``HOST:PORT`` of the first process, which listens there. None for all three leaves it to the
        launcher, and without one this process is alone.
      processes: how many there are.
      process: which of them this is, from 0.

    Raises:
      ValueError: the three do not fit together.
      RuntimeError: JAX does not find the others.
    """
    if (coordinator, processes, process) == (None, None, None):
        if launched(dict(os.environ)):
            _wait("the processes of this launcher")
        return
    if coordinator is None or processes is None or process is None:
        raise ValueError("--coordinator, --processes and --process go together")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"--coordinator is {coordinator}; it must be HOST:PORT, of the first process")
    if process >= processes:
        raise ValueError(f"--process is {process}; it must be less than --processes, {processes}")
    given = dict(coordinator_address=coordinator, num_processes=processes, process_id=process)
    _wait(f"{processes} processes, the first at {coordinator}", **given, cluster_detection_method="deactivate")


def _wait(whom: str, **given: Any) -> None:
    """Until all are there. JAX ends a process that has waited in vain by a signal, before it could say anything."""

    def give_up() -> None:
        print(f"error: of {whom}, not all came within {PATIENCE:.0f} s", file=sys.stderr)
        _exit(2)

    print(f"waiting for {whom}", file=sys.stderr, flush=True)
    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    try:
        jax.distributed.initialize(
            **given, initialization_timeout=int(PATIENCE) + 60, heartbeat_timeout_seconds=HEARTBEAT
        )
    finally:
        timer.cancel()


def leads() -> bool:
    """Whether this is the first process, or the only one."""
    return jax.process_index() == 0


def of_all(value: Any) -> list[Any]:
    """What each process says, first the one that leads; anything that JSON can hold."""
    if jax.process_count() == 1:
        return [value]
    said = np.frombuffer(msgspec.json.encode(value), np.uint8)
    sizes = np.ravel(multihost_utils.process_allgather(np.int32(len(said))))
    room = 1 << int(sizes.max() - 1).bit_length()  # few different shapes: each is compiled
    texts = multihost_utils.process_allgather(np.pad(said, (0, room - len(said))))
    return [msgspec.json.decode(bytes(text[:size])) for text, size in zip(texts, sizes, strict=True)]


def of_leader(value: Any) -> Any:
    """What the first process says."""
    return of_all(value)[0]


@contextmanager
def together() -> Iterator[None]:
    """While it lasts, the end of any process ends the others within a few seconds, with one line; a machine that is
    not heard of does after :data:`HEARTBEAT` seconds. A process that fails leaves at once: JAX would wait for the
    others."""
    if jax.process_count() == 1:
        yield
        return
    lines = _connect()
    try:
        yield
    except BaseException as problem:
        _leave(problem)
    for line in lines:
        with suppress(OSError):  # it has said goodbye and gone
            line.sendall(_GOODBYE)


def _leave(problem: BaseException) -> None:
    code = problem.code if isinstance(problem, SystemExit) else 1
    if isinstance(problem, JaxRuntimeError):
        time.sleep(_NOTICE)  # it may be that another process has ended, which is said then
    if not isinstance(problem, SystemExit):
        sys.excepthook(type(problem), problem, problem.__traceback__)
    _exit(code if isinstance(code, int) else int(code is not None))


def _exit(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _connect() -> list[socket.socket]:
    """Lines between the first process and each other one, on which nothing is said before the goodbye."""
    if leads():
        with socket.create_server(("", 0)) as server:
            token = secrets.token_bytes(_TOKEN)
            of_leader((_addresses(), server.getsockname()[1], token.hex()))
            lines: list[socket.socket] = []
            while len(lines) < jax.process_count() - 1:
                line, _ = server.accept()
                if _received(line, _TOKEN) == token:
                    lines.append(line)
    else:
        hosts, port, token = of_leader(None)
        lines = [_call(hosts, port)]
        lines[0].sendall(bytes.fromhex(token))
    for line in lines:
        threading.Thread(target=_listen, args=(line,), daemon=True).start()
    return lines


def _addresses() -> list[str]:
    """By which others may reach this machine; nothing is sent to find them out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # an address of documentation (RFC 5737)
        return [probe.getsockname()[0], socket.gethostname(), "127.0.0.1"]
    return [socket.gethostname(), "127.0.0.1"]


def _call(hosts: list[str], port: int) -> socket.socket:
    problem = None
    for host in hosts:
        try:
            line = socket.create_connection((host, port), timeout=_NOTICE)
            line.settimeout(None)
            return line
        except OSError as failed:
            problem = failed
    raise RuntimeError(f"the first process cannot be reached at {', '.join(hosts)}, port {port}: {problem}")


def _received(line: socket.socket, size: int) -> bytes:
    """As much as is said, up to so many bytes; nothing from a line that breaks."""
    said = b""
    with suppress(OSError):
        while len(said) < size and (more := line.recv(size - len(said))):
            said += more
    return said


def _listen(line: socket.socket) -> None:
    if _received(line, 1) != _GOODBYE:
        text = "another process of this run has ended, so this one ends too; the same command on all of them goes on"
        print(f"error: {text}", file=sys.stderr)
        _exit(LOST)
