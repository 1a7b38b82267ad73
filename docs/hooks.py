"""What the site has beside the pages in docs/: README.md as its start, the notebooks, the champions' cards with games
of theirs, and the API from docstrings.

MkDocs calls the ``on_`` functions (``hooks`` in mkdocs.yml); mkdocstrings loads ``Docstrings``.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import griffe
from markdown.extensions.toc import slugify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from ringrift_jax import render
from ringrift_jax.interactive import STATIC
from ringrift_jax.interactive.replay import replay
from ringrift_jax.runs import record_files
from ringrift_jax.runs.box import BOX, CARD, boxed
from ringrift_jax.runs.cards import read_card
from ringrift_jax.runs.model_card import model_card
from ringrift_jax.runs.plots import strengths

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "ringrift_jax"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages of the repository that are outside of docs/, and where the site has them."""

CARDS = [read_card(BOX / name / CARD) for name in boxed()]
RECORDS = {card.name: BOX / card.name / "games.jsonl.gz" for card in CARDS}
GAMES = {name: [*record_files.read(path)][-2:] if path.exists() else [] for name, path in RECORDS.items()}
"""The last games in the box of each champion, which are those against its strongest opponent, one from each seat; none
where nothing was measured."""
DRAWING = "assets/ringrift"

ROLE = re.compile(r":(?:func|class|mod|data|meth|attr|exc):`~?([^`]+)`")
NUMBER = r"\d+(?:\.\d+)*"
CITATION = re.compile(rf"\b(rulebook|records) sections? {NUMBER}(?: and {NUMBER})*")
HEADING = re.compile(rf"^#+ ({NUMBER})\.? .*$", re.MULTILINE)
SEVERAL = re.compile(r"^ +\w+(?:, \w+)+(?=: )", re.MULTILINE)


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, packages before what is in them."""
    names = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py"), key=lambda path: (path.parent, path.stem != "__init__", path)):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def page_of(module: str) -> str:
    path = module.replace(".", "/")
    return f"api/{path}/index.md" if (ROOT / path).is_dir() else f"api/{path}.md"


def pages_in(package: str) -> list:
    """The page of a package, which its section opens with, then its modules and after them its packages."""
    inside = [name for name in modules() if name.rpartition(".")[0] == package]
    packages = [name for name in inside if page_of(name).endswith("/index.md")]
    single = [{name.rpartition(".")[2]: page_of(name)} for name in inside if name not in packages]
    return [page_of(package), *single, *({name.rpartition(".")[2]: pages_in(name)} for name in packages)]


def on_config(config: MkDocsConfig) -> None:
    """Puts notebooks and modules where mkdocs.yml has a place for them."""
    assert config.nav is not None
    for (title, pages), *_ in (section.items() for section in config.nav if isinstance(section, dict)):
        if "notebooks/*.ipynb" in pages:
            at = pages.index("notebooks/*.ipynb")
            pages[at : at + 1] = [f"notebooks/{path.name}" for path in NOTEBOOKS]
        if "champions.md" in pages:
            at = pages.index("champions.md") + 1
            pages[at:at] = [{card.name: f"champions/{card.name}.md"} for card in CARDS]
        if title == "API":
            pages.append({PACKAGE: pages_in(PACKAGE)})


@event_priority(100)  # before mkdocs-jupyter looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> None:
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for path in NOTEBOOKS:
        files.append(File(f"notebooks/{path.name}", str(ROOT), config.site_dir, config.use_directory_urls))
    for module in modules():
        files.append(File.generated(config, page_of(module), content=f"---\ntitle: {module}\n---\n\n::: {module}\n"))

    for card in CARDS:
        files.append(File.generated(config, f"champions/{card.name}.md", content=model_card(card)))
        for game in GAMES[card.name]:
            address = f"champions/{card.name}/{game['id']}"
            files.append(File.generated(config, f"{address}.json", content=json.dumps(replay(game))))
            files.append(File.generated(config, f"{address}.svg", content=render.game_svg(game)))
    for path in STATIC.iterdir():
        files.append(File.generated(config, f"{DRAWING}/{path.name}", abs_src_path=str(path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between files of the repository become links between pages of the site."""
    if page.file.src_uri in PAGES.values():
        for source, target in PAGES.items():
            markdown = markdown.replace(f"]({source}", f"]({target}")
        markdown = re.sub(r'(\]\(|src=")docs/', r"\1", markdown)
    for source, target in PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({target}")
    markdown = markdown.replace("](notebooks)", f"](notebooks/{NOTEBOOKS[0].name})")
    markdown = markdown.replace("](../notebooks)", f"](notebooks/{NOTEBOOKS[0].name})")
    markdown = markdown.replace("](../notebooks/", "](notebooks/")
    return markdown + _added(page)


def _added(page: Page) -> str:
    """What follows the text of a page."""
    if page.file.src_uri == "api.md":
        return _table_of_modules()
    for card in CARDS:
        if page.file.src_uri == f"champions/{card.name}.md":
            return _replays(page, card.name, GAMES[card.name])
    if page.file.src_uri == "champions.md":
        picture = ["", "## In one picture", "", f"<div>{strengths(CARDS)}</div>", ""]
        return "\n".join(picture) + _replays(page, CARDS[0].name, GAMES[CARDS[0].name][:1])
    return ""


def _replays(page: Page, name: str, games: list[dict]) -> str:
    """Games of a champion to be clicked through; without scripts they play as pictures."""
    if not games:
        return ""
    lines = ["", "## Games" if len(games) > 1 else "## A game", ""]
    for style in ("board.css", "widget.css"):
        lines.append(f'<link rel="stylesheet" href="{get_relative_url(f"{DRAWING}/{style}", page.url)}">')
    lines.append(f'<script type="module" src="{get_relative_url(f"{DRAWING}/replay.js", page.url)}"></script>')
    for game in games:
        address = get_relative_url(f"champions/{name}/{game['id']}", page.url)
        winner = game["result"]["winner"]
        reason = game["result"]["reason"].replace("_", " ")
        told = f"`{name}`: played by {'; '.join(game['models'])}. " + (
            f"Seat {winner} wins by {reason}." if winner else "Nobody wins."
        )
        picture = f'<img src="{address}.svg" alt="the game" loading="lazy" width="420">'
        lines += ["", told, "", f'<div class="ringrift-replay" data-game="{address}.json">{picture}</div>']
    return "\n".join([*lines, ""])


def _table_of_modules() -> str:
    rows = []
    for name, path in modules().items():
        docstring = re.match(r'"""(.*?)(?:\.\s|\.?""")', path.read_text(encoding="utf-8"), re.DOTALL)
        rows.append(f"| [`{name}`]({page_of(name)}) | {_plain(docstring[1]) if docstring else ''} |")
    return "\n".join(["", "| module | |", "|---|---|", *rows, ""])


def _plain(text: str) -> str:
    """A docstring's sentence as one line of a table."""
    return ROLE.sub(r"`\1`", " ".join(text.split())).replace("|", "\\|")


class Docstrings(griffe.Extension):
    """Makes links of citations and of roles such as ``:func:`x` ``, or code where the site does not show what is named.
    Keeps together the names of attributes or arguments that are described at once: after a space griffe expects a type.
    """

    def on_package(self, *, pkg: griffe.Module, **kwargs) -> None:
        for obj in _everything_in(pkg):
            if obj.docstring:
                text = SEVERAL.sub(lambda names: names[0].replace(", ", ",\N{NO-BREAK SPACE}"), obj.docstring.value)
                obj.docstring.value = CITATION.sub(_cite, ROLE.sub(partial(_link, obj), text))


def _cite(citation: re.Match) -> str:
    """The numbers in a citation such as "rulebook sections 4 and 5" become links to these sections."""
    page = (ROOT / "docs" / f"{citation[1]}.md").read_text(encoding="utf-8")
    headings = {heading[1]: slugify(heading[0].lstrip("# "), "-") for heading in HEADING.finditer(page)}
    return re.sub(NUMBER, lambda number: f"[{number[0]}][{headings[number[0]]}]", citation[0])


def _everything_in(obj: griffe.Object) -> Iterator[griffe.Object]:
    yield obj
    for member in obj.members.values():
        if isinstance(member, griffe.Object):  # and no alias, which belongs to another module
            yield from _everything_in(member)


def _link(obj: griffe.Object, role: re.Match) -> str:
    """A name means what it means in the innermost of the object, its class, its module and the packages around it."""
    name = role[1].removeprefix(".")
    scope = obj.module.parent if role[1].startswith(".") else obj
    while scope is not None:
        target = _found(obj.package, f"{scope.path}.{name}")
        if target:
            return f"[`{name}`][{target}]"
        scope = scope.parent
    target = _found(obj.package, name)
    return f"[`{name}`][{target}]" if target else f"`{name}`"


def _found(package: griffe.Module, path: str) -> str | None:
    """Where the site shows what has that path: under the name that it has where it is defined."""
    try:
        target = package.modules_collection[path]
        target = target.final_target if target.is_alias else target
    except (KeyError, griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None
    private = any(part.startswith("_") for part in target.path.split("."))
    return target.path if target.has_docstring and not private else None
