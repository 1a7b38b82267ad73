"""Files of game records: gzip'd JSON Lines, one game a line (docs/records.md).

A file grows by whole gzip members, so that a crash leaves at most its last member unfinished. Files of others are read
too, also uncompressed ones, and with empty lines in them. Reading holds one line at a time, and every record is
checked for its keys and types.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from .. import boards
from .files import append_bytes, replacing

LINE_LIMIT = 2**25
"""Bytes of a line without its end: ten times the longest of the public games."""
_PIECE = 2**20  # bytes that are decompressed at a time, and about the bytes of a compressed member

_TYPE_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a fraction",
    bool: "true or false",
    type(None): "null",
}
_Types = dict[str, tuple[type, ...]]
RECORD: _Types = {
    "id": (str,),
    "board": (str,),
    "players": (int,),
    "swap_rule": (bool,),
    "lps_rounds": (int,),
    "engine": (str,),
    "cap": (int, type(None)),
    "s0": (str,),
    "steps": (list,),
    "result": (dict,),
}
"""The keys that every record has, with the types of their values."""
_STEP: _Types = {"p": (int,), "ph": (str,), "m": (str,), "n": (int,), "h": (str,), "s": (str,)}
_RESULT: _Types = {"winner": (int, type(None)), "reason": (str,), "ranks": (list,), "scores": (list,)}
_SCORE: _Types = {"p": (int,), "t": (int,), "e": (int,), "m": (int,), "x": (int, type(None))}


def write(path: Path | str, records: Iterable[dict]) -> None:
    """Writes a whole file, which replaces one of that name in one step when all is written. ValueError as in
    :func:`append`."""
    path = _named_gz(path)
    with replacing(path) as file:
        for member in _members(map(_to_line, records)):
            file.write(member)


def append(path: Path | str, records: Iterable[dict]) -> None:
    """Adds records as one gzip member, which is on disk when this returns; the file is made if there is none.

    After a crash call :func:`rewind` first, because nothing can be read beyond an unfinished member.

    Raises:
      ValueError: the name does not end in ``.gz``, a line would be longer than LINE_LIMIT, or a record is not one.
      OSError: the records cannot be written; the file is as before.
    """
    path = _named_gz(path)
    member = to_bytes(records)
    if member:
        append_bytes(path, member)


def to_bytes(records: Iterable[dict]) -> bytes:
    """Records as one gzip member, nothing for none. ValueError when a line would be too long or is not a record."""
    lines = b"".join(map(_to_line, records))
    return _compress(lines) if lines else b""


def read(path: Path | str, torn_end: bool = False) -> Iterator[dict]:
    """The records of a file, one at a time.

    Args:
      path: gzip'd if its name ends in ``.gz``.
      torn_end: end quietly where the file breaks off, as it does after a crash and while another process writes it.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is damaged, a line is longer than LINE_LIMIT, or it is no record; with the line's number.
    """
    return (record for record, _ in _records(Path(path), torn_end))


def rewind(path: Path | str, keep: Callable[[dict], bool]) -> int:
    """Drops the records that ``keep`` refuses and an unfinished last one, in one step.

    Returns:
      How many whole records were dropped; 0 if there is no file.

    Raises:
      ValueError: as in :func:`append` and :func:`read`; the file is as before.
    """
    path = _named_gz(path)
    if not path.exists():
        return 0
    dropped = 0

    def kept() -> Iterator[bytes]:
        nonlocal dropped
        for record, line in _records(path, torn_end=True):
            if keep(record):
                yield line + b"\n"
            else:
                dropped += 1

    with replacing(path) as file:
        for member in _members(kept()):
            file.write(member)
    return dropped


def check(record: Any) -> None:
    """ValueError unless this is a record: all keys are there, of the right types, of a known board. What it says about
    the game is not checked; see ``records.verify``."""
    _require(record, RECORD, "the record")
    if record["board"] not in boards.BOARD_NAMES:
        raise ValueError(f"unknown board {record['board']!r}; it must be one of {', '.join(boards.BOARD_NAMES)}")
    n = record["players"]
    boards.standard(record["board"], n)
    if record["swap_rule"] and n != 2:
        raise ValueError(f"swap_rule is true with {n} players; the pie rule is for 2 players")
    if not record["steps"]:
        raise ValueError("the record has no steps")
    for number, step in enumerate(record["steps"]):
        _require(step, _STEP, f"step {number}")
        _texts(step.get("L", []), f"step {number}: L")
    result = record["result"]
    _require(result, _RESULT, "the result")
    _require({"truncated": False} | result, {"truncated": (bool,)}, "the result")
    for name in ("ranks", "scores"):
        if len(result[name]) != n:
            raise ValueError(f"the result has {len(result[name])} {name}; there are {n} players")
    for score in result["scores"]:
        _require(score, _SCORE, "a score of the result")
    _require(dict(enumerate(result["ranks"])), dict.fromkeys(range(n), (int,)), "ranks of the result")
    models = _texts(record.get("models", [""] * n), "models")
    if len(models) != n:
        raise ValueError(f"the record names {len(models)} models; there are {n} players")


def _require(values: Any, types: dict[Any, tuple[type, ...]], where: str) -> None:
    if type(values) is not dict:
        raise ValueError(f"{where} is {_TYPE_NAMES[type(values)]}; it must be an object")
    for key, allowed in types.items():
        if key not in values:
            raise ValueError(f"{where} has no {key!r}")
        value = values[key]
        if type(value) not in allowed:
            expected = " or ".join(_TYPE_NAMES[kind] for kind in allowed)
            raise ValueError(f"{where}: {key!r} is {_TYPE_NAMES[type(value)]}; it must be {expected}")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"{where}: {key!r} holds characters that cannot be printed")


def _texts(values: Any, where: str) -> list[str]:
    if type(values) is not list:
        raise ValueError(f"{where} is {_TYPE_NAMES[type(values)]}; it must be a list of texts")
    _require(dict(enumerate(values)), dict.fromkeys(range(len(values)), (str,)), where)
    return values


def _named_gz(path: Path | str) -> Path:
    if Path(path).suffix != ".gz":
        raise ValueError(f"{path}: records are written compressed, to a file whose name ends in .gz")
    return Path(path)


def _to_line(record: dict) -> bytes:
    check(record)
    line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    if len(line) > LINE_LIMIT:
        raise ValueError(f"game {record['id']} takes {len(line)} bytes; a line may have {LINE_LIMIT}")
    return line + b"\n"


def _members(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines compressed together in members of about a piece each."""
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if sum(map(len, held)) >= _PIECE:
            yield _compress(b"".join(held))
            held = []
    if held:
        yield _compress(b"".join(held))


