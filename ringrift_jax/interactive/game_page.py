"""A whole game as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence

from ..render.pages import page
from .bundle import one_module, one_style
from .replay import Curve, Mark, packed, replay


def game_html(
    record: dict, curves: Mapping[str, Sequence[Curve]] | None = None, marked: Mapping[int, Mark] | None = None
) -> str:
    """The page of a recorded game: a board to step through with the slider, the arrow keys, Home and End, its moves and
    what each did, and charts. The space bar plays. It has light and dark colours.

    Args:
      record: docs/records.md has the format.
      curves: by the title of their chart, below the two that are always there: how far each seat is on its way to
        winning by eliminated rings and by territory.
      marked: moves with a mark, by their numbers from 1.

    Raises:
      ValueError: a move is not legal, or a curve does not have one value for each position.
    """
    models = record.get("models")
    played = f" played by {', '.join(models)}" if models else ""
    result = record["result"]
    ended = f"seat {result['winner']} wins" if result["winner"] else "nobody wins"
    return page(
        __package__,
        "game.html",
        title=record.get("id") or "game",
        about=f"{record['board']}, {record['players']} players{played}",
        result=f"{ended}: {result['reason'].replace('_', ' ')}, {len(record['steps'])} moves",
        game=packed(replay(record, curves, marked)),
        style=one_style(),
        script=one_module("replay"),
    )
