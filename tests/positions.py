"""Rare positions as state strings, built for any board and number of players.

Every one is a running position at a decision, accepted by ``from_state_string``. Where something does not exist for a
board or a number of players (a stalemate decided by seat order needs three) it is left out.
"""

from collections.abc import Iterable
from functools import partial

from corridors import SHAPES, with_outpost

from ringrift_jax import reference
from ringrift_jax.boards import Board
from ringrift_jax.reference.geometry import geometry
from ringrift_jax.reference.position import CAPTURE, CHAIN, FORCED, LINE, MOVE, PLACE, TERRITORY

Owners = dict[int, int]
Named = dict[str, str]


def built_positions(board: Board) -> Named:
    """State strings by name, for a board of at least 8 cells a side (9 for hex boards)."""
    chapters = (
        _corridors, _closures, _small_regions, _placements, _captures, _recoveries, _lines, _blocked, _crowded,
        _near_victories, _stalemates, _rounds,
    )  # fmt: skip
    return {name: text for chapter in chapters for name, text in chapter(board).items()}


def state(
    board: Board,
    phase: str,
    stacks: dict[int, str],
    markers: Owners | None = None,
    collapsed: Owners | None = None,
    hand: Owners | None = None,
    eliminated: Owners | None = None,
    **fields,
) -> str:
    """The string of the next decision after a position; seat 1 moves unless ``fields`` say otherwise.

    Rings are in hand where nothing is said; those neither in hand nor on the board have been eliminated.
    """
    pos = reference.new_game(board)
    pos.phase = phase
    pos.stacks = {c: tuple(map(int, rings)) for c, rings in stacks.items()}
    pos.markers, pos.collapsed = markers or {}, collapsed or {}
    rings = "".join(stacks.values())
    pos.hand = {s: board.rings_per_player - rings.count(str(s)) for s in pos.seats} | (hand or {})
    gone = board.num_players * board.rings_per_player - sum(pos.hand.values()) - len(rings)
    pos.eliminated = eliminated or dict(zip(pos.seats, equal_parts(gone, board.num_players), strict=True))
    pos.acted = phase in (CAPTURE, CHAIN, LINE, TERRITORY)
    for name, value in fields.items():
        setattr(pos, name, value)
    reference.from_state_string(board, reference.state_string(pos))
    return reference.state_string(reference.settle(pos))


