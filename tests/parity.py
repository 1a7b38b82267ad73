"""The public recorded games (records section 8), read from the folder named by RINGRIFT_PARITY."""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "parity"
FOLDER = Path(os.environ.get("RINGRIFT_PARITY", DEFAULT_FOLDER))

needs_parity = pytest.mark.skipif(
    not any(FOLDER.glob("*.jsonl.gz")), reason=f"no recorded games in {FOLDER}; set RINGRIFT_PARITY to their folder"
)


def games(board: str, num_players: int) -> Iterator[dict]:
    """The game records of one configuration, one at a time."""
    with gzip.open(FOLDER / f"{board}_{num_players}p.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def crc(moves: Sequence[str]) -> str:
    """The fingerprint ``h`` of a sorted list of legal moves."""
    return f"{zlib.crc32(chr(10).join(moves).encode()):08x}"
