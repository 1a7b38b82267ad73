"""Pages of a real browser, for tests; they are skipped where there is no Chromium."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@contextmanager
def page(**options: Any) -> Iterator[Any]:
    """A page of Chromium on which nothing goes wrong unseen.

    Args:
      **options: of playwright's ``new_page``.
    """
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        usual: Any = {"viewport": {"width": 1250, "height": 860}}
        shown = browser.new_page(**usual | options)
        problems: list[str] = []
        shown.on("pageerror", lambda problem: problems.append(str(problem)))
        # A refusal is no fault; Chromium notes each that it gets.
        expected = "Failed to load resource"
        shown.on(
            "console",
            lambda line: problems.append(line.text) if line.type == "error" and expected not in line.text else None,
        )
        yield shown
        browser.close()
    assert not problems


def shot(page: Any, name: str, directory: Path) -> None:
    """Keeps what a page shows: in ``RINGRIFT_SCREENSHOTS``, if that is set, for people to look at."""
    page.screenshot(path=Path(os.environ.get("RINGRIFT_SCREENSHOTS") or directory) / f"{name}.png")
