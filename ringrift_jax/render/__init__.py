"""Positions, games and search trees as pictures: SVG, HTML without scripts, or plain text, without any dependency."""

from .animation import game_svg
from .board import board_svg, position_svg, states_svg
from .geometry import centre as cell_point
from .text import board_text
from .themes import SEAT_COLOURS, THEMES
from .tree import TreeNode, search_nodes, tree_html, tree_svg

__all__ = [
    "SEAT_COLOURS",
    "THEMES",
    "TreeNode",
    "board_svg",
    "board_text",
    "cell_point",
    "game_svg",
    "position_svg",
    "search_nodes",
    "states_svg",
    "tree_html",
    "tree_svg",
]
