"""What tests of commands share: a small game to train on, and the board to study on."""

from collections.abc import Iterator
from typing import Any

import pytest
from board_browser import browser_page
from instant_programs import desk_of
from toy_runs import use_toy_game

from experiments.play.web.desk import Desk


@pytest.fixture
def toy(monkeypatch) -> None:
    """Runs are of the small game."""
    use_toy_game(monkeypatch)


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    made = desk_of(tmp_path / "games")
    yield made
    made.close()


@pytest.fixture
def page(desk) -> Iterator[Any]:
    """A page of Chromium, and where the server is."""
    with browser_page(desk) as shown:
        yield shown
