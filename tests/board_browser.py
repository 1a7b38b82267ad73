"""Requests to the board to study on, and its pages in a browser where there is one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browsers
from instant_programs import game
from werkzeug.serving import make_server

from experiments.play.web import server
from experiments.play.web.desk import Desk
from experiments.play.web.messages import HUMAN

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
    """A page of Chromium, and where the server is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = server.make_app(desk, port, desk.begin(game(HUMAN, HUMAN)), trainer)
        serving = make_server("127.0.0.1", port, app, threaded=True, fd=listening.fileno())
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        with browsers.page(base_url=f"http://127.0.0.1:{port}") as shown:
            yield shown
        serving.shutdown()


def shot(page: Any, name: str, directory: Path) -> None:
    """A picture of the page."""
    browsers.shot(page, f"board-{name}", directory)
