"""Non-capturing moves and overtaking captures (rulebook sections 4 and 5)."""

from collections.abc import Iterator

from .position import Position, Stack, cap_height, collapse, controlled, eliminate_top


def landings(pos: Position, a: int, stack: Stack) -> Iterator[int]:
    """Where a stack on ``a`` may move: along a ray free of stacks and collapsed cells, at least its height away."""
    stacks, collapsed, height = pos.stacks, pos.collapsed, len(stack)
    for ray in pos.geometry.rays[a]:
        for distance, b in enumerate(ray, 1):
            if b in stacks or b in collapsed:
                break
            if distance >= height:
                yield b


def captures(pos: Position, a: int, stack: Stack) -> Iterator[tuple[int, int]]:
    """Target and landing of each capture by a stack on ``a``.

    The target is the first stack on a ray, its cap not higher than the attacker's. The landing lies beyond it, at
    least the attacker's height away, before the next stack or collapsed cell.
    """
    stacks, collapsed, height, cap = pos.stacks, pos.collapsed, len(stack), cap_height(stack)
    for ray in pos.geometry.rays[a]:
        target = None
        for distance, b in enumerate(ray, 1):
            if b in collapsed:
                break
            if b in stacks:
                if target is not None or cap_height(stacks[b]) > cap:
                    break
                target = b
            elif target is not None and distance >= height:
                yield target, b


def can_capture(pos: Position, a: int) -> bool:
    return next(captures(pos, a, pos.stacks[a]), None) is not None


def can_act(pos: Position, a: int, stack: Stack) -> bool:
    """Whether a stack standing on ``a`` would have a move or a capture."""
    return next(landings(pos, a, stack), None) is not None or next(captures(pos, a, stack), None) is not None


def any_can_act(pos: Position, seat: int) -> bool:
    """Whether a stack controlled by the seat has a move or a capture."""
    return any(can_act(pos, a, pos.stacks[a]) for a in controlled(pos, seat))


def move_texts(pos: Position, a: int) -> list[str]:
    names = pos.geometry.names
    return [f"M {names[a]}>{names[b]}" for b in landings(pos, a, pos.stacks[a])]


def capture_texts(pos: Position, a: int, kind: str) -> list[str]:
    """``kind``: C for the first capture of a turn, K for a continuation."""
    names = pos.geometry.names
    return [f"{kind} {names[a]}*{names[t]}>{names[b]}" for t, b in captures(pos, a, pos.stacks[a])]


def play_move(pos: Position, a: int, b: int) -> None:
    stack = _depart(pos, a)
    _cross(pos, pos.geometry.between(a, b))
    _land(pos, b, stack)


def play_capture(pos: Position, a: int, target: int, b: int) -> None:
    """The target's top ring goes to the bottom of the attacker (rulebook section 5)."""
    stack = _depart(pos, a)
    _cross(pos, pos.geometry.between(a, b))
    *rest, captured = pos.stacks.pop(target)
    if rest:
        pos.stacks[target] = tuple(rest)
    _land(pos, b, (captured, *stack))


def _depart(pos: Position, a: int) -> Stack:
    pos.markers[a] = pos.seat
    return pos.stacks.pop(a)


def _cross(pos: Position, cells: tuple[int, ...]) -> None:
    """Own markers passed over collapse, others change colour."""
    for c in cells:
        owner = pos.markers.get(c)
        if owner == pos.seat:
            collapse(pos, (c,))
        elif owner is not None:
            pos.markers[c] = pos.seat


def _land(pos: Position, b: int, stack: Stack) -> None:
    """Landing on a marker removes it and costs the top ring."""
    pos.stacks[b] = stack
    if pos.markers.pop(b, None) is not None:
        eliminate_top(pos, b, 1)
