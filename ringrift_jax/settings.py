"""Checks of the numbers in settings, worded alike."""

from typing import Any


def check_at_least(settings: Any, prefix: str = "", **least: float) -> None:
    """ValueError unless each named setting is at least so much; ``prefix`` comes before its name."""
    for name, bound in least.items():
        value = getattr(settings, name)
        if not value >= bound:
            raise ValueError(f"{prefix}{name} is {value}; it must be at least {bound}")


def check_positive(settings: Any, *names: str) -> None:
    """ValueError unless each named setting is more than 0."""
    for name in names:
        value = getattr(settings, name)
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be more than 0")
