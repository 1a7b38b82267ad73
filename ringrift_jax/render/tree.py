"""The tree of a search as SVG, and as one HTML file with the boards of its principal line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

import jax
import numpy as np

from .. import notation
from ..env import Env
from ..rules.state import State
from ..search.tree import SearchResult
from .board import board_svg
from .pages import page
from .themes import SEAT_COLOURS, theme

SHOWN_NODES = 80
"""The most visited nodes are drawn, no more."""

_COLUMN, _ROW = 186.0, 34.0


@dataclass
class TreeNode:
    """A node that a search has visited.

    Attributes:
      move: the move that leads to it; empty at the root.
      action: the same as an action; -1 at the root.
      prior: probability that the network gives the move among the slots of the parent; 1 at the root.
      visits: simulations that passed through it.
      value: mean value for the player who decides at the root, in [-1, 1]; the exact one if it is proved.
      proved: the search proved the value, or the game is over.
      seat: who decides there, from 1; 0 when the game is over.
      state: the position.
      children: the most visited first.
    """

    move: str
    action: int
    prior: float
    visits: int
    value: float
    proved: bool
    seat: int
    state: State
    children: list["TreeNode"] = field(default_factory=list)

    def principal_line(self) -> list["TreeNode"]:
        """From here down, always to the most visited child."""
        return [self, *(self.children[0].principal_line() if self.children else [])]

    def walk(self) -> Iterator["TreeNode"]:
        """This node and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


def search_nodes(env: Env, result: SearchResult) -> TreeNode:
    """The root of a finished search of one position (:func:`ringrift_jax.search.search_tree`)."""
    tree, values, proved = jax.device_get((result.tree, result.values, result.proved))
    nodes = tree.embeddings
    root_player = int(nodes.root_player[0])

    def build(index: int, move: str, action: int, prior: float) -> TreeNode:
        state = jax.tree.map(lambda leaf: leaf[index], nodes.state)
        over = bool(state.is_over)
        if values is None:
            sign = 1 if int(state.current_player) == root_player else -1
            value = sign * float(tree.node_values[index])
        else:
            value = float(values[index, root_player])
        seat = 0 if over else int(state.current_seat) + 1
        known = over or (proved is not None and bool(proved[index]))
        node = TreeNode(move, action, prior, int(tree.node_visits[index]), value, known, seat, state)
        logits = tree.children_prior_logits[index].astype(float)
        priors = np.exp(logits - logits.max())
        priors /= priors.sum()
        for slot in np.flatnonzero(tree.children_index[index] >= 0).tolist():
            # Simulations that reach a finished game go on below it without leaving it.
            if over:
                break
            action = int(nodes.actions[index][slot])
            text = notation.move_of(env, state, action)
            node.children.append(build(int(tree.children_index[index][slot]), text, action, float(priors[slot])))
        node.children.sort(key=lambda child: (-child.visits, -child.prior, child.move))
        return node

    return build(0, "", -1, 1.0)


def tree_svg(root: TreeNode, *, theme_name: str = "light") -> str:
    """Draws the most visited nodes from left to right; the principal line is marked.

    In a node are its move, visits, value for the player who decides at the root, after "=" if it is proved, and prior
    probability. The colour at its left is that of the seat to decide there; a finished game has none.
    """
    palette = theme(theme_name)
    shown = set(map(id, sorted(root.walk(), key=lambda node: -node.visits)[:SHOWN_NODES]))
    line = set(map(id, root.principal_line()))
    parts, rows, deepest = [], 0, 0

    def draw(node: TreeNode, depth: int) -> float:
        nonlocal rows, deepest
        deepest = max(deepest, depth)
        below = [(child, draw(child, depth + 1)) for child in node.children if id(child) in shown]
        if below:
            y = below[0][1]
        else:
            y, rows = rows * _ROW, rows + 1
        x = depth * _COLUMN
        for child, at in below:
            main = id(child) in line
            stroke, wide = (palette.accent, 3) if main else (palette.edge, 1.2)
            bend = f"M{x + 150:g},{y + 14:g}C{x + 170:g},{y + 14:g} {x + 166:g},{at + 14:g} {x + _COLUMN:g},{at + 14:g}"
            parts.append(f'<path d="{bend}" fill="none" stroke="{stroke}" stroke-width="{wide}"/>')
        parts.append(_box(node, x, y, id(node) in line, palette))
        return y

    draw(root, 0)
    width, height = deepest * _COLUMN + 150, rows * _ROW
    style = f'font-family="sans-serif" font-size="11" fill="{palette.text}"'
    box = f"-6 -6 {width + 12:g} {height + 6:g}"
    background = f'<rect x="-6" y="-6" width="{width + 12:g}" height="{height + 6:g}" fill="{palette.background}"/>'
    # Lines first, so that no box is crossed.
    parts.sort(key=lambda part: part.startswith("<g"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width + 12:g}" {style}>'
    return "\n".join([head, background, *parts, "</svg>"]) + "\n"


def _box(node: TreeNode, x: float, y: float, main: bool, palette) -> str:
    stroke, wide = (palette.accent, 2) if main else (palette.edge, 1)
    colour = SEAT_COLOURS[node.seat - 1] if node.seat else palette.background
    numbers = f"{node.visits} visits, {'proved ' if node.proved else ''}value {node.value:+.2f}"
    title = f"{node.move or 'root'}: {numbers}, prior {node.prior:.1%}"
    equal = "=" if node.proved else " "
    prior = f" p {node.prior:.0%}" if node.move else ""
    return (
        f"<g><title>{escape(title)}</title>"
        f'<rect x="{x:g}" y="{y:g}" width="150" height="28" rx="4" fill="{palette.cell}" stroke="{stroke}" '
        f'stroke-width="{wide}"/><rect x="{x + 2:g}" y="{y + 2:g}" width="6" height="24" fill="{colour}"/>'
        f'<text x="{x + 13:g}" y="{y + 12:g}" font-weight="bold">{escape(node.move or "root")}</text>'
        f'<text x="{x + 13:g}" y="{y + 24:g}">n {node.visits}  v{equal}{node.value:+.2f} {prior}</text></g>'
    )


def tree_html(env: Env, result: SearchResult, *, theme_name: str = "light") -> str:
    """A page with the position and the visits of its moves, the tree, and the boards of the principal line."""
    palette = theme(theme_name)
    root = search_nodes(env, result)
    visits = np.zeros(env.num_actions)
    for child in root.children:
        visits[child.action] = child.visits
    line = root.principal_line()
    boards = [board_svg(env, root.state, weights=visits, caption="visits in per cent", theme=theme_name)]
    for before, after in zip(line, line[1:], strict=False):
        caption = f"{after.move}  ({after.visits} visits, {after.value:+.2f})"
        last = (before.state, after.action)
        boards.append(board_svg(env, after.state, last=last, caption=caption, theme=theme_name))
    tree = tree_svg(root, theme_name=theme_name)
    return page(__package__, "tree.html", root=root, boards=boards, tree=tree, palette=palette)