def equal_parts(total: int, parts: int) -> list[int]:
    return [total // parts + (i < total % parts) for i in range(parts)]


def centre(board: Board) -> int:
    return (board.size - 1) // 2 * (board.size + 1)


def corner(board: Board) -> tuple[list[int], list[int]]:
    """The first cell with its neighbours, and the cells around them."""
    adjacent, first = geometry(board).adjacent, geometry(board).cells[0]
    inside = {first, *adjacent[first]}
    around = {n for c in inside for n in adjacent[c]} - inside
    return sorted(inside), sorted(around)


def no_hands(board: Board) -> Owners:
    return dict.fromkeys(range(1, board.num_players + 1), 0)


def others(board: Board) -> str:
    """The digits of all seats but the first."""
    return "234"[: board.num_players - 1]


def shared(board: Board, cells: Iterable[int]) -> Owners:
    """Cells owned by all seats in turn."""
    return {c: i % board.num_players + 1 for i, c in enumerate(cells)}


def _corridors(board: Board) -> Named:
    """Seat 1 stands outside a long region with the stacks of all others in it; every kind of wall."""
    cells, at, found = geometry(board).cells, partial(state, board, TERRITORY), {}
    for name, shape in SHAPES.items():
        region, end = with_outpost(board, shape(board))
        walls = [c for c in cells if c not in region and c != end]
        inside = dict(zip(sorted(region, reverse=True), others(board), strict=False))
        buried = {end: others(board) + "1", max(region): "2"}
        mixed = {"markers": dict.fromkeys(walls[::2], 1), "collapsed": shared(board, walls[1::2])}
        found[f"{name}_collapsed"] = at(buried, collapsed=shared(board, walls))
        found[f"{name}_markers"] = at({end: "11"} | inside, dict.fromkeys(walls, 2))
        found[f"{name}_mixed"] = at({end: "11"} | inside, **mixed)
    return found


def _closures(board: Board) -> Named:
    """A one-cell region; its border marker begins a long chain that touches the region nowhere else."""
    cells, found = geometry(board).cells, {}
    for name in ("serpentine", "spiral"):
        chain, end = with_outpost(board, SHAPES[name](board))
        chain -= {cells[0]}
        walls = shared(board, (c for c in cells if c not in chain and c not in (end, cells[0])))
        at = partial(state, board, TERRITORY, {end: others(board) + "1"}, collapsed=walls)
        found[f"closure_{name}"] = at(dict.fromkeys(chain, 2))
        found[f"closure_{name}_colours"] = at(shared(board, sorted(chain)))
    return found


def _small_regions(board: Board) -> Named:
    grid, at = geometry(board), partial(state, board, TERRITORY)
    inside, around = corner(board)
    middle, first, last = centre(board), grid.cells[0], grid.cells[-1]
    ray = grid.rays[middle][0]
    stacks = {first: "2", middle: "121", last: "1"} | dict(zip(ray, others(board)[1:], strict=False))
    edge = next(ray for ray in grid.rays[last] if len(ray) >= 4 and middle not in ray)[:4]
    border = {f"region_border_{c}": at(stacks, dict.fromkeys(around, c)) for c in range(1, board.num_players + 1)}
    wall, walls = dict.fromkeys(around, 2), dict.fromkeys(around, 1)
    both = shared(board, (*around, *grid.neighbours[last]))
    buried = {middle: "1" + others(board), ray[1]: "12", first: "2"}
    return border | {
        "region_border_none": at(stacks, collapsed=walls),
        "region_borders_all": at(stacks, shared(board, edge), walls),
        "region_of_own_stack": at({**stacks, first: "11"}, wall),
        "region_without_stack": at({middle: "121", last: "1", ray[1]: "2"}, wall),
        "region_owed": at(stacks, wall, owed=True),
        "region_of_blocked_player": at({first: "2", last: "1"}, collapsed=both, hand=no_hands(board), acted=False),
        "region_in_recovery_turn": at(buried, wall, recovered=True),
        "region_owed_in_recovery_turn": at(buried, wall, recovered=True, owed=True),
    }


def _placements(board: Board) -> Named:
    """On a strip of four cells a single ring is dead, but two or three capture (H1)."""
    grid = geometry(board)
    strip = (grid.cells[0], *grid.rays[grid.cells[0]][board.axes.index((0, 1))][:3])
    rest = shared(board, (c for c in grid.cells if c not in strip))
    at = partial(state, board, PLACE, {strip[1]: "22"}, {strip[2]: 1, strip[3]: 2}, rest)
    return {
        "placement_of_two_or_three_only": at(),
        "placement_of_two_only": at(hand=no_hands(board) | {1: 2}),
    }


def _captures(board: Board) -> Named:
    grid, middle = geometry(board), centre(board)
    ray, back, side = (grid.rays[middle][d] for d in (0, len(board.axes), 1))
    fan = {middle: "211"} | {ray[0]: "12"[i % 2] for i, ray in enumerate(grid.rays[middle])}
    lane = {c: i % 2 + 1 for i, c in enumerate(ray[1:])}
    return {
        "capture_fan": state(board, CAPTURE, fan, focus=middle),
        "chain_fan": state(board, CHAIN, fan, focus=middle),
        "chain_over_markers": state(board, CHAIN, {middle: "21", ray[0]: "2"}, lane, focus=middle),
        "chain_back_and_forth": state(board, CHAIN, {middle: "1", ray[0]: "2121"}, focus=middle),
        "capture_of_own_stack": state(board, MOVE, {middle: "11", ray[0]: "1", back[0]: "2"}),
        "capture_leaves_captured_ring": state(board, MOVE, {middle: "1", ray[0]: "2"}, lane),
        "landing_vanishes": state(board, MOVE, {middle: "1", back[2]: "2"}, shared(board, grid.neighbours[middle])),
        "landing_loses_control": state(board, MOVE, {middle: "21", back[1]: "2"}, shared(board, side[1:3])),
    }


def _recoveries(board: Board) -> Named:
    """Seat 1 controls no stack and has rings under two stacks of seat 2."""
    grid, middle, length, axes = geometry(board), centre(board), board.line_length, len(board.axes)
    first, last, rays = grid.cells[1], grid.cells[-2], grid.rays[middle]
    stacks = {first: "12", last: "112"} | dict(zip(grid.rays[first][0], others(board)[1:], strict=False))
    at = partial(state, board, MOVE, hand={1: 0})

    def markers(directions: tuple[int, ...], count: int, origin: int) -> Owners:
        """``count`` markers from the centre in some directions, and the one that slides to the centre."""
        return {c: 1 for d in directions for c in rays[d][:count]} | {rays[origin][0]: 1}

    found = {}
    for axis in range(axes - 1):
        origin = next(a for a in range(axes) if a not in (axis, axis + 1)) + axes
        pair, name = (axis, axis + 1), f"recovery_tie_{axis}{axis + 1}"
        found[name] = at(stacks, markers(pair, length - 1, origin))
        if min(len(rays[axis]), len(rays[axis + 1])) >= length:
            found[f"{name}_overlength"] = at(stacks, markers(pair, length, origin))
    long = markers((0, axes), length - 1, origin=1 + axes)
    spread = {middle: 1, rays[0][1]: 1, grid.rays[last][axes][1]: 2}
    near = {grid.rays[first][1][0]: 1, grid.rays[last][axes + 1][0]: 1}
    walls = shared(board, (c for c in grid.cells if c not in near and c not in stacks))
    alone = shared(board, grid.neighbours[middle])
    return found | {
        "recovery_line": at(stacks, markers((0,), length - 1, origin=1 + axes)),
        "recovery_windows": at(stacks, long),
        "recovery_slide_pending": at(stacks, long, slide=(rays[1 + axes][0], middle)),
        "recovery_fallback": at(stacks, spread),
        "recovery_strike": at(stacks, near),
        "recovery_strike_of_tall_stack": at({first: "12", last: "1212" + others(board)[1:]}, near),
        "recovery_strikes_only": at(stacks, near, walls),
        "recovery_without_slide": at(stacks, {middle: 1}, alone),
        "recovery_with_rings_in_hand": state(board, PLACE, stacks, spread),
    }


def _lines(board: Board) -> Named:
    grid, length, axes = geometry(board), board.line_length, len(board.axes)
    middle, first, last = centre(board), grid.cells[1], grid.cells[-2]
    stacks = {first: "211", last: "1", first + 1: others(board)}
    poor = {first: "12"} | {grid.cells[-int(s)]: s for s in others(board)[1:]}
    at = partial(state, board, LINE)

    def run(axis: int, count: int, about: int = middle, seat: int = 1) -> Owners:
        """``count`` markers of a seat along an axis, about a cell."""
        back = grid.rays[about][axis + axes][: count // 2]
        return dict.fromkeys((about, *back, *grid.rays[about][axis][: count - 1 - len(back)]), seat)

    lengths = (n for n in (length, length + 1, length + 2, 2 * length) if n <= board.size)
    crossing = {c: 1 for axis in range(axes) for c in run(axis, length + 1)}
    theirs = run(0, length, about=grid.rays[middle][1][0], seat=2)
    walls = shared(board, grid.neighbours[first])
    return {f"line_of_{n}": at(stacks, run(0, n)) for n in lengths} | {
        "lines_crossing": at(stacks, crossing),
        "line_of_another_seat": at(stacks, run(0, length) | theirs),
        "line_owed": at(stacks, owed=True),
        "line_owed_with_more_lines": at(stacks, run(1, length + 1), owed=True),
        "line_without_stack": at(poor, run(0, length), hand={1: 0}),
        "line_at_start_of_blocked_player": state(
            board, PLACE, {first: "1", last: "2"}, run(0, length), walls, no_hands(board)
        ),
    }


def _blocked(board: Board) -> Named:
    """Seat 1 can neither place nor move, or other seats have no ring of their own to play with."""
    grid, n, middle = geometry(board), board.num_players, centre(board)
    first, last = grid.cells[0], grid.cells[-1]
    around = {*grid.neighbours[first], *grid.neighbours[last]}
    walls, guards = shared(board, around), dict.fromkeys(around, "22")
    stacks = {first: "2211", last: "1", middle: "2"}
    none = no_hands(board)
    return {
        "forced_elimination": state(board, FORCED, stacks, collapsed=walls, hand=none),
        "blocked_with_regions": state(board, PLACE, stacks, collapsed=walls, hand=none),
        "blocked_by_stacks": state(board, PLACE, {first: "1", last: "21"} | guards, hand=none),
        "seats_without_rings": state(board, PLACE, {middle: str(n), first: "1"}, hand=none | {1: 2, n: 2}, seat=n),
        "seats_with_buried_rings": state(board, PLACE, {middle: others(board) + "1", last: "1"}, hand=none),
    }


def _crowded(board: Board) -> Named:
    grid, n, middle = geometry(board), board.num_players, centre(board)
    room = n * (board.rings_per_player - 1)
    step = max(2, -(-len(grid.cells) // room))
    heights = {grid.cells[0]: board.max_height - 1, grid.cells[-1]: board.max_height - 2, middle: board.max_height // 2}
    tall = {c: "".join(str((c + i) // 2 % n + 1) for i in range(height)) for c, height in heights.items()}
    few = {middle: "1", grid.cells[0]: "2", grid.cells[-1]: "21"}
    rest = [c for c in grid.cells if c not in few]
    return {
        "crowded_stacks": state(board, PLACE, {c: str(s) for c, s in shared(board, grid.cells[::step]).items()}),
        "crowded_block": state(
            board, PLACE, {c: str(i // 2 % n + 1) for i, c in enumerate(grid.cells[:-6]) if i < room}
        ),
        "tall_stacks": state(board, PLACE, tall),
        "marker_carpet": state(board, MOVE, few, {c: i // 2 % n + 1 for i, c in enumerate(rest)}),
        "marker_carpet_of_one_colour": state(board, LINE, few, dict.fromkeys(rest, 1)),
    }


def _near_victories(board: Board) -> Named:
    """One move along the first ray of the centre, or one region, wins for seat 1."""
    grid, n, middle = geometry(board), board.num_players, centre(board)
    inside, around = corner(board)
    ray, last = grid.rays[middle][0], grid.cells[: -n - 1 : -1]
    stacks = {middle: "11", grid.cells[0]: "1"} | dict(zip(last, others(board), strict=False))
    near = board.ring_threshold - 1
    shares = equal_parts(n * board.rings_per_player - n - 2 - near, n - 1)
    open_cells = {middle, *ray, grid.cells[0], *last}
    own = [c for c in grid.cells if c not in open_cells][: board.territory_minimum - 1]
    none = no_hands(board)
    return {
        "near_ring_elimination": state(
            board, MOVE, stacks, {ray[1]: 2}, hand=none, eliminated=dict(enumerate((near, *shares), 1))
        ),
        "near_territory_control": state(board, MOVE, stacks, {ray[0]: 1}, dict.fromkeys(own, 1)),
        "near_last_player_standing": state(
            board,
            TERRITORY,
            {middle: "11", ray[1]: "1", inside[0]: "2"},
            dict.fromkeys(around, 1),
            hand=none | {1: board.rings_per_player // 2},
        ),
    }


def _stalemates(board: Board) -> Named:
    """The last stack of the board is about to go, and no ring that might be placed could move."""
    grid, n = geometry(board), board.num_players
    apart = [c for c in grid.cells if c // board.size % 2 == 0 and c % board.size % 2 == 0]

    def rung(mover: int = 1, extra_land: str = "", extra_hand: str = "", marker: bool = False) -> str:
        """After ``FE`` all seats are equal, but for one more cell or ring of the seats named, or a marker of seat 2."""
        even = (len(grid.cells) - 1 - marker - len(extra_land)) // n
        land = {s: even + extra_land.count(str(s)) for s in range(1, n + 1)}
        empty = apart[: len(grid.cells) - sum(land.values())]
        cells = iter([c for c in grid.cells if c not in empty])
        return state(
            board,
            FORCED,
            {empty[0]: str(mover)},
            {empty[1]: 2} if marker else {},
            {next(cells): s for s, count in land.items() for _ in range(count)},
            hand={s: 3 + extra_hand.count(str(s)) for s in land},
            eliminated={s: board.rings_per_player - 5 - (s == mover) for s in land},
            seat=mover,
        )

    return {
        "stalemate_territory": rung(extra_land="2"),
        "stalemate_eliminated": rung(extra_hand="2"),
        "stalemate_markers": rung(marker=True),
        "stalemate_last_mover": rung(mover=2),
        **({"stalemate_seat_order": rung(extra_land="23")} if n > 2 else {}),
    }


def _rounds(board: Board) -> Named:
    """Only seat 1 can act; the others have nothing but rings under its stacks."""
    stacks = {centre(board): others(board) + "1", geometry(board).cells[0]: "1"}
    marks = {s: s == 1 for s in range(1, board.num_players + 1)}
    none = no_hands(board)
    at = partial(state, board, MOVE, stacks, first=1, marks=marks)
    return {
        "rounds_two_of_three": at(hand=none, streak_seat=1, streak=2),
        "rounds_one_of_three": at(hand=none, streak_seat=1, streak=1),
        "rounds_other_streak": at(hand=none, streak_seat=2, streak=2),
        "rounds_others_have_rings": at(hand=none | {2: 2}, streak_seat=1, streak=2),
    }
