"""What the commands share: arguments from dataclasses, errors on one line, the compilation cache."""

import contextlib
import gc
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import jax
import tyro

BoardName = Literal["square8", "square19", "hex8", "hexagonal"]
PresetName = Literal["auto", "tiny", "cpu", "gpu"]
JsonFile = Annotated[Path | None, tyro.conf.arg(name="json")]


def fail(message: str) -> NoReturn:
    """Ends the program with exit code 2 and one line that says what was wrong and what is allowed."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def fail_to_write(
    problem: OSError, directory: Path, then: str = "the same command continues from the last checkpoint"
) -> NoReturn:
    """Ends the program with a line that says what could not be written, or raises an error that is about something
    else. ``then``: what happens when there is space again."""
    if problem.filename is None or not Path(problem.filename).resolve().is_relative_to(directory.resolve()):
        raise problem
    what = f"cannot write {problem.filename}: {problem.strerror}"
    problem.__traceback__ = problem.__cause__ = problem.__context__ = None
    gc.collect()
    fail(f"{what}; make space for {directory}, then {then}")


def option(metavar: str, default: str) -> Any:
    """Annotation of an option that may be left out, with what help says it then is."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


def parse(kind: Any, argv: Sequence[str], hint: str = "see --help", **options: Any) -> Any:
    """``tyro.cli``, but an error is one line.

    Args:
      kind: dataclass of the arguments.
      argv: arguments without the program's name.
      hint: ends the line.
      **options: passed to ``tyro.cli``.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            return tyro.cli(kind, args=list(argv), **options)
    except SystemExit as stop:
        if not stop.code:
            raise
    fail(f"{_one_line(printed.getvalue())}; {hint}")


def _one_line(box: str) -> str:
    """The message in tyro's box, which ends at the first rule or empty line."""
    lines = [line.strip("│╭╮╰╯|+ \n") for line in box.splitlines()[1:]]
    message = []
    for line in lines:
        if line.strip("─-"):
            message.append(line)
        elif message:
            break
    text = re.sub(r"\s+", " ", " ".join(message))
    return text[:1].lower() + text[1:].rstrip(". ")


def check_json(path: Path | None) -> None:
    """Fails before anything is measured if the report could not be written."""
    if path and not path.parent.is_dir():
        fail(f"--json is {path}, but there is no directory {path.parent}")


def choose_preset(name: str) -> str:
    """The preset that ``auto`` is on this machine; another name is itself."""
    return name if name != "auto" else "gpu" if jax.default_backend() == "gpu" else "cpu"


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache directory, unless ``JAX_COMPILATION_CACHE_DIR`` says where."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        jax.config.update("jax_compilation_cache_dir", str(Path(base) / "ringrift_jax"))


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_deterministic_kernels() -> None:
    """Has a GPU add up in a fixed order, slower, so that a run repeats bit for bit; a CPU does anyway. It counts only
    before JAX has looked for its devices."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()


def use_all_cores() -> None:
    """Makes every CPU core a device (:mod:`ringrift_jax.devices`), unless JAX runs already or was told how many."""
    asked = jax.config.jax_num_cpu_devices  # pyright: ignore[reportAttributeAccessIssue]
    if asked < 0 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cores())
