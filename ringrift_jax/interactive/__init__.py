"""Boards that can be clicked. The page to play on, notebooks, reports, pages of games and the documentation's site draw
them with the same files (:data:`STATIC`), and what a move would do is told by :mod:`.effects`. Neither needs JAX.
"""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""ES modules and style sheets."""
