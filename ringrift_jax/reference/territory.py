"""Regions: finding them, processing them and paying for them (rulebook section 8)."""

from collections.abc import Iterable, Iterator

from .position import Position, cap_height, collapse, controlled, eliminate_buried, eliminate_top, with_buried

Region = frozenset[int]


def regions(pos: Position) -> dict[Region, str]:
    """Every region of the board, with the digits of all border colours that bound exactly these cells (H4).

    A candidate is a component of what collapsed cells and markers of one colour leave (colour 0: collapsed cells
    only). It is a region when fewer players control stacks inside than have rings in stacks; for colour 0 exactly one
    player must control stacks inside.
    """
    active = {owner for stack in pos.stacks.values() for owner in stack}
    colours = (0, *sorted(set(pos.markers.values())))
    found: dict[Region, str] = {}
    for colour in colours if active else ():
        walls = {c for c, owner in pos.markers.items() if owner == colour}
        for cells in components(pos, set(pos.geometry.cells) - pos.collapsed.keys() - walls):
            inside = {pos.stacks[c][-1] for c in cells & pos.stacks.keys()}
            if len(inside) < len(active) and (colour > 0 or len(inside) == 1):
                found[cells] = found.get(cells, "") + str(colour)
    return found


def components(pos: Position, cells: set[int]) -> Iterator[Region]:
    """Connected parts of a set of cells, by territory adjacency. The set is used up."""
    adjacent = pos.geometry.adjacent
    while cells:
        frontier = {cells.pop()}
        part = set(frontier)
        while frontier:
            frontier = {n for c in frontier for n in adjacent[c]} & cells
            cells -= frontier
            part |= frontier
        yield frozenset(part)


def payers(pos: Position) -> Iterator[int]:
    """Stacks that can pay for a region: controlled ones, in a recovery turn those with a buried own ring."""
    return with_buried(pos, pos.seat) if pos.recovered else controlled(pos, pos.seat)


def processable(pos: Position) -> dict[Region, str]:
    """Regions that the player may process: those with a stack outside to pay for them."""
    paying = set(payers(pos))
    return {cells: digits for cells, digits in regions(pos).items() if paying - cells} if paying else {}


def region_from(pos: Position, cell: int, colour: int) -> Region:
    """The component that holds a cell, with markers of ``colour`` and collapsed cells as walls."""
    walls = {c for c, owner in pos.markers.items() if owner == colour}
    open_cells = set(pos.geometry.cells) - pos.collapsed.keys() - walls
    return next(part for part in components(pos, open_cells) if cell in part)


def border(pos: Position, cells: Region) -> set[int]:
    """Markers of any colour that collapse with a region: those next to it, on most boards with all that touch them."""
    adjacent, closure = pos.geometry.adjacent, pos.geometry.closure
    frontier = _markers_outside(pos, cells, (n for c in cells for n in adjacent[c]))
    found = set(frontier)
    while frontier:
        frontier = _markers_outside(pos, cells, (n for c in frontier for n in closure[c])) - found
        found |= frontier
    return found


def _markers_outside(pos: Position, cells: Region, candidates: Iterable[int]) -> set[int]:
    return {c for c in candidates if c in pos.markers and c not in cells}


def territory_texts(pos: Position) -> list[str]:
    """Every legal move of phase ``terr``."""
    names = pos.geometry.names
    if pos.owed:
        kind = "ER" if pos.recovered else "ET"
        return [f"{kind} {names[c]}" for c in payers(pos)]
    texts = [f"T {names[min(cells)]} {len(cells)} b{digits}" for cells, digits in processable(pos).items()]
    return [*texts, "SKIP_TERR"] if texts else ["NO_TERR"]


def play_region(pos: Position, cell: int, colour: int) -> None:
    """All rings inside are eliminated and credited to the player; the cells and their border become his."""
    cells = region_from(pos, cell, colour)
    around = border(pos, cells)
    for c in cells & pos.stacks.keys():
        eliminate_top(pos, c, len(pos.stacks[c]))
    collapse(pos, (*cells, *around))
    pos.owed = True


def play_region_payment(pos: Position, cell: int) -> None:
    """A whole cap, or in a recovery turn one buried ring."""
    if pos.recovered:
        eliminate_buried(pos, cell)
    else:
        eliminate_top(pos, cell, cap_height(pos.stacks[cell]))
    pos.owed = False
