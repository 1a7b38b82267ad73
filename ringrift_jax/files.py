"""Files that are never half written: replaced as a whole, or longer by a whole line."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replaces a file in one step."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Replaces a file in one step by lines, which are given without their ends."""
    write_whole(path, "".join(line + "\n" for line in lines))


def append_line(path: Path, line: str) -> None:
    """Adds a line, which is on disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> list[str]:
    """The lines of a file without their ends, but for a last one that was not written to its end; none if there is no
    file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return text.split("\n")[:-1]
