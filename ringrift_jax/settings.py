"""What the numbers in settings and options may be: their annotations say it, and one function checks it.

Annotations are checked strictly: a whole number is never made of a fraction, a text or a bool, and no number is
infinite or NaN. NumPy's scalars count as the numbers they are.
"""

import dataclasses
import math
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

T = TypeVar("T")

INT32_MAX = 2**31 - 1

Count = Annotated[int, Meta(ge=1, le=INT32_MAX)]
CountOrZero = Annotated[int, Meta(ge=0, le=INT32_MAX)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

_NAMES = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a text", type(None): "None"}


def check(settings: Any, name: Callable[[str], str] = str) -> None:
    """Checks all fields of a dataclass against their annotations, for its ``__post_init__``; numbers of another kind
    (NumPy's, a whole number for a fraction) are put in its place, also if it is frozen.

    Args:
      settings: of annotations that are numbers, texts, ``Literal``, tuples of these, or classes.
      name: what a field is called in a message.

    Raises:
      ValueError: one line, with the field's value and what is allowed.
    """
    for field, kind in _annotations(type(settings)).items():
        object.__setattr__(settings, field, checked(name(field), getattr(settings, field), kind))


def checked(name: str, value: Any, kind: Any) -> Any:
    """The value, if it is what its annotation says. ValueError, which calls it ``name``, otherwise."""
    value = value.item() if isinstance(value, np.generic) else value
    options = _options(kind)
    for option in options:
        if get_origin(option) is tuple and isinstance(value, tuple):
            return tuple(checked(name, element, get_args(option)[0]) for element in value)
        with suppress(msgspec.ValidationError):
            return _converted(value, option)
    raise ValueError(f"{name} is {value!r}; it must be {', or '.join(_allowed(value, option) for option in options)}")


def convert(values: Any, kind: type[T]) -> T:
    """A nested dataclass of settings from what JSON holds.

    Raises:
      ValueError: one line, with the path of the key that is unknown, missing or of a wrong value.
    """
    _refuse_unknown(values, kind, "")
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$")
        path = where.strip(".`")
        raise ValueError(f"{path}: {what}" if path else what) from None


def _refuse_unknown(values: Any, kind: Any, path: str) -> None:
    """msgspec leaves out keys that a dataclass does not have."""
    if not (dataclasses.is_dataclass(kind) and isinstance(values, dict)):
        return
    known = _annotations(kind)  # pyright: ignore[reportArgumentType]
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{path}{key} is no setting; those are {', '.join(known)}")
        _refuse_unknown(value, known[key], f"{path}{key}.")


@cache
def _annotations(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _options(kind: Any) -> list[Any]:
    """The members of a union, also of one that others have annotated."""
    if get_origin(kind) is Annotated and not _limits_of(kind):
        return _options(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [option for member in get_args(kind) for option in _options(member)]
    return [kind]


def _limits_of(kind: Any) -> list[Meta]:
    return [limits for limits in get_args(kind)[1:] if isinstance(limits, Meta)]


def _converted(value: Any, option: Any) -> Any:
    if isinstance(option, type) and option not in _NAMES:
        if isinstance(value, option):
            return value
        raise msgspec.ValidationError
    if isinstance(value, float) and not math.isfinite(value):
        raise msgspec.ValidationError
    return msgspec.convert(value, option, strict=True)


def _allowed(value: Any, option: Any) -> str:
    """What an annotation allows; for a number of the right kind only its bounds."""
    if get_origin(option) is Literal:
        return f"one of {', '.join(map(str, get_args(option)))}"
    if get_origin(option) is not Annotated:
        return _NAMES.get(option, f"a {getattr(option, '__name__', option)}")
    base, limits = get_args(option)[0], _bounds(value, _limits_of(option)[0])
    right = type(value) in (int, base) and math.isfinite(value)
    return limits if right else f"{_NAMES[base]}, {limits}"


def _bounds(value: Any, limits: Meta) -> str:
    if limits.min_length:
        return "not empty"
    least = f"at least {limits.ge}" if limits.ge is not None else f"more than {limits.gt}"
    if limits.lt is not None:
        return f"{least} and less than {limits.lt}"
    if limits.le is None or (limits.le == INT32_MAX and not (type(value) is int and value > INT32_MAX)):
        return least
    return f"{limits.ge} to {limits.le}" if limits.ge is not None else f"{least} and at most {limits.le}"
