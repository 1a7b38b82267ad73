"""The notebooks run from their first cell to their last, with settings that are quick.

Run as a program, this file runs them as they are for people and keeps what they show.
"""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> nbformat.NotebookNode:
    book = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": path.parent}}
    NotebookClient(
        book, timeout=1800, kernel_name="python3", record_timing=False, resources=place, store_widget_state=False
    ).execute()
    # A widget is kept as its picture: without its kernel it is nothing but an error.
    for output in outputs(book):
        output.get("data", {}).pop(WIDGET, None)
    return book


def outputs(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def test_there_are_four():
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3", "4"]


MARKS = {"1": (), "2": (pytest.mark.ci, pytest.mark.optimised)}
"""Notebook 2 searches many turns."""


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=MARKS.get(p.name[0], pytest.mark.ci), id=p.stem) for p in NOTEBOOKS]
)
def test_notebooks_run(path: Path, monkeypatch):
    monkeypatch.setenv("RINGRIFT_QUICK", "1")
    run(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_with_what_they_show(path: Path):
    book = nbformat.read(path, as_version=4)
    assert outputs(book) and path.stat().st_size < 2**20
    for output in outputs(book):
        assert output.output_type != "error" and WIDGET not in output.get("data", {})
        assert not re.search(r"/(tmp|home|root)/", str(output))


if __name__ == "__main__":
    for notebook in NOTEBOOKS:
        if not sys.argv[1:] or notebook.stem[0] in sys.argv[1:]:
            nbformat.write(run(notebook), notebook)
