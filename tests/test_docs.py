"""The documents say what is so: their commands and their code run, their links and names exist."""

import gzip
import json
import os
import pkgutil
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from toy_runs import CACHE

import ringrift_jax as rr

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = "runs/square8-2p"
STAND_INS = {
    "BOARD": "square8", "N": "2", "RUN": RUN, "FILE": "games.jsonl.gz", "PAGE": "game.html", "9464": "0",
    "docs/game.jsonl.gz": str(ROOT / "docs" / "game.jsonl.gz"), "docs/game.svg": "game.svg",
}  # fmt: skip
"""What capital words in commands stand for, any free port for the one that is named, and files of the repository."""
LIMITS = {
    "benchmark env": "--boards square8 --players 2 --batch 8 --steps 2 --repeats 1 --no-pgx",
    "benchmark search": "--preset tiny --repeats 1",
    "benchmark selfplay": "--preset tiny --repeats 1",
    "evaluate": "--games 4",
    f"evaluate {RUN}": "--games 4 --simulations 0",
    "play": "--port 0",
    "selfplay": "--games 2",
    "train": "--preset tiny",
    "verify": "--only state-bytes",
}
"""What is added to a command so that it takes less time; the last of two equal options counts."""
EACH_SECONDS = 600
"""No command may take longer, compiling on a busy machine included."""


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
                yield [STAND_INS.get(word, word.replace("RUN/", f"{RUN}/")) for word in words]


FOUND = sorted({tuple(words) for path in [*PAGES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
                for words in commands(text_of(path)) if len(words) > 1})  # fmt: skip


def run(words: Sequence[str], directory: Path, iterations: int = 4) -> str | None:
    """Runs a command with its limits, in a directory; a page that it serves is stopped. What went wrong, if anything.
    ``iterations``: of training in all."""
    limits = LIMITS.get(" ".join(words[:2])) or LIMITS.get(words[0], "")
    if words[0] == "train":
        limits += f" --iterations {iterations}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "JAX_COMPILATION_CACHE_DIR": CACHE}
    command = [sys.executable, "-m", f"experiments.{words[0]}", *words[1:], *limits.split()]
    with (directory / "output.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=subprocess.STDOUT)
        end = time.monotonic() + EACH_SECONDS
        while process.poll() is None and time.monotonic() < end:
            if "--web" in words and "http://127.0.0.1:" in (directory / "output.txt").read_text(encoding="utf-8"):
                process.send_signal(signal.SIGINT)
                process.wait(60)
            time.sleep(0.1)
        process.kill()
        code = process.wait()
        output.seek(0)
        return f"{' '.join(words)} {limits}: exit code {code}\n{output.read()[-2000:]}" if code else None


def test_there_are_commands():
    assert len(FOUND) > 12 and ("train", "square8") in FOUND


@pytest.mark.ci
def test_documented_commands_run(tmp_path):
    """All of them, as somebody would type them, after a short run has been trained."""
    problems = [run(("train", "square8"), tmp_path)]
    records = tmp_path / RUN / "games.jsonl.gz"
    shutil.copy(records, tmp_path)
    with gzip.open(records, "rt", encoding="utf-8") as lines:
        some = json.loads(lines.readline())["id"]
    training_first = sorted(FOUND, key=lambda words: words[0] != "train")
    for iterations, words in enumerate(training_first, start=5):  # so that each that trains has something to do
        problems.append(run([some if word == "5-17" else word for word in words], tmp_path, iterations))
    assert not any(problems), "\n".join(filter(None, problems))


def test_a_command_that_does_not_run_would_be_found(tmp_path):
    problem = run(("evaluate", RUN, "--ladders"), tmp_path)
    assert problem and "exit code 2" in problem and "--ladders" in problem


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
