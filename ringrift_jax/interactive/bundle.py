"""The files of the drawing as one module and one style sheet, for where no file can be asked for."""

import re

from . import STATIC

WIDGET = "board", "analysis", "choose", "curves", "moves", "table", "widget"
"""Modules of the widget, each after those that it needs."""


def one_module(*after: str) -> str:
    """The ES modules of the widget as one, and these after them: without their imports of each other."""
    text = "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in (*WIDGET, *after))
    text = re.sub(r'^import \{[^}]*\} from "\./\w+\.js";\n', "", text, flags=re.MULTILINE)
    return re.sub(r"^export (?!default )", "", text, flags=re.MULTILINE)


def one_style() -> str:
    """The style sheets of the widget as one."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("board.css", "widget.css"))
