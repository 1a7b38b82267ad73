"""What all tests share.

Compiled programs are kept between test runs and shared by the workers: XLA's compiler is what the tests wait for. The
CPU counts as two devices, so that what is spread over devices is tested.
"""

import os
from pathlib import Path

import jax

CACHE = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "jax"))

jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
jax.config.update("jax_num_cpu_devices", 2)
