"""Files of game records: growth by whole members, bounded reading, damage, and rewinding."""

import copy
import gzip
import json
import os
import random
import tracemalloc

import pytest
from played import random_record

from ringrift_jax.runs import record_files
from ringrift_jax.runs.record_files import append, check, read, rewind, write

GAMES = [random_record(seed, iteration=seed) for seed in range(5)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "games.jsonl.gz"


def lines(*games: dict) -> bytes:
    return b"".join(json.dumps(game).encode() + b"\n" for game in games)


def message(path, **options) -> str:
    """The complaint that reading a file ends with; it names the file."""
    with pytest.raises(ValueError) as found:
        list(read(path, **options))
    text = str(found.value)
    assert text.startswith(f"{path}, line ") and "\n" not in text
    return text.removeprefix(f"{path}, ")


def test_what_is_written_is_read(path, tmp_path):
    write(path, GAMES[:2])
    append(path, GAMES[2:4])
    append(path, [])
    append(path, GAMES[4:])
    assert list(read(path)) == GAMES
    assert gzip.decompress(path.read_bytes()).count(b"\n") == len(GAMES)
    write(path, [])
    assert list(read(path)) == []
    plain = tmp_path / "games.jsonl"
    plain.write_bytes(lines(*GAMES))
    assert list(read(str(plain))) == GAMES
    plain.write_bytes(lines(*GAMES)[:-1])
    assert list(read(plain)) == GAMES
    with pytest.raises(FileNotFoundError):
        list(read(tmp_path / "none.jsonl"))


def test_members_are_bounded(path, monkeypatch):
    monkeypatch.setattr(record_files, "_PIECE", 50_000)
    write(path, GAMES)
    assert path.read_bytes().count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") > 1
    assert list(read(path)) == GAMES


def test_a_torn_end_loses_only_the_last_member(path):
    append(path, GAMES[:1])
    bounds = [0, path.stat().st_size]
    append(path, GAMES[1:3])
    bounds.append(path.stat().st_size)
    whole = path.read_bytes()
    cuts = {*range(0, bounds[2], 97), *(bound + i for bound in bounds for i in range(-12, 13))}
    for cut in sorted(cut for cut in cuts if 0 <= cut <= bounds[2]):
        path.write_bytes(whole[:cut])
        survivors = list(read(path, torn_end=True))
        least = 3 if cut == bounds[2] else 1 if cut >= bounds[1] else 0
        assert survivors == GAMES[: len(survivors)] and least <= len(survivors) <= 3
        if cut in bounds:
            assert list(read(path)) == survivors
        else:
            assert message(path) == f"line {len(survivors) + 1}: the compressed file breaks off here"
        if cut % 11 == 0:
            assert rewind(path, lambda record: True) == 0
            append(path, GAMES[4:])
            assert list(read(path)) == [*survivors, GAMES[4]]


def test_a_torn_line_of_a_plain_file(tmp_path):
    plain = tmp_path / "games.jsonl"
    plain.write_bytes(lines(*GAMES[:2])[:-40])
    assert list(read(plain, torn_end=True)) == GAMES[:1]
    assert message(plain).startswith("line 2: not JSON")


def test_damage_is_noticed(path):
    write(path, GAMES[:2])
    whole = path.read_bytes()
    rng = random.Random(0)
    complaints = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert list(read(path)) == GAMES[:2]  # a bit of the header that means nothing
        except ValueError as problem:
            complaints += 1
            assert str(problem).startswith(f"{path}, line ")
    assert complaints > 190
    path.write_bytes(whole + b"more")
    assert message(path).startswith("line 3: the compressed data is damaged")
    path.write_bytes(lines(*GAMES))
    assert message(path).startswith("line 1: the compressed data is damaged")


def test_zeros_after_a_member_and_empty_lines_are_left_out(path, monkeypatch):
    write(path, GAMES[:1])
    whole = path.read_bytes()
    for zeros in (1, 512, 2**20, 2**20 + 1):
        path.write_bytes(whole + bytes(zeros))
        assert list(read(path)) == list(read(path, torn_end=True)) == GAMES[:1]
        append(path, GAMES[1:2])
        assert list(read(path)) == GAMES[:2]
        assert rewind(path, lambda record: True) == 0
        assert list(read(path)) == GAMES[:2] and bytes(9) not in path.read_bytes()[-20:]
    path.write_bytes(bytes(512) + whole)
    assert message(path).startswith("line 1: the compressed data is damaged")
    text = b"\n\n" + lines(GAMES[0]) + b"\n \r\n" + lines(GAMES[1]) + b"\n"
    path.write_bytes(gzip.compress(text))
    assert list(read(path)) == GAMES[:2]
    path.write_bytes(gzip.compress(text + b"{\n"))
    assert message(path).startswith("line 8: not JSON")


def test_a_gzip_bomb_is_read_in_bounded_memory(path, monkeypatch):
    monkeypatch.setattr(record_files, "LINE_LIMIT", 2**20)
    write(path, GAMES[:1])
    with path.open("ab") as file:
        file.write(gzip.compress(b" " * 2**27))
    assert path.stat().st_size < 2**18
    tracemalloc.start()
    assert message(path, torn_end=True) == "line 2: the line is longer than 1048576 bytes"
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_line_that_could_not_be_read_is_not_written(path, monkeypatch):
    append(path, GAMES[:1])
    monkeypatch.setattr(record_files, "LINE_LIMIT", 1000)
    for put in (append, write):
        with pytest.raises(ValueError, match="game random 1 takes .* bytes; a line may have 1000"):
            put(path, GAMES[1:])
    monkeypatch.undo()
    assert list(read(path)) == GAMES[:1]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with pytest.raises(ValueError, match=r"whose name ends in \.gz"):
        write(path.with_suffix(""), GAMES)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON ('utf-8'"),
        (b"[" * 100_000, "not JSON (maximum recursion"),
        (b"[]", "the record is a list; it must be an object"),
        (b"{}", "the record has no 'id'"),
    ],
)
def test_lines_that_are_no_records(tmp_path, line, complaint):
    plain = tmp_path / "games.jsonl"
    plain.write_bytes(lines(GAMES[0]) + line + b"\n" + lines(GAMES[1]))
    assert message(plain).startswith(f"line 2: {complaint}")


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        (("board",), "square9", "unknown board 'square9'; it must be one of square8,"),
        (("board",), 8, "'board' is a whole number; it must be a text"),
        (("id",), "\x1b[2J", "'id' holds characters that cannot be printed"),
        (("players",), True, "'players' is true or false; it must be a whole number"),
        (("players",), 5, "num_players is 5; it must be 2 to 4"),
        (("players",), 3, "swap_rule is true with 3 players"),
        (("cap",), 1.5, "'cap' is a fraction; it must be a whole number or null"),
        (("steps",), [], "the record has no steps"),
        (("steps",), {}, "'steps' is an object; it must be a list"),
        (("steps", 3), None, "step 3 is null; it must be an object"),
        (("steps", 3), {"p": 1}, "step 3 has no 'ph'"),
        (("steps", 3, "n"), "5", "step 3: 'n' is a text; it must be a whole number"),
        (("steps", 3, "L"), [1], "step 3: L: 0 is a whole number; it must be a text"),
        (("result", "ranks"), [1], "the result has 1 ranks; there are 2 players"),
        (("result", "ranks"), [1, "2"], "ranks of the result: 1 is a text; it must be a whole number"),
        (("result", "scores", 0), {}, "a score of the result has no 'p'"),
        (("result", "truncated"), 1, "'truncated' is a whole number; it must be true or false"),
        (("models",), "ab", "models is a text; it must be a list of texts"),
        (("models",), ["a"], "the record names 1 models; there are 2 players"),
    ],
)
def test_records_with_wrong_keys(path, keys, value, complaint):
    record = copy.deepcopy(GAMES[0])
    *outer, last = keys
    place = record
    for key in outer:
        place = place[key]
    place[last] = value
    with pytest.raises(ValueError) as found:
        check(record)
    assert complaint in str(found.value)
    with pytest.raises(ValueError):
        append(path, [record])
    assert not path.exists()
    path.write_bytes(gzip.compress(lines(record)))
    assert complaint in message(path)


def test_rewinding_drops_records_in_one_step(path):
    assert rewind(path, lambda record: False) == 0
    append(path, GAMES[:3])
    append(path, GAMES[3:])
    assert rewind(path, lambda record: record["iteration"] <= 2) == 2
    assert list(read(path)) == GAMES[:3]
    before = path.read_bytes()

    def stop(record: dict) -> bool:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rewind(path, stop)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    append(path, GAMES[:1])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        append(path, GAMES[1:])
    with pytest.raises(OSError, match="No space left"):
        write(path, GAMES[1:])
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
