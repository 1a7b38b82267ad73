"""Positions as SVG, without any dependency. Equal arguments give equal text."""

from collections.abc import Mapping
from html import escape
from math import prod
from operator import itemgetter

import jax
import numpy as np

from .. import notation
from ..boards import Board
from ..env import Env
from ..notation.states import PHASE_NAMES, REASON_NAMES, neighbours, on_host, stack_rings
from ..reference.position import LINE, OVER, Position, territory
from ..rules.state import Phase, Reason, State
from . import marks, themes
from .geometry import bounds, cells, labels
from .pieces import LINE_HEIGHT, cell_svg, legend_line
from .themes import Theme

_MARGIN = 12.0
_LABEL = 22.0  # room for the coordinates, left and below

GRID = 12
"""States of a batch that are shown."""
_COLUMNS = 4

DOING = {
    "place": "to place rings",
    "move": "to move a stack",
    "capture": "may capture with the stack marked",
    "chain": "must go on capturing with the stack marked",
    "line": "to process a line",
    "terr": "may process a region",
    "fe": "must eliminate a cap",
    "over": "",
}
"""What the player to move does in each phase."""


def board_svg(
    env: Env,
    state: State,
    *,
    last: tuple[State, int] | None = None,
    legal: bool = False,
    weights: np.ndarray | None = None,
    caption: str = "",
    theme: str = "light",
) -> str:
    """Draws one unbatched state, with hands, eliminated rings and territory of each seat below the board.

    Stacks are seen from the side, their bottom ring lowest, with the height of the cap over that of the stack beside
    them; a marker is a disc; a collapsed cell is filled. A dashed circle marks the stack that has to move or capture.
    Pointing at a cell shows what is on it in words.

    Args:
      env: the environment.
      state: what to draw.
      last: the state before the last action, and that action: what it changed is marked.
      legal: mark where the player to move may move from and to.
      weights: ``float[num_actions]``, a policy or visit counts: the heaviest actions are drawn with their shares.
      caption: a line of text above the board.
      theme: ``"light"`` or ``"dark"``.

    Raises:
      ValueError: there is no such theme, or ``weights`` has another shape.
    """
    host = on_host(state)
    shares = None if weights is None else weights_by_move(env, host, weights)
    return position_svg(
        position_of(host),
        previous=position_of(last[0]) if last else None,
        move=notation.move_of(env, last[0], int(last[1])) if last else None,
        legal=notation.legal_moves(env, state) if legal else (),
        weights=shares,
        caption=caption,
        theme=theme,
    )


def position_of(state: State) -> Position:
    """The position of a state as the readable rules hold it, but for round tracking and the pie rule."""
    host = on_host(state)
    board = state.board
    ground = host.ground.reshape(-1)
    seats = range(1, board.num_players + 1)
    over = host.phase == Phase.OVER
    slide = None
    if host.slide >= 0:
        slide = int(host.focus), neighbours(board)[int(host.slide)][int(host.focus)]
    return Position(
        board=board,
        swap_rule=False,
        seat=0 if over else int(host.current_seat) + 1,
        phase=PHASE_NAMES[Phase(int(host.phase))],
        hand={seat: int(host.hand[seat - 1]) for seat in seats},
        eliminated={seat: int(host.eliminated[seat - 1]) for seat in seats},
        stacks={cell: tuple(seat + 1 for seat in rings) for cell, rings in stack_rings(host.stacks).items()},
        markers={int(cell): int(ground[cell]) for cell in np.flatnonzero(ground > 0)},
        collapsed={int(cell): -int(ground[cell]) for cell in np.flatnonzero(ground < 0)},
        focus=None if host.focus < 0 or slide else int(host.focus),
        slide=slide,
        owed=bool(host.owed),
        acted=bool(host.acted),
        recovered=bool(host.recovered),
        swapped=bool(host.swapped),
        winner=int(host.winner) + 1,
        reason=REASON_NAMES.get(Reason(int(host.reason)), ""),
    )


