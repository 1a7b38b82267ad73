"""The layout is the architecture: imports go down the floors, never up, and the library does not know the commands."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ringrift_jax
from ringrift_jax import api

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("settings", "numerics", "pytrees", "processes"),
    ("collectives",),
    ("devices",),
    ("boards",),
    ("rules",),
    ("reference",),
    ("game", "observation", "symmetry"),
    ("env",),
    ("wrappers", "checks"),
    ("notation",),
    ("search",),
    ("render",),
    ("interactive",),
    ("pgx",),
    ("players",),
    ("learning",),
    ("runs",),
    ("api",),
)
"""Modules and folders of ``ringrift_jax``, from the ground up. Those of one floor do not import each other."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def imports(path: Path) -> Iterator[str]:
    """Absolute dotted names of all that a module imports, inside functions too."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{name.name}" for name in node.names)


def room(dotted: str) -> str | None:
    """The module or folder of ``ringrift_jax`` that a name belongs to."""
    top, _, rest = dotted.partition(".")
    return rest.partition(".")[0] if top == "ringrift_jax" and rest else None


LIBRARY = sorted((ROOT / "ringrift_jax").rglob("*.py"))


def test_every_module_has_a_floor():
    rooms = {room(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in LIBRARY}
    assert rooms - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path):
    text = path.read_text(encoding="utf-8")
    assert "TYPE_CHECKING" not in text, "a type that cannot be imported is on the wrong floor"
    here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in imports(path):
        assert not name.startswith("experiments"), f"the library imports a command: {name}"
        there = room(name)
        if there in FLOOR and here in FLOOR and there != here:
            assert FLOOR[there] < FLOOR[here], f"{here} is below {there}, and imports {name}"


def test_no_import_circles_inside_a_floor():
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in LIBRARY
    }
    arrows = {
        name: {target for found in imports(path) for target in (found, found.rpartition(".")[0]) if target in modules}
        for name, path in modules.items()
    }
    # An import of a folder's own module runs the folder's __init__, which is no arrow of the architecture.
    arrows = {
        name: {target for target in targets if target != name and not name.startswith(f"{target}.")}
        for name, targets in arrows.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import circle: {' -> '.join([*trail[trail.index(name) :], name])}"
        if name not in done:
            for target in sorted(arrows[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in modules:
        visit(name, ())


def test_the_package_offers_what_api_has():
    assert ringrift_jax.__all__ == api.__all__
    assert {*api.__all__} < {*dir(ringrift_jax)}
    for name in api.__all__:
        assert getattr(ringrift_jax, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="no attribute 'champions'"):
        getattr(ringrift_jax, "champions")  # noqa: B009


@pytest.mark.parametrize(
    "module", ["ringrift_jax", "ringrift_jax.reference", "ringrift_jax.interactive.views", "ringrift_jax.runs.files"]
)
def test_the_rules_in_plain_python_do_not_wait_for_jax(module: str):
    """They answer at once, while other processes compile."""
    code = f"import sys, {module}; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
