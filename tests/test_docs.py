"""The documents say what is so: their commands are understood, their code runs, their links and names exist."""

import json
import pkgutil
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import ringrift_jax as rr
from experiments import command_line, train

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
STAND_INS = {"BOARD": "square8", "N": "2", "RUN": "runs/square8-2p", "FILE": "games.jsonl.gz", "PAGE": "game.html"}
"""What capital words in commands stand for."""


def text_of(path: Path) -> str:
    """A page, or the prose of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")


def commands(text: str) -> Iterator[list[str]]:
    """The words after ``python -m experiments.`` in code, with stand-ins for the words that are to be replaced."""
    code = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    code += [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]*)`", prose)]
    for line in "\n".join(code).splitlines():
        for command in re.findall(r"python -m experiments\.([^&|#]*)", line):
            words = shlex.split(command)
            if "..." not in words:
                yield [STAND_INS.get(word, word.replace("RUN/", "runs/square8-2p/")) for word in words]


FOUND = sorted({tuple(words) for path in [*PAGES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
                for words in commands(text_of(path)) if len(words) > 1})  # fmt: skip


class Understood(Exception):
    """The arguments were accepted."""


def test_there_are_commands():
    assert len(FOUND) > 12 and ("train", "square8") in FOUND


@pytest.mark.parametrize("words", FOUND, ids=" ".join)
def test_commands_are_understood(words, monkeypatch):
    """Each gets as far as all of its arguments are read; what it then does is tested with the command."""

    def stop(*_, **__):
        raise Understood

    name, *argv = words
    module = import_module(f"experiments.{name}")
    if hasattr(module, "__path__"):
        module = import_module(f"experiments.{name}.__main__")
    parts = [module, *(import_module(f"experiments.benchmark.{part}") for part in ("common", "rules"))]
    if name == "train":
        monkeypatch.setattr(train, "RunConfig", stop)
    else:
        parse = command_line.parse

        def once(kind, argv, *args, **options):
            """The arguments of a command; the settings of a loop in a second call are what is left of them."""
            read = parse(kind, argv, *args, **options)
            if options.get("return_unknown_args"):
                return read
            raise Understood

        for part in parts:
            if hasattr(part, "parse"):
                monkeypatch.setattr(part, "parse", once)
    with pytest.raises(Understood):
        module.main(argv)


def test_a_command_that_is_not_understood_would_be_found(monkeypatch):
    with pytest.raises(SystemExit):
        test_commands_are_understood(("evaluate", "runs/square8-2p", "--ladders"), monkeypatch)


@pytest.mark.ci
def test_the_code_for_other_loops_runs(capsys):
    """With a small board in place of the published ones, which take long to compile."""
    small = 'rr.boards.custom("square", 3, 2)'
    text = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    text = text.replace('rr.make("hex8", num_players=3)', f"rr.make({small})")
    text = text.replace('RingRift("square8", num_players=2)', f"RingRift(rr.make({small}))")
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for block in blocks:
        exec(compile(block, "environment.md", "exec"), names)
    wins, shapes, pgx = capsys.readouterr().out.splitlines()
    assert len(blocks) == 3 and wins.startswith("wins by player: [") and shapes == "(64,) (64,)"
    assert pgx.startswith("ringrift_square-3x3") and "(32, " in pgx


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", text_of(page)) + re.findall(r'src="([^"]+)"', text_of(page)):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_api_page_names_every_module():
    listed = set(re.findall(r"^\| `(ringrift_jax[\w.]*)` \|", text_of(ROOT / "docs" / "api.md"), re.MULTILINE))
    inner = {"rules", "trees", "settings", "files", "state_text"}  # nothing in them is for users
    public = {f"ringrift_jax.{module.name}" for module in pkgutil.iter_modules(rr.__path__) if module.name not in inner}
    assert listed == public | {"ringrift_jax"}


def test_files_that_the_documents_name_exist():
    places = [ROOT, ROOT / "ringrift_jax", ROOT / "ringrift_jax" / "rules", ROOT / "ringrift_jax" / "reference"]
    for page in ("architecture.md", "rules.md"):
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", text_of(ROOT / "docs" / page)):
            assert any((place / name).exists() for place in places), f"{page}: {name}"
