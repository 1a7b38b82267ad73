"""Files that are never half written: replaced as a whole, or longer by a whole line.

An OSError of a function here has the file's name in it, also when the disk is full.
"""

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Python names the file when it cannot be opened, but not when it cannot be written."""
    try:
        yield
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(path)) from problem


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that replaces another in one step at the end of the ``with``, or vanishes if that fails."""
    new = path.with_suffix(".new")
    with _naming(path):
        try:
            with new.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def write_whole(path: Path, text: str) -> None:
    """Replaces a file in one step."""
    with replacing(path) as file:
        file.write(text.encode())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Replaces a file in one step by lines, which are given without their ends."""
    write_whole(path, "".join(line + "\n" for line in lines))


def append_line(path: Path, line: str) -> None:
    """Adds a line, which is on disk when this returns."""
    with _naming(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def append_bytes(path: Path, data: bytes) -> None:
    """Adds bytes, which are on disk when this returns. When that fails, what was there before stays as it was."""
    with _naming(path), path.open("ab") as file:
        before = file.tell()
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.truncate(path, before)
            raise


@contextmanager
def line_of(path: Path, number: int) -> Iterator[None]:
    """Puts the file and the number of the line, from 1, before a ValueError about it."""
    try:
        yield
    except ValueError as problem:
        raise ValueError(f"{path}, line {number}: {problem}") from None


def whole_lines(path: Path) -> list[str]:
    """The lines of a file without their ends, but for a last one that was not written to its end; none if there is no
    file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return text.split("\n")[:-1]


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file. FileNotFoundError when there is none, ValueError when it cannot be read; nothing in it
    is run."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with loaded as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    # What NumPy and zipfile raise for damaged files; a hostile header asks for more memory than there is.
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, MemoryError, zipfile.BadZipFile, zlib.error) as why:
        raise ValueError(f"not a readable npz file ({why})") from None
