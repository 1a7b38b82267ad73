"""Compiled programs are kept between test runs and shared by the workers: XLA's compiler is what the tests wait for."""

import os
from pathlib import Path

import jax

CACHE = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "jax"))

jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
