"""Lines of markers (rulebook section 7)."""

from .position import Position, collapse, controlled, controls_stack, eliminate_top

Run = tuple[int, ...]


def lines(pos: Position, seat: int) -> list[Run]:
    """Maximal runs of the seat's markers along one axis, at least a line long. Only markers count, nothing bridges."""
    markers, rays, length = pos.markers, pos.geometry.rays, pos.board.line_length
    axes = len(pos.board.axes)
    found = []
    for start, owner in markers.items():
        if owner != seat:
            continue
        for axis in range(axes):
            before = rays[start][axis + axes]
            if before and markers.get(before[0]) == seat:
                continue
            run = (start, *_own_prefix(markers, rays[start][axis], seat))
            if len(run) >= length:
                found.append(run)
    return found


def longest_through(pos: Position, cell: int, moved_from: int) -> Run:
    """The longest run of the player's markers through a cell to which one has moved from ``moved_from``.

    The first axis wins a tie (P2).
    """
    rays, axes = pos.geometry.rays[cell], len(pos.board.axes)
    runs = []
    for axis in range(axes):
        before = _own_prefix(pos.markers, rays[axis + axes], pos.seat, moved_from)
        runs.append((*reversed(before), cell, *_own_prefix(pos.markers, rays[axis], pos.seat, moved_from)))
    return max(runs, key=len)


def _own_prefix(markers: dict[int, int], ray: Run, seat: int, gone: int | None = None) -> list[int]:
    """The own markers with which a ray begins, counting the one on ``gone`` as gone."""
    prefix = []
    for c in ray:
        if markers.get(c) != seat or c == gone:
            break
        prefix.append(c)
    return prefix


def windows(line: Run, length: int) -> list[Run]:
    """Every stretch of ``length`` consecutive cells of a line."""
    return [line[i : i + length] for i in range(len(line) - length + 1)]


def line_texts(pos: Position) -> list[str]:
    """Every legal move of phase ``line``. While an elimination is owed it is the only kind (H2)."""
    names, length = pos.geometry.names, pos.board.line_length
    if pos.owed:
        return [f"EL {names[c]}" for c in controlled(pos, pos.seat)]
    texts = []
    for line in lines(pos, pos.seat):
        whole = f"L {names[line[0]]}~{names[line[-1]]}"
        texts.append(whole)
        if len(line) > length:
            texts += [f"{whole}/{names[w[0]]}~{names[w[-1]]}" for w in windows(line, length)]
    return texts or ["NO_LINE"]


def play_line(pos: Position, run: Run, whole: bool) -> None:
    """Collapse a line or a window of it. A whole line owes an elimination if a stack is there to pay it."""
    collapse(pos, run)
    pos.owed = whole and controls_stack(pos, pos.seat)


def play_line_payment(pos: Position, cell: int) -> None:
    eliminate_top(pos, cell, 1)
    pos.owed = False
