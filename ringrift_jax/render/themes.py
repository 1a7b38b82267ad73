"""Colours of the pictures."""

from dataclasses import astuple, dataclass

SEAT_COLOURS = ("#2f6db5", "#e0822c", "#3d9950", "#8e55a5")
"""Fill of the rings, markers and collapsed cells of each seat."""


@dataclass(frozen=True)
class Theme:
    """Everything that differs between light and dark; CSS colours.

    Attributes:
      background, cell, edge: behind the board, an empty cell, its outline.
      text, faint: writing, and coordinates.
      rim: outline of rings and markers.
      accent: what is chosen or has changed.
    """

    background: str
    cell: str
    edge: str
    text: str
    faint: str
    rim: str
    accent: str


THEMES = {
    "light": Theme("#ffffff", "#f4efe4", "#b9ad96", "#333333", "#8a8171", "#222222", "#c2185b"),
    "dark": Theme("#1c1d21", "#34363c", "#565a63", "#e4e4e4", "#9a9da5", "#0c0c0e", "#ff6fa5"),
}


def theme(name: str) -> Theme:
    """ValueError when there is no such theme."""
    if name not in THEMES:
        raise ValueError(f"unknown theme {name!r}; choose one of {', '.join(THEMES)}")
    return THEMES[name]


def dark_rules() -> str:
    """CSS that puts the dark colours in the place of the light ones of a picture for whoever prefers a dark scheme."""
    pairs = zip(astuple(THEMES["light"]), astuple(THEMES["dark"]), strict=True)
    rules = (f'[{what}="{light}"]{{{what}:{dark}}}' for light, dark in pairs for what in ("fill", "stroke"))
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
