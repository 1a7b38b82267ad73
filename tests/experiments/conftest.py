"""What tests of the board to study on share."""

from collections.abc import Iterator
from typing import Any

import pytest
from board_browser import browser_page
from instant_programs import desk_of

from experiments.play.web.desk import Desk


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
