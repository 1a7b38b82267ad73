"""Requests to the board to study on, and its pages in a browser where there is one."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instant_programs import game
from werkzeug.serving import make_server

from experiments.play.web import server
from experiments.play.web.desk import Desk
from experiments.play.web.messages import HUMAN

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
PORT = 8000
HOST = f"127.0.0.1:{PORT}"


def ask(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    """What the page would get."""
    sent = {"Host": HOST, "Origin": f"http://{HOST}"} | headers
    if body is None:
        return client.get(f"/api/{path}", headers=sent)
    return client.post(f"/api/{path}", json=body, headers=sent)


@contextmanager
def browser_page(desk: Desk, trainer: Any = None) -> Iterator[Any]:
    """A page of Chromium, and where the server is. Nothing may go wrong on it."""
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = server.make_app(desk, port, desk.begin(game(HUMAN, HUMAN)), trainer)
        serving = make_server("127.0.0.1", port, app, threaded=True, fd=listening.fileno())
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            shown = browser.new_page(viewport={"width": 1250, "height": 860}, base_url=f"http://127.0.0.1:{port}")
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
        serving.shutdown()
    assert not problems


def shot(page: Any, name: str, tmp_path: Path) -> None:
    """A picture of the page, kept where RINGRIFT_SCREENSHOTS says."""
    page.screenshot(path=Path(os.environ.get("RINGRIFT_SCREENSHOTS") or tmp_path) / f"board-{name}.png")
