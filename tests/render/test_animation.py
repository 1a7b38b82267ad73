"""The animated picture of a game shows at each moment what the static picture of that position shows."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from played import random_record

from experiments import replay
from ringrift_jax import boards, reference, render
from ringrift_jax.reference.position import Position
from ringrift_jax.runs import records

DOCS = Path(__file__).resolve().parents[2] / "docs"
GAMES: dict[str, dict] = {"square8": random_record(2), "hex8": random_record(0, "hex8", 3)}
SECONDS, PAUSE = 0.5, 3.0

Shape = tuple[str, str, float, float, str]


def positions(record: dict) -> list[Position]:
    """Before the first decision and after each, with the forced bookkeeping that follows."""
    found = [reference.new_game(boards.standard(record["board"], record["players"]), record["swap_rule"])]
    for step in record["steps"]:
        after = reference.play(found[-1], step["m"])
        found[-1:] = [after] if step["m"].startswith("NO_") else [found[-1], after]
    return found


def runs(picture: str) -> dict[str, tuple[float, float]]:
    """From when to when, in per cent of the loop, each class of the style sheet is visible."""
    found = {}
    for name, rules in re.findall(r"@keyframes (f\d+-\d+)\{((?:[\d.]+%\{\w+:\w+\})+)\}", picture):
        steps = re.findall(r"([\d.]+)%\{visibility:(\w+)\}", rules)
        assert steps[0][0] == "0" and [float(at) for at, _ in steps] == sorted(float(at) for at, _ in steps)
        (begin,) = [float(at) for at, what in steps[:-1] if what == "visible"]
        found[name] = begin, float(steps[-1][0])
        assert (found[name][1] == 100) == (steps[-1][1] == "visible")
    return found


@cache
def parsed(picture: str) -> tuple[ET.Element, dict[str, tuple[float, float]]]:
    return ET.fromstring(picture), runs(picture)


def visible(picture: str, when: float | None) -> Iterator[tuple[ET.Element, float, float]]:
    """What is seen at so many per cent of the loop, or without animation, with the shift of ``use``."""
    root, times = parsed(picture)
    symbols = {group.attrib["id"]: group for defs in root.findall("{*}defs") for group in defs}

    def walk(element: ET.Element, x: float, y: float) -> Iterator[tuple[ET.Element, float, float]]:
        if element.tag.endswith("}defs"):
            return
        if element.get("class", "").startswith("f "):
            begin, end = times[element.attrib["class"].split(" ")[1]]
            if element.get("visibility") == "hidden" if when is None else not begin <= when < end:
                return
        if element.tag.endswith("}use"):
            for child in symbols[element.attrib["href"][1:]]:
                yield from walk(child, x + float(element.attrib["x"]), y + float(element.attrib["y"]))
            return
        yield element, x, y
        for child in element:
            yield from walk(child, x, y)

    yield from walk(root, 0, 0)


def shapes(seen: Iterator[tuple[ET.Element, float, float]]) -> list[Shape]:
    """Everything drawn but the background, in any order: what it is, its colour, where it is, and its text."""
    found = []
    for element, x, y in seen:
        tag, fill = element.tag.partition("}")[2], element.get("fill", "")
        if tag in ("svg", "g", "title", "style") or (tag, fill) == ("rect", render.THEMES["light"].background):
            continue
        corner = re.findall(r"-?[\d.]+", element.get("points") or element.get("d") or "")
        left, top = (float(corner[at] if corner else element.get(name) or element.attrib[f"c{name}"])
                     for at, name in enumerate("xy"))  # fmt: skip
        found.append((tag, fill, round(left + x, 1), round(top + y, 1), element.text or ""))
    return sorted(found)


def counts(seen: list[Shape]) -> list[str]:
    """The line that the static picture does not have."""
    return [shape[4] for shape in seen if re.match(r"\d+ of \d+", shape[4])]


def caption(picture: str) -> str:
    found = re.search(r'font-weight="bold">(seat \d.*|nobody .*)</text>', picture)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("board", GAMES)
def test_every_frame_is_the_static_picture_of_its_position(board: str):
    record = GAMES[board]
    picture = render.game_svg(record, seconds=SECONDS, pause=PAUSE)
    shown = positions(record)
    total = len(shown) * SECONDS + PAUSE
    assert f"animation:{total:g}s step-end infinite" in picture
    moves = [step["m"] for step in record["steps"] if not step["m"].startswith("NO_")]
    assert len(shown) == len(moves) + 1 > 40
    for number, pos in enumerate(shown):
        before, move = (shown[number - 1], moves[number - 1]) if number else (None, None)
        static = render.position_svg(pos, previous=before, move=move, caption=caption(picture))
        expected = shapes(visible(static, None))
        for share in (0.02, 0.98):
            frame = shapes(visible(picture, 100 * (number + share) * SECONDS / total))
            (count,) = counts(frame)
            assert count == f"{number} of {len(moves)}{f': {move}' if move else ''}"
            assert [shape for shape in frame if shape[4] != count] == expected
    assert shapes(visible(picture, None)) == shapes(visible(picture, 99.9))


@pytest.mark.parametrize("swapped", [False, True])
def test_the_caption_says_the_result_and_who_played(swapped: bool):
    board, models = boards.standard("square8"), ["a & b", "<c>"]
    pos, moves = reference.new_game(board, True), []
    while len(moves) < 2 or pos.seat != 2:
        legal = reference.legal_moves(pos)
        moves.append(legal[0])
        pos = reference.play(pos, legal[0])
    moves = [move for move in moves if not move.startswith("NO_")]
    record = records.record_moves(board, moves + ["SWAP"] * swapped, id="", models=models, swap_rule=True)
    assert caption(render.game_svg(record)) == "nobody wins: truncated"
    won = record["result"] | {"winner": 1, "reason": "territory_control:x"}
    text = caption(render.game_svg(record | {"result": won}))
    assert text == f"seat 1 ({models[swapped]}) wins: territory control, x"


def test_bad_numbers_are_refused():
    for options, message in (
        ({"seconds": 0}, "seconds is 0"),
        ({"pause": -1}, "pause -1"),
    ):
        with pytest.raises(ValueError, match=message):
            render.game_svg(GAMES["square8"], **options)


def test_the_game_of_the_readme_is_drawn_from_its_record(tmp_path):
    """With the command of the README, and small enough for a first page."""
    picture = tmp_path / "game.svg"
    replay.main([str(DOCS / "game.jsonl.gz"), "--game", "1", "--svg", str(picture)])
    drawn = picture.read_bytes()
    assert drawn == (DOCS / "game.svg").read_bytes() and len(drawn) < 300_000
    assert b"<script" not in drawn and b"http" not in drawn.replace(b"http://www.w3.org/2000/svg", b"")