def _compress(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


def _records(path: Path, torn_end: bool) -> Iterator[tuple[dict, bytes]]:
    """Each record with its line."""
    with path.open("rb") as file:
        pieces = _unzip(file) if path.suffix == ".gz" else iter(partial(file.read, _PIECE), b"")
        number = 1
        try:
            for line in _lines(pieces, torn_end):
                if line.strip():
                    yield _parse(line), line
                number += 1
        except ValueError as problem:
            raise ValueError(f"{path}, line {number}: {problem}") from None


def _lines(pieces: Iterator[bytes], torn_end: bool) -> Iterator[bytes]:
    rest = b""
    try:
        for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            for line in (*whole, rest):
                if len(line) > LINE_LIMIT:
                    raise ValueError(f"the line is longer than {LINE_LIMIT} bytes")
            yield from whole
    except EOFError:
        if torn_end:
            return
        raise ValueError("the compressed file breaks off here") from None
    except zlib.error as problem:
        raise ValueError(f"the compressed data is damaged ({problem})") from None
    if rest and not torn_end:
        yield rest


def _unzip(file: BinaryIO) -> Iterator[bytes]:
    """The content of all gzip members in pieces, so that memory is bounded. Zeros after a member are left out, as gzip
    does. EOFError in the midst of a member."""
    decoder, data, first = None, b"", True
    while data := data or file.read(_PIECE):
        if decoder is None and not first and not (data := data.lstrip(b"\0")):
            continue
        first = False
        decoder = decoder or zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        yield decoder.decompress(data, _PIECE)
        data = decoder.unconsumed_tail
        if decoder.eof:
            decoder, data = None, decoder.unused_data
    if decoder:
        raise EOFError


def _parse(line: bytes) -> dict:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON ({problem})") from None
    check(record)
    return record
