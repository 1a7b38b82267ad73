"""What the commands share: arguments from dataclasses, errors on one line, any terminal or pipe, how JAX starts.

Those functions that need JAX or Rich import them, so that a command can parse its arguments and answer before that.
"""

import codecs
import contextlib
import gc
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import platformdirs
import tyro

from ringrift_jax.settings import check

BoardName = Literal["square8", "square19", "hex8", "hexagonal"]
PresetName = Literal["auto", "tiny", "cpu", "gpu"]
JsonFile = Annotated[Path | None, tyro.conf.arg(name="json")]


_ASCII = {"±": "+-", "·": "."}


def _spell(problem: UnicodeError) -> tuple[str, int]:
    """What is written for characters that the encoding of the output does not have."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    text = problem.object[problem.start : problem.end]
    return "".join(_ASCII.get(character, "?") for character in text), problem.end


codecs.register_error("ringrift_spell", _spell)


def command(main: Callable[..., None]) -> Callable[..., None]:
    """Makes a main function work on any output: one that cannot encode a character, one that nobody reads any more,
    such as ``| head``. Ctrl-C ends it with exit code 130 where it does not do anything else."""

    @wraps(main)
    def run(*args: Any, **options: Any) -> None:
        for stream in sys.stdout, sys.stderr:
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="ringrift_spell")
        try:
            try:
                main(*args, **options)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # Python flushes once more at its end, and would complain.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return run


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
    """``tyro.cli``, but an error is one line, and the annotations of :mod:`ringrift_jax.settings` hold.

    The line is cut out of tyro's box: its own way to get at errors is private and may change with any release.

    Args:
      kind: dataclass of the arguments.
      argv: arguments without the program's name.
      hint: ends the line.
      **options: passed to ``tyro.cli``.
    """
    if "" in argv:
        fail(f"an argument is empty; {hint}")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            parsed = tyro.cli(kind, args=list(argv), **options)
    except SystemExit as stop:
        if not stop.code:
            raise
        fail(f"{_one_line(printed.getvalue())}; {hint}")
    try:
        check(parsed[0] if isinstance(parsed, tuple) else parsed, lambda name: f"--{name.replace('_', '-')}")
    except ValueError as problem:
        fail(str(problem).removesuffix(", or None"))  # which is to leave the option out
    return parsed


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


def check_output(option: str, path: Path | None) -> None:
    """Fails before anything is done if a file could not be written."""
    if path and not path.parent.is_dir():
        fail(f"{option} is {path}, but there is no directory {path.parent}")
    if path and path.is_dir():
        fail(f"{option} is {path}, which is a directory; it must be a file")


def share_gpu_memory() -> None:
    """Has JAX take a GPU's memory as it needs it, unless ``XLA_PYTHON_CLIENT_PREALLOCATE`` says otherwise. By itself it
    takes three quarters at once, and a second command beside the first finds too little."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def choose_preset(name: str) -> str:
    """The preset that ``auto`` is on this machine, with a warning if a GPU does not start; another name is itself, with
    a warning if it is ``gpu`` and there is none."""
    if name not in ("auto", "gpu"):
        return name
    import jax

    share_gpu_memory()
    problem = None
    try:
        backend = jax.default_backend()
        problem = next(iter(_backend_errors().values()), None)
    except Exception as failed:  # whatever a plugin raises
        if name == "gpu" or asked_platforms():
            fail(_no_backend(failed))
        jax.config.update("jax_platforms", "cpu")
        backend, problem = jax.default_backend(), str(failed)
    if backend == "gpu":
        return "gpu"
    broken = f"the GPU does not start ({_first_line(problem)})" if problem and backend == "cpu" else ""
    if name == "gpu":
        consequence = "an iteration of the preset gpu takes many minutes then, one of the preset cpu does not"
        print(f"warning: {broken or 'there is no GPU'}; {consequence}", file=sys.stderr)
    elif broken:
        print(f"warning: {broken}; going on with the preset cpu", file=sys.stderr)
    return "gpu" if name == "gpu" else "cpu"


def asked_platforms() -> str | None:
    """What ``JAX_PLATFORMS`` says."""
    import jax

    return jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]


def _backend_errors() -> dict[str, str]:
    """Why GPUs do not start, by platform, which JAX tells nowhere else."""
    errors = getattr(sys.modules.get("jax._src.xla_bridge"), "_backend_errors", {})
    return {name: why for name, why in errors.items() if name in ("cuda", "rocm", "gpu")}


def _no_backend(problem: Exception) -> str:
    why = _first_line(str(problem)) or "there is no such device, or its plugin is not installed"
    hint = "" if "JAX_PLATFORMS" in why else "; JAX_PLATFORMS=cpu always works"
    return f"JAX cannot start on {asked_platforms() or 'this machine'}: {why}{hint}"


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")


@contextlib.contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Says on the terminal, if there is one, what takes a while and how long it has taken; it vanishes at the end.
    Yields a function that says something else in its place."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda instead: progress.update(task, description=instead)


def start_jax() -> None:
    """Has JAX look for its devices, or ends the program with one line that says why there are none. It keeps compiled
    programs in the user's cache directory, unless ``JAX_COMPILATION_CACHE_DIR`` says where."""
    import jax

    share_gpu_memory()
    try:
        jax.devices()
    except Exception as problem:  # whatever a plugin raises
        fail(_no_backend(problem))
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        with contextlib.suppress(RuntimeError):  # a user may have no home
            directory = platformdirs.user_cache_dir("ringrift_jax", appauthor=False)
            jax.config.update("jax_compilation_cache_dir", directory)


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_deterministic_kernels() -> None:
    """Has a GPU add up in a fixed order, slower, so that a run repeats bit for bit; a CPU does anyway. It counts only
    before JAX has looked for its devices."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()


def use_all_cores() -> None:
    """Makes every CPU core a device (:mod:`ringrift_jax.devices`), unless JAX runs already or was told how many."""
    import jax

    from ringrift_jax.devices import wait_for_slower_devices

    asked = jax.config.jax_num_cpu_devices  # pyright: ignore[reportAttributeAccessIssue]
    if asked < 0 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cores())
    wait_for_slower_devices()
