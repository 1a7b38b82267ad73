"""Recovery slides of a player without a stack (rulebook section 6)."""

from collections.abc import Iterator

from .lines import longest_through, windows
from .position import Position, collapse, controls_stack, eliminate_buried, eliminate_top, with_buried


def eligible(pos: Position, seat: int) -> bool:
    """Controls no stack, owns a marker and a buried ring."""
    buried = next(with_buried(pos, seat), None) is not None
    return buried and seat in pos.markers.values() and not controls_stack(pos, seat)


def slides(pos: Position) -> Iterator[tuple[int, int]]:
    """Origin and destination of every slide of an own marker, whatever comes of it."""
    for a, owner in pos.markers.items():
        if owner == pos.seat:
            for b in pos.geometry.neighbours[a]:
                if b not in pos.collapsed and b not in pos.markers:
                    yield a, b


def slide_line(pos: Position, a: int, b: int) -> tuple[int, ...]:
    """The line a slide completes: the longest run through b once the marker of a is there; () when it is too short."""
    if b in pos.stacks:
        return ()
    run = longest_through(pos, b, moved_from=a)
    return run if len(run) >= pos.board.line_length else ()


def recovery_texts(pos: Position) -> list[str]:
    """Every recovery of the player to move; empty when he is not eligible or no marker can slide.

    When some slide completes a line only such slides are legal. Otherwise a slide to an empty cell is a fallback and a
    slide onto a stack a strike. What pays, and which window collapses, is the player's choice (H3).
    """
    if not eligible(pos, pos.seat):
        return []
    names, length = pos.geometry.names, pos.board.line_length
    payers = [names[e] for e in with_buried(pos, pos.seat)]
    found = {(a, b): slide_line(pos, a, b) for a, b in slides(pos)}
    any_line = any(found.values())
    texts = []
    for (a, b), line in found.items():
        slide = f"R {names[a]}>{names[b]}"
        if line:
            texts += [f"{slide} 1 @{e}" for e in payers]
            if len(line) > length:
                texts += [f"{slide} 2 {names[w[0]]}~{names[w[-1]]}" for w in windows(line, length) if b in w]
        elif not any_line:
            texts += [f"{slide} {'S' if b in pos.stacks else 'F'} @{e}" for e in payers]
    return texts


def play_slide(pos: Position, a: int, b: int, payer: int) -> None:
    """Fallback: the marker moves, and a buried ring pays."""
    _move_marker(pos, a, b)
    eliminate_buried(pos, payer)


def play_strike(pos: Position, a: int, b: int, payer: int) -> None:
    """The marker is spent on the top ring of b. The payer was chosen before, so its ring may be on top by now."""
    del pos.markers[a]
    eliminate_top(pos, b, 1)
    eliminate_buried(pos, payer)


def play_line_slide(pos: Position, a: int, b: int, payer: int) -> None:
    """Option 1: the whole line collapses, and a buried ring pays."""
    line = slide_line(pos, a, b)
    _move_marker(pos, a, b)
    collapse(pos, line)
    eliminate_buried(pos, payer)


def play_window_slide(pos: Position, a: int, b: int, window: tuple[int, ...]) -> None:
    """Option 2: only a window of the line collapses, for free."""
    _move_marker(pos, a, b)
    collapse(pos, window)


def _move_marker(pos: Position, a: int, b: int) -> None:
    pos.markers[b] = pos.markers.pop(a)
