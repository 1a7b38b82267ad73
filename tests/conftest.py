"""What all tests share.

Compiled programs are kept between test runs and shared by the workers and by the processes that tests start: XLA's
compiler is what the tests wait for. The CPU counts as two devices, so that what is spread over devices is tested.
"""

import gc
import os
from importlib.metadata import version
from pathlib import Path

SETTINGS = {
    "JAX_COMPILATION_CACHE_DIR": str(Path(__file__).parents[1] / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "JAX_NUM_CPU_DEVICES": "2",
}
for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


# For what compiles much and runs little: no optimisation, and the older emitter of kernels on one thread. A step with a
# mask on square8 then compiles in 2.9 seconds of CPU time instead of 12.2, and runs about five times slower.
COMPILE_FAST = ("--xla_backend_optimization_level=0",)
if version("jax").startswith("0.10."):  # An unknown flag ends the process, and another version may know others.
    COMPILE_FAST += ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1")


def pytest_configure(config):
    """Compiles fast where no test is ``optimised`` or ``slow``. Workers and processes of tests inherit the flags."""
    if config.option.markexpr in ("not slow and not ci", "ci and not optimised"):
        os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *COMPILE_FAST)).strip()


MAPPINGS = 20_000
"""A process on Linux may have 65,530 (vm.max_map_count). XLA takes some for each kernel and crashes when there are no
more, which the programs of 80 long tests reach."""


def pytest_runtest_teardown():
    """Forgets compiled programs when there are many; they are read again from where they are kept."""
    mappings = Path("/proc/self/maps")
    if mappings.exists() and mappings.read_bytes().count(b"\n") > MAPPINGS:
        jax.clear_caches()
        gc.collect()


import jax  # noqa: E402 - now, so that a test that changes these variables does not change this process

from ringrift_jax.devices import wait_for_slower_devices  # noqa: E402

wait_for_slower_devices()  # as the programs do, so that what they compiled is found again: flags are part of its key
