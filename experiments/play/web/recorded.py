"""Studies from records of games and back (docs/records.md), and as pages (``interactive.game_page``)."""

import tempfile
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec

from ringrift_jax.runs import record_files

from .messages import Player, Rules
from .review import Review
from .study import Branch, Document, Study, begin


def read(data: bytes, number: int = 1) -> Document:
    """A game of a file of records, gzip'd or not, as a study of its moves, paused.

    Args:
      data: of the file.
      number: of the game, from 1.

    Raises:
      ValueError: there is no such game in it, or it is damaged.
    """
    from ringrift_jax.runs import records  # JAX is needed for this only

    if number < 1:
        raise ValueError(f"game is {number}; games count from 1")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / ("games.jsonl.gz" if data[:2] == b"\x1f\x8b" else "games.jsonl")
        path.write_bytes(data)
        try:
            record = next(islice(record_files.read(path), number - 1, None), None)
        except ValueError as problem:
            raise ValueError(str(problem).replace(str(path), "the file")) from None
    if record is None:
        raise ValueError(f"the file has no game {number}")
    records.verify(record)
    rules = msgspec.convert(
        {"board": record["board"], "players": record["players"], "swap_rule": record["swap_rule"]}, Rules
    )
    # Nobody plays on by itself: the names of those who played need not be players here.
    study = begin(rules, [Player()] * rules.players)
    moves = [step["m"] for step in record["steps"] if not step["m"].startswith("NO_")]
    tree = [Branch(-1, ""), *(Branch(node, move) for node, move in enumerate(moves))]
    return Document(rules, study.document.seats, study.document.made, tree, paused=True)


def to_record(study: Study, id: str) -> dict:
    """The record of a study's main line; a game that goes on counts as truncated. ValueError when it does not start
    with an empty board, as records do."""
    from ringrift_jax.runs import records

    document = study.document
    if document.rules.start is not None:
        raise ValueError("records hold whole games, and this one starts from a position; its notation can be copied")
    end = list(study.main_line())[-1]
    models = [player.name for player in document.seats]
    return records.record_moves(
        study.board, study.moves(end), id=f"{study.board.name}-{id}", models=models, swap_rule=document.rules.swap_rule
    )


def to_file(study: Study, id: str) -> bytes:
    """The main line as a file of records."""
    return record_files.to_bytes([to_record(study, id)])


def to_page(study: Study, id: str, review: Review) -> str:
    """The main line as one HTML file, with the chances of winning of those nodes that were analysed, and the marks of a
    review."""
    from ringrift_jax.interactive.game_page import game_html
    from ringrift_jax.interactive.replay import Mark, decisions_made, seat_curves

    record = to_record(study, id)
    curves: dict[str, list[Any]] = {}
    line = list(study.main_line())
    nodes = [line[number] for number in decisions_made(record)]
    if review.chances:
        values = [review.chances.get(node) for node in nodes]
        curves["chance of winning, as the program sees it"] = seat_curves(
            [row[seat] if row else None for row in values] for seat in range(study.board.num_players)
        )
    marked = {}
    for number, (before, node) in enumerate(pairwise(nodes), 1):
        if node != before and node in review.marks:
            marked[number] = Mark(**review.marks[node])
    return game_html(record, curves, marked=marked)
