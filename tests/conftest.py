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

import jax  # noqa: E402, F401 - now, so that a test that changes these variables does not change this process
