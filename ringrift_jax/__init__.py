"""The board game RingRift in JAX: exact rules, a fast environment, search and training.

Importing this package touches no JAX backend and allocates no array. It does not even import JAX, which takes longer
than the rest together, until one of its public names is used: the rules in plain Python answer at once.
"""

# pyright: reportUnsupportedDunderAll=false
# (it cannot see names that are fetched; __init__.pyi has them for users' checkers)

from importlib import import_module
from typing import Any

__all__ = [
    "BOARD_NAMES",
    "Board",
    "Env",
    "Game",
    "GameState",
    "Phase",
    "Reason",
    "State",
    "WinningTurn",
    "champion",
    "check_env",
    "explain",
    "explain_win",
    "heuristic",
    "make",
    "notation",
    "random_action",
    "render",
    "symmetry",
    "widget",
    "winning_turn",
    "wrappers",
]


def __getattr__(name: str) -> Any:
    """A module of the package, or a public name of :mod:`.api`."""
    try:
        return import_module(f".{name}", __name__)
    except ModuleNotFoundError as problem:
        if problem.name != f"{__name__}.{name}":
            raise
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(".api", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
