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

    Arguments and errors are those of :func:`.replay.replay`; docs/records.md has the format of a record.
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
