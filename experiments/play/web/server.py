"""The page and what it asks for, served to this machine only.

Only the page may ask: another site cannot reach it under a name of its own (the host is checked), nor send anything
with the browser of the person who plays (the origin is checked). What is sent is checked by msgspec.
"""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import flask
import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

from experiments.command_line import fail
from ringrift_jax.boards import BOARD_NAMES
from ringrift_jax.interactive import STATIC
from ringrift_jax.interactive.effects import checked_effect
from ringrift_jax.interactive.words import why_not

from . import practice, recorded
from .bodies import answer, sent
from .desk import WITHOUT_RUN, Desk
from .messages import HUMAN, At, Line, NewGame, Play, Settings
from .puzzles import Trainer
from .review import Review
from .view import line_view, view

HOSTS = ("127.0.0.1", "localhost")
"""Names under which the page answers."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_LARGEST = 2**25  # bytes of a request; the longest line that a file of records may have

T = TypeVar("T")


def make_app(desk: Desk, port: int, first: str, trainer: Trainer | None = None) -> flask.Flask:
    """The application. ``first``: the game that is shown at the start; ``trainer``: the puzzles, those of the box by
    default."""
    app = flask.Flask(__name__, static_folder="static", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST
    own = {f"{host}:{port}" for host in HOSTS}

    @app.before_request
    def only_the_page() -> None:
        request = flask.request
        origin = request.headers.get("Origin")
        if request.host not in own:
            flask.abort(403, "this page is for this machine only")
        if origin is not None and origin != f"http://{request.host}" or origin is None and request.method == "POST":
            flask.abort(403, "only the page itself may ask")

    @app.after_request
    def secured(response: flask.Response) -> flask.Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.errorhandler(HTTPException)
    def refused(problem: HTTPException) -> Any:
        return answer({"problem": problem.description}, problem.code or 500)

    @app.errorhandler(LookupError)
    def missing(problem: LookupError) -> Any:
        return answer({"problem": str(problem.args[0])}, 404)

    @app.errorhandler(ValueError)
    def wrong(problem: ValueError) -> Any:
        return answer({"problem": str(problem)}, 400)

    @app.errorhandler(OSError)
    def unwritten(problem: OSError) -> Any:
        return answer({"problem": f"the game could not be written: {problem}"}, 507)

    def state(id: str) -> Any:
        return answer(view(desk, id))

    def change(kind: type[T], act: Callable[[str, T], None]) -> Callable[[str], Any]:
        def changed(id: str) -> Any:
            act(id, sent(kind))
            return state(id)

        return changed

    def start() -> Any:
        there = [kept.id for kept in desk.shelf.all() if kept.study]
        return flask.redirect(f"/games/{first if first in there or not there else there[0]}")

    app.register_blueprint(practice.pages(trainer))
    app.add_url_rule("/", "start", start)
    # What notebooks draw with too comes from the library, under the same address as the page's own files.
    drawing = ",".join(f"'{path.name}'" for path in STATIC.iterdir())
    app.add_url_rule(f"/static/<any({drawing}):name>", "drawing", lambda name: flask.send_from_directory(STATIC, name))
    app.add_url_rule("/games/<id>", "page", lambda id: flask.render_template("index.html"))
    app.add_url_rule("/api/games", "games", lambda: answer(_games(desk)))
    changes: dict[str, Callable[[str], Any]] = {
        "play": change(Play, lambda id, told: desk.play(id, told.node, told.move)),
        "line": change(Line, lambda id, told: desk.play_line(id, told.node, told.moves)),
        "go": change(At, lambda id, told: desk.go(id, told.node)),
        "remove": change(At, lambda id, told: desk.remove(id, told.node)),
        "reply": change(At, lambda id, told: desk.reply(id, told.node)),
        "settings": change(Settings, desk.set),
    }
    for name, act in changes.items():
        app.add_url_rule(f"/api/games/<id>/{name}", name, act, methods=["POST"])

    @app.post("/api/games")
    def new() -> Any:
        return answer({"id": desk.begin(sent(NewGame))}, 201)

    @app.get("/api/games/<id>")
    def shown(id: str) -> Any:
        """What is shown; nothing new is told in a few bytes."""
        desk.shelf.find(id)
        if flask.request.args.get("seen") == str(desk.version):
            return answer({"version": desk.version})
        return state(id)

    @app.post("/api/games/<id>/delete")
    def delete(id: str) -> Any:
        desk.delete(id)
        return answer({})

    def asked(id: str) -> tuple[Any, Callable[[str], int]]:
        """The position of the node that is asked about, and how numbers of the question are read."""
        study = desk.shelf.find(id)

        def number(name: str) -> int:
            return msgspec.convert(flask.request.args.get(name, ""), int, strict=False)

        return study.position(number("node")), number

    @app.get("/api/games/<id>/effect")
    def effects(id: str) -> Any:
        pos, _ = asked(id)
        return answer(checked_effect(pos, flask.request.args.get("move", "")))

    @app.get("/api/games/<id>/line")
    def played_through(id: str) -> Any:
        """What a line, each ``move`` of it, would look like on the board."""
        _, number = asked(id)
        told = msgspec.convert({"node": number("node"), "moves": flask.request.args.getlist("move")}, Line)
        return answer(line_view(desk.shelf.find(id), told.node, told.moves))

    @app.get("/api/games/<id>/why")
    def why(id: str) -> Any:
        pos, number = asked(id)
        cell = number("cell")
        origin = number("origin") if "origin" in flask.request.args else None
        return answer({"why": why_not(pos, cell, origin)})

    @app.post("/api/records")
    def load() -> Any:
        """Opens a game of a file of records, which is the body; ``game`` is its number from 1."""
        wanted = msgspec.convert(flask.request.args.get("game", "1"), int, strict=False)
        return answer({"id": desk.keep(recorded.read(flask.request.get_data(), wanted))}, 201)

    def attached(data: bytes | str, kind: str, name: str) -> Any:
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return flask.Response(data, mimetype=kind, headers=headers)

    @app.get("/api/games/<id>/record.jsonl.gz")
    def record(id: str) -> Any:
        study = desk.shelf.find(id)
        return attached(recorded.to_file(study, id), "application/gzip", f"{study.board.name}-{id}.jsonl.gz")

    @app.get("/api/games/<id>/game.html")
    def shared(id: str) -> Any:
        study = desk.shelf.find(id)
        review = Review(study, desk.state(id).found)
        return attached(recorded.to_page(study, id, review), "text/html", f"{study.board.name}-{id}.html")

    return app


def _games(desk: Desk) -> dict[str, Any]:
    """The games of the shelf, and what can be begun."""
    games = []
    for kept in desk.shelf.all():
        if kept.study is None:
            games.append({"id": kept.id, "problem": kept.problem})
            continue
        document, end = kept.study.document, list(kept.study.main_line())[-1]
        last = kept.study.position(end)
        games.append(
            {
                "id": kept.id,
                "board": document.rules.board,
                "players": [player.name for player in document.seats],
                "made": document.made,
                "moves": len(kept.study) - 1,
                "winner": last.winner,
            }
        )
    offered = [{"player": program.player, "rules": program.rules} for program in desk.offered]
    return {"games": games, "boards": BOARD_NAMES, "programs": [HUMAN, *WITHOUT_RUN], "offered": offered}


def serve(desk: Desk, first: str, port: int, trainer: Trainer | None = None, page: str = "") -> None:
    """Serves the page until Ctrl-C, to this machine only. ``page``: the one to open, if it is not that of the game."""
    try:
        listening = socket.create_server((HOSTS[0], port))
    except (OSError, OverflowError) as problem:
        desk.close()
        fail(f"--port {port} cannot be used, {problem}; choose another")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with listening:
        port = listening.getsockname()[1]
        app = make_app(desk, port, first, trainer)
        server = make_server(HOSTS[0], port, app, threaded=True, fd=listening.fileno())
        if not page:  # programs start behind the first picture, whether or not somebody looks
            warming = threading.Timer(1.0, desk.look, [first])
            warming.daemon = True
            warming.start()
        what = page or "play"
        print(f"{what} at http://{HOSTS[0]}:{port}{page and f'/{page}'} ; Ctrl-C ends it", flush=True)
        try:
            with suppress(KeyboardInterrupt):
                server.serve_forever()
        finally:
            desk.close()
    print()
