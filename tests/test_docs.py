"""The documents say what is so: their commands and their code run, their links and names exist."""

import contextlib
import gzip
import json
import re
import runpy
import shlex
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from toy_runs import CACHE

from experiments.measure import cards
from ringrift_jax import boards, notation

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = "runs/square8-2p"
STAND_INS = {
    "BOARD": "square8", "N": "2", "PLAYER": "random", "RUN": RUN, "FILE": "games.jsonl.gz", "PAGE": "game.html",
    "9464": "0",
    "GAMES": str(ROOT / "docs" / "game.jsonl.gz"),
    "docs/game.jsonl.gz": str(ROOT / "docs" / "game.jsonl.gz"), "docs/game.svg": "game.svg",
}  # fmt: skip
"""What capital words in commands stand for, any free port for the one that is named, and files of the repository.
Training is on square8."""
LIMITS = {
    "benchmark compile": "--preset tiny --what ply --devices 1",
    "benchmark env": "--boards square8 --players 2 --batch 8 --steps 2 --repeats 1 --no-pgx",
    "benchmark search": "--preset tiny --repeats 1",
    "benchmark selfplay": "--preset tiny --repeats 1",
    "benchmark turns": "--batch 8 --nodes 100 --repeats 1",
    "evaluate": "--games 4",
    f"evaluate {RUN}": "--games 4 --simulations 0",
    "evaluate square8": "--games 4 --simulations 0",
    "pack": "--box champions",
    "play": "--port 0 --games games",
    "selfplay": "--games 2",
    "train": "--preset tiny",
    "verify": "--only state-bytes",
}
"""What is added to a command so that it takes less time; the last of two equal options counts."""


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
                stand_ins = STAND_INS | (dict.fromkeys(boards.BOARD_NAMES, "square8") if words[0] == "train" else {})
                yield [stand_ins.get(word, word.replace("RUN/", f"{RUN}/")) for word in words]


FOUND = sorted({tuple(words) for path in [*PAGES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
                for words in commands(text_of(path)) if len(words) > 1})  # fmt: skip


def limits(words: Sequence[str], iterations: int = 4) -> list[str]:
    """``iterations``: of training in all."""
    found = (LIMITS.get(" ".join(words[:2])) or LIMITS.get(words[0], "")).split()
    return [*found, "--iterations", str(iterations)] if words[0] == "train" else found


def without_limited(words: Sequence[str]) -> tuple[str, ...]:
    """A command without the options that its limits replace, and without two players, which is the default."""
    replaced = {word for word in limits(words) if word.startswith("--")}
    kept, keep = [], True
    for word in " ".join(words).replace(" --players 2", "").split():
        keep = word not in replaced if word.startswith("--") else keep
        kept += [word] * keep
    return tuple(kept)


DIFFERENT = sorted({without_limited(words): words for words in sorted(FOUND, key=len)}.values())
"""Of the commands that do the same within their limits, the one with the most options."""


def run(words: Sequence[str], directory: Path, iterations: int = 4) -> str | None:
    """Runs a command with its limits in a directory, by ``python -m``'s own means but in this process, so that what is
    compiled for one is there for the next. A page that it serves is stopped. What went wrong, if anything."""
    more = limits(words, iterations)
    name, code = f"experiments.{words[0]}", None
    output = directory / "output.txt"
    with (
        output.open("w", encoding="utf-8", buffering=1) as file,
        contextlib.chdir(directory),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),  # the module may be imported already
    ):
        patch.setattr(sys, "argv", [name, *words[1:], *more])
        if {"--web", "--learn", "--puzzles"} & {*words}:
            threading.Thread(target=interrupt_once_it_says, args=("http://127.0.0.1:", output), daemon=True).start()
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as stop:
            code = stop.code
        except Exception:
            code = traceback.format_exc()
    said = output.read_text(encoding="utf-8")[-2000:]
    return f"{' '.join([*words, *more])}: exit code {code}\n{said}" if code else None


def interrupt_once_it_says(text: str, output: Path) -> None:
    while text not in output.read_text(encoding="utf-8"):
        time.sleep(0.1)
    time.sleep(0.5)  # it says so just before it is ready to be interrupted
    signal.raise_signal(signal.SIGINT)


