"""What all tests share.

Compiled programs are kept between test runs and shared by the workers and by the processes that tests start: XLA's
compiler is what the tests wait for. The CPU counts as two devices, so that what is spread over devices is tested.
"""

import os
from pathlib import Path

SETTINGS = {
    "JAX_COMPILATION_CACHE_DIR": str(Path(__file__).parents[1] / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "JAX_NUM_CPU_DEVICES": "2",
}
for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


def pytest_configure(config):
    """What is neither ``ci`` nor ``slow`` compiles much and runs little, so XLA optimises less for it: a quarter of all
    CPU time is saved, though programs run about ten times slower. Workers and processes of tests inherit it."""
    if config.option.markexpr == "not slow and not ci":
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()


import jax  # noqa: E402, F401 - now, so that a test that changes these variables does not change this process