def states_svg(state: State, *, theme: str = "light") -> str:
    """One state, or the first :data:`GRID` of a batch beside each other, with their indices."""
    host = on_host(state)
    axes = host.phase.shape
    if not axes:
        return position_svg(position_of(host), theme=theme)
    total = prod(axes)
    flat = jax.tree.map(lambda leaf: leaf.reshape(total, *leaf.shape[len(axes) :]), host)
    parts, box, width, height = [], "", 0.0, 0.0
    for index in range(min(total, GRID)):
        where = ", ".join(str(i) for i in np.unravel_index(index, axes))
        more = f" and {total - GRID} more" if index == GRID - 1 and total > GRID else ""
        svg = position_svg(position_of(jax.tree.map(itemgetter(index), flat)), caption=f"[{where}]{more}", theme=theme)
        box = svg[svg.index('viewBox="') + 9 : svg.index('" font-family')]
        width, height = (float(number) for number in box.split(" ")[2:])
        x, y = index % _COLUMNS * width, index // _COLUMNS * height
        parts.append(svg.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" ', 1))
    columns, rows = min(len(parts), _COLUMNS), -(-len(parts) // _COLUMNS)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * width:g} {rows * height:g}">'
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def state_html(state: State) -> str:
    """What a notebook shows of a state or a batch."""
    if not state.phase.ndim:
        return for_notebook(states_svg(state), state.board)
    return f'<div style="max-width:960px">{states_svg(state)}</div>'


def for_notebook(svg: str, board: Board) -> str:
    """The picture of one position in a width that suits a notebook."""
    return f'<div style="max-width:{420 if board.size < 12 else 760}px">{svg}</div>'


def weights_by_move(env: Env, state: State, weights: np.ndarray) -> dict[str, float]:
    """The share of each of the heaviest actions in the sum of all weights, by its move."""
    weights = np.asarray(weights, float)
    if weights.shape != (env.num_actions,):
        raise ValueError(f"weights has shape {weights.shape}; it must be ({env.num_actions},), one for each action")
    total = weights.sum() or 1.0
    heaviest = np.argsort(-weights, kind="stable")[: marks.SHOWN_WEIGHTS]
    return {notation.move_of(env, state, int(a)): float(weights[a] / total) for a in heaviest if weights[a] > 0}


def position_svg(
    pos: Position,
    *,
    previous: Position | None = None,
    move: str | None = None,
    legal: tuple[str, ...] | list[str] = (),
    weights: Mapping[str, float] | None = None,
    caption: str = "",
    theme: str = "light",
) -> str:
    """Draws a position of the readable rules; see :func:`board_svg`. Moves are move strings."""
    palette = themes.theme(theme)
    board = pos.board
    changed = marks.changed(previous, pos) if previous else set()
    over = [] if move is None else marks.last_move(board, move, palette)
    over += marks.pending(board, pos, palette)
    over += marks.legal_moves(board, legal, pos.seat) if legal else []
    over += marks.weights(board, weights, palette) if weights else []
    lines = legend(pos, [name for name in [*legal, *(weights or ())] if " " not in name])
    drawn = [cell_svg(board, pos, cell, palette, cell in changed) for cell in cells(board)]
    written = [legend_line(number, *line) for number, line in enumerate(lines)]
    return frame(board, [*drawn, *over], written, caption, palette)


def frame(board: Board, parts: list[str], lines: list[str], caption: str, palette: Theme) -> str:
    """A whole picture: background, coordinates, what is on the board, a caption, and lines of :func:`.legend_line`.

    The text grows with the board, so that it can be read at the same size of the picture.
    """
    left, top, right, bottom = bounds(board)
    left, right = left - _LABEL - _MARGIN, right + _MARGIN
    scale = min(max(1.0, (right - left) / 420), 1.7)
    line = LINE_HEIGHT * scale
    above = top - _MARGIN - (line if caption else 0)
    below = bottom + _LABEL + _MARGIN / 2
    x, y, width, height = (f"{v:g}" for v in (left, above, right - left, below + line * len(lines) + _MARGIN - above))
    style = f'font-family="sans-serif" font-size="13" fill="{palette.text}"'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x} {y} {width} {height}" {style}>']
    out.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{palette.background}"/>')
    if caption:
        where = f'x="{left + _MARGIN:g}" y="{top - _MARGIN:g}" font-size="{13 * scale:.3g}" font-weight="bold"'
        out.append(f"<text {where}>{escape(caption)}</text>")
    for text, a, b in labels(board):
        out.append(f'<text x="{a:g}" y="{b + 4:g}" text-anchor="middle" fill="{palette.faint}">{text}</text>')
    out += parts
    out.append(f'<g transform="translate({left + _MARGIN:g} {below:g}) scale({scale:.4g})">')
    return "\n".join([*out, *lines, "</g>", "</svg>"]) + "\n"


def legend(pos: Position, words: list[str] | tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """A line for each seat, and one for what is to be done; ``words``: moves without a cell, to be named there."""
    board, lands = pos.board, territory(pos)
    lines = []
    for seat in pos.seats:
        text = (
            f"seat {seat}: {pos.hand[seat]} in hand, {pos.eliminated[seat]} of {board.ring_threshold} eliminated, "
            f"{lands[seat]} of {board.territory_minimum} territory"
        )
        lines.append((seat, text))
    if pos.phase != OVER:
        doing = DOING[pos.phase]
        if pos.slide is not None:
            doing = "must pay for the recovery slide"
        elif pos.owed:
            doing = "must pay for the line with a ring" if pos.phase == LINE else "must pay for the region"
        also = f" (or {', '.join(words)})" if words else ""
        lines.append((pos.seat, f"seat {pos.seat} {doing}{also}"))
    elif pos.winner:
        lines.append((pos.winner, f"seat {pos.winner} wins: {pos.reason.replace('_', ' ').replace(':', ', ')}"))
    else:
        lines.append((0, "the game is over"))
    return lines