def test_there_are_commands():
    assert len(FOUND) > 12 and ("train", "square8") in FOUND
    assert {words[0] for words in DIFFERENT} == {words[0] for words in FOUND}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory with a short run and a file of games, and the name of one of them."""
    path = tmp_path_factory.mktemp("documented")
    assert run(("train", "square8"), path) is None
    records = path / RUN / "games.jsonl.gz"
    shutil.copy(records, path)
    with gzip.open(records, "rt", encoding="utf-8") as lines:
        return path, json.loads(lines.readline())["id"]


@pytest.mark.ci
@pytest.mark.parametrize("words", DIFFERENT, ids=" ".join)
def test_documented_commands_run(words, trained):
    """As somebody would type them, after a short run has been trained."""
    if words[:2] == ("benchmark", "compile") and not cards.installed():
        pytest.skip(cards.NOT_INSTALLED)
    path, game = trained
    trains = [other for other in DIFFERENT if other[0] == "train" and "--run-dir" not in other]
    iterations = 5 + trains.index(words) if words in trains else 1
    problem = run([game if word == "5-17" else word for word in words], path, iterations)
    assert problem is None, problem


def test_a_command_that_does_not_run_would_be_found(tmp_path):
    problem = run(("evaluate", RUN, "--ladders"), tmp_path)
    assert problem and "exit code 2" in problem and "--ladders" in problem


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.ci
def test_the_code_for_other_loops_runs(capsys):
    """With a small board in place of the published ones, which take long to compile."""
    small = 'rr.boards.custom("square", 3, 2)'
    text = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    text = text.replace('rr.make("hex8", num_players=3)', f"rr.make({small})")
    text = text.replace('RingRift("square8", num_players=2)', f"RingRift(rr.make({small}))")
    text = text.replace('"~/.cache/ringrift_jax"', repr(CACHE))
    names: dict = {}
    blocks = python_blocks(text)
    for block in blocks:
        exec(compile(block, "environment.md", "exec"), names)
    wins, shapes, turns, pgx = capsys.readouterr().out.splitlines()
    assert len(blocks) == 5 and "of 64 can win before their turn passes; 64 answers are exact" in turns
    assert wins.startswith("wins by player: [") and shapes == "(64,) (64,)"
    assert pgx.startswith("ringrift_square-3x3") and "(32, " in pgx


@pytest.mark.ci
def test_the_code_for_champions_runs(capsys):
    (block,) = python_blocks((ROOT / "docs" / "champions.md").read_text(encoding="utf-8"))
    names: dict = {}
    exec(compile(block, "champions.md", "exec"), names)
    assert re.match(r"\d+\.\d hours of training, the first player's value is -?0\.\d\d", capsys.readouterr().out)
    assert names["logits"].shape == (4, names["champion"].env.num_actions)


@pytest.mark.ci
def test_the_wins_on_the_page_about_strategy_are_wins(capsys):
    text = (ROOT / "docs" / "strategy.md").read_text(encoding="utf-8")
    (block,) = python_blocks(text)
    names: dict = {}
    exec(compile(block, "strategy.md", "exec"), names)
    found, played = capsys.readouterr().out.splitlines()
    line, end = found.split(": ")
    state = names["start"]
    for move in line.split(", "):
        state = notation.play(names["env"], state, move)
    assert state.winner == 0 and end == "seat 1 wins by territory_control"
    assert played == "seat 1 wins with 63 cells"


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", text_of(page)) + re.findall(r'src="([^"]+)"', text_of(page)):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def citations(text: str) -> Iterator[tuple[str, str]]:
    """Page and section of every citation such as "rulebook section 8" or "rulebook sections 3 and 11.4"."""
    number = r"\d+(?:\.\d+)*"
    for page, numbers in re.findall(rf"(?:\b(\w+)\s+)?\b[Ss]ections?\s+({number}(?:(?:,| and| to)\s+{number})*)", text):
        for section in re.findall(number, numbers):
            yield page, section


def uncited(path: Path, text: str) -> list[str]:
    """Citations in a file that lead nowhere. On a page itself its own sections are cited without its name."""
    problems = re.findall(r"\b(?:RULES|FORMAT|DESIGN)(?:\.md| page| sections? \S+)", text)
    for page, section in citations(text):
        at = ROOT / "docs" / f"{page}.md"
        at = at if at.exists() else path if path.parent == at.parent else None
        if at is None or not re.search(rf"^#+ {re.escape(section)}\.? ", at.read_text(encoding="utf-8"), re.MULTILINE):
            problems.append(f"{page} section {section}")
    return [f"{path.relative_to(ROOT)}: {problem}" for problem in problems]


def test_cited_sections_exist():
    folders = [ROOT / name for name in ("ringrift_jax", "experiments", "tests", "notebooks", "docs")]
    paths = [path for folder in folders for name in ("*.py", "*.md", "*.ipynb") for path in folder.rglob(name)]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path != Path(__file__)}
    assert sum(("rulebook", "8") in citations(text) for text in texts.values()) > 3
    problems = [problem for path, text in texts.items() for problem in uncited(path, text)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "text", ["RULES section 8", "rulebook section 17", "rulebook sections 3 and 11.9", "section 3", "DESIGN.md"]
)
def test_a_citation_that_leads_nowhere_is_found(text):
    assert uncited(ROOT / "ringrift_jax" / "env.py", f"Why it is so ({text}).")


def test_cited_rules_of_the_specification_are_in_the_rulebook():
    rulebook = text_of(ROOT / "docs" / "rulebook.md")
    cited = {
        rule for path in (ROOT / "ringrift_jax").rglob("*.py") for rule in re.findall(r"\bR\d{3}\b", path.read_text())
    }
    assert "R123" in cited and all(rule in rulebook for rule in cited)


def rows_of(page: str, section: str) -> list[list[str]]:
    """The cells of all tables in a numbered section of a page, without heads and rules."""
    text = text_of(ROOT / "docs" / page)
    part = re.split(rf"^#+ {re.escape(section)}\.? .*$", text, flags=re.MULTILINE)[1]
    lines = re.split(r"^#", part, flags=re.MULTILINE)[0].splitlines()
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rules = [index for index, row in enumerate(rows) if set(row[0]) == {"-"}]
    return [row for index, row in enumerate(rows) if index not in rules and index + 1 not in rules]


def test_the_numbers_of_the_rulebook_are_those_of_the_boards():
    of_boards, by_players = rows_of("rulebook.md", "1")[:4], rows_of("rulebook.md", "1")[4:]
    for name, cells, rings, directions, neighbours in of_boards:
        name = name.split(",")[0]
        board = boards.standard(name, 2)
        told = [int(text.split(",")[0]) for text in (cells, rings, directions, neighbours)]
        assert told == [board.mask.sum(), board.rings_per_player, len(board.directions), len(board.territory_offsets)]
        column = {"square8": 1, "hex8": 1, "square19": 2, "hexagonal": 3}[name]
        games = [boards.standard(name, players) for players in (2, 3, 4)]
        lines = [game.line_length for game in games]
        assert lines == [int(by_players[row][column]) for row in (0, 1, 1)]
        assert [game.ring_threshold for game in games] == [int(text) for text in by_players[2][column].split(" / ")]
    heights = [boards.standard(name, 2).max_height for name in ("square8", "hex8", "square19", "hexagonal")]
    assert heights == [int(text) for text in rows_of("rulebook.md", "16.1")[0][1:]]


def test_phases_and_reasons_are_listed():
    assert [row[0] for row in rows_of("records.md", "2")] == list(notation.PHASE_NAMES.values())
    reasons = [row[0] for row in rows_of("records.md", "5.3")]
    assert reasons[reasons.index("ring_elimination") :] == list(notation.REASON_NAMES.values())


def test_files_that_the_documents_name_exist():
    places = [ROOT, ROOT / "ringrift_jax", ROOT / "ringrift_jax" / "rules", ROOT / "ringrift_jax" / "reference"]
    for page in ("architecture.md", "rulebook.md"):
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", text_of(ROOT / "docs" / page)):
            assert any((place / name).exists() for place in places), f"{page}: {name}"
