"""What a user meets first: importing, the public names, the README's snippet, the wheel."""

import os
import re
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path

import pytest

import ringrift_jax as rr
from ringrift_jax.runs import events

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_import_touches_no_backend(tmp_path: Path):
    """With a platform that does not exist, whatever touches a backend fails."""
    code = """
import jax, ringrift_jax.api, experiments
try:
    jax.devices()
except RuntimeError as error:
    print("imported;", error)
"""
    output = run(sys.executable, "-c", code, cwd=tmp_path, JAX_PLATFORMS="no_such_platform", PYTHONPATH=str(ROOT))
    assert output.startswith("imported;") and "no_such_platform" in output


def test_public_names():
    assert sorted(rr.__all__) == rr.__all__
    assert all(hasattr(rr, name) for name in rr.__all__)
    for name in ("make", "Env", "State", "random_action", "check_env", "explain", "notation"):
        assert name in rr.__all__


def test_readme_snippets_run(capsys, monkeypatch, tmp_path):
    (tmp_path / "runs" / "square8-2p").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(events, "subscribe", partial(events.subscribe, stop=lambda: True))  # else it waits for ever
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"\d+% of 256 random games are over", said)
    assert "heuristic None no network of this run has won an arena" in said


@pytest.mark.slow
def test_wheel_works_in_an_empty_environment(tmp_path: Path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    home, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    venv.create(home, with_pip=True)
    elsewhere.mkdir()
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", wheel, cwd=elsewhere)
    location = run(python, "-c", "import ringrift_jax; print(ringrift_jax.__file__)", cwd=elsewhere)
    assert Path(location.strip()).is_relative_to(home)
    assert (Path(location.strip()).parent / "py.typed").exists()
    monitoring = Path(location.strip()).parents[1] / "ringrift_jax" / "runs" / "monitors"
    assert {"dashboard.json", "alerts.yml"} <= {path.name for path in monitoring.iterdir()}
    for folder, one in (
        ("experiments/play/web/static", "app.js"),
        ("experiments/play/web/templates", "index.html"),
        ("ringrift_jax/interactive/static", "board.js"),
        ("ringrift_jax/interactive/templates", "game.html"),
    ):
        kept = {path.name for path in (ROOT / folder).iterdir()}
        assert one in kept and kept == {path.name for path in (Path(location.strip()).parents[1] / folder).iterdir()}
    box = monitoring.parents[1] / "data" / "champions"
    boxed = {path.parent.name for path in (ROOT / "ringrift_jax" / "data" / "champions").glob("*/card.json")}
    assert boxed and {path.parent.parent.name for path in box.glob("*/champions/*.npz")} == boxed
    assert {path.name for path in monitoring.parent.glob("templates/*")} == {"report.html", "sections.html"}
    cards = Path(location.strip()).parents[1] / "experiments" / "measure" / "cards"
    assert {path.name for path in cards.glob("*.txtpb")} == {"h100.txtpb", "h200.txtpb"}
    assert "--preset" in run(python, "-m", "experiments.train", "--help", cwd=elsewhere)
