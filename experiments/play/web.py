"""A page on this machine on which a person plays a program: Flask serves it, the pictures are those of ``render``."""

import logging
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flask
import numpy as np
from werkzeug.serving import make_server

from experiments.command_line import fail
from experiments.play.session import Opponent, Session, new_session
from ringrift_jax import boards, render
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.reference.geometry import geometry
from ringrift_jax.reference.moves import Move, parse_move
from ringrift_jax.reference.position import Position
from ringrift_jax.reference.territory import region_from
from ringrift_jax.render.board import position_of
from ringrift_jax.render.marks import ends
from ringrift_jax.runs import record_files
from ringrift_jax.runs.matches import Player, named

HOSTS = ("127.0.0.1", "localhost")
"""Names under which the page answers. Pages of others cannot reach it under a name of theirs."""


@dataclass(frozen=True)
class Choice:
    """What is played.

    Attributes:
      config: the game, and how a champion searches.
      player: the program.
      champions: directory of the run's champions; None without a run.
      seats: of people, counted from 1.
      seed: of random numbers.
    """

    config: RunConfig
    player: Player
    champions: Path | None
    seats: tuple[int, ...]
    seed: int = 0

    def begin(self) -> Session:
        """A new game. ValueError when there is no such game."""
        env = self.config.make_env()
        return new_session(env, Opponent(env, self.config, self.player, self.champions), self.seats, self.seed)


_PROGRAMS = "heuristic", "tactician:heuristic", "tactician:random", "random"
"""Opponents that need no run."""


class Table:
    """The one game that the page shows; requests take turns."""

    def __init__(self, choice: Choice):
        self.first = self.choice = choice
        self.session = choice.begin()
        self.lock = threading.Lock()

    def begin(self, wanted: dict) -> None:
        """Begins another game. ValueError when it is not one."""
        name, seats = wanted.get("opponent"), wanted.get("seats")
        if not isinstance(seats, list) or not all(isinstance(seat, int) for seat in seats):
            raise ValueError("seats must be a list of numbers")
        if name == self.first.player.name and self.first.champions:
            choice = replace(self.first, seats=tuple(seats))
        else:
            board, players = wanted.get("board"), wanted.get("players")
            if not isinstance(board, str) or not isinstance(players, int) or name not in _PROGRAMS:
                raise ValueError(f"a game needs a board, a number of players, and one of {', '.join(_PROGRAMS)}")
            choice = Choice(RunConfig(board, players), named(name), None, tuple(seats), self.first.seed)
        n = choice.config.make_env().num_players
        if any(not 1 <= seat <= n for seat in seats):
            raise ValueError(f"seats are 1 to {n}")
        self.session, self.choice = choice.begin(), choice

    def opponents(self) -> list[dict[str, Any]]:
        """Programs that can be chosen, with the one board of a champion."""
        found: list[dict[str, Any]] = [{"name": name} for name in _PROGRAMS]
        if self.first.champions:
            config = self.first.config
            found.insert(0, {"name": self.first.player.name, "board": config.board, "players": config.num_players})
        return found


def view(table: Table, theme: str) -> dict[str, Any]:
    """Everything that the page shows of the game."""
    session = table.session
    last = session.history[-1] if session.history else None
    pos = position_of(session.state)
    picture = render.position_svg(
        pos,
        previous=position_of(last.before) if last else None,
        move=last.move if last else None,
        theme=theme,
    )
    moves = []
    if session.humans_turn:
        for text in session.legal():
            moves.append({"move": text, "steps": clicks(pos, parse_move(pos.board, text))})
    return {
        "picture": picture,
        "points": {cell: render.cell_point(pos.board, cell) for cell in geometry(pos.board).cells},
        "ply": len(session.history),
        "seat": 0 if session.over else int(session.state.current_seat) + 1,
        "yours": session.humans_turn,
        "over": session.over,
        "message": session.result() if session.over else "",
        "moves": moves,
        "history": [[int(np.asarray(p.before.current_seat)) + 1, p.move] for p in session.history],
        "chances": session.chances(),
        "colours": render.SEAT_COLOURS,
        "names": session.names(),
        "undo": any(session.opponents[played.player] is None for played in session.history),
        "game": {
            "board": session.env.board.name,
            "players": session.env.num_players,
            "opponent": table.choice.player.name,
            "seats": table.choice.seats,
        },
        "boards": boards.BOARD_NAMES,
        "opponents": table.opponents(),
    }


def clicks(pos: Position, move: Move) -> list[list[int]]:
    """The cells to click for a move, one after the other; any of those listed counts."""
    cells, kind = move.cells, move.kind
    moved = ends(move)
    if moved:
        steps = [[cell] for cell in moved]
        if kind in ("F", "S", "1"):
            steps.append([cells[2]])
        elif kind == "2":
            steps.append(_run(pos, cells[2], cells[3]))
        return steps
    if kind == "L":
        return [_run(pos, cells[-2], cells[-1])]
    if kind == "T":
        return [sorted(region_from(pos, cells[0], move.colours[0]))]
    return [[cell] for cell in cells]


def _run(pos: Position, first: int, last: int) -> list[int]:
    return [first, *geometry(pos.board).between(first, last), last] if first != last else [first]


def make_app(choice: Choice) -> flask.Flask:
    """The application, for one person."""
    table, app = Table(choice), flask.Flask(__name__)

    @app.before_request
    def only_here() -> Any:
        """Only this page may talk to it: other sites cannot forge the host, nor send JSON without asking first."""
        if flask.request.host.partition(":")[0] not in HOSTS:
            flask.abort(403)
        if flask.request.method == "POST" and not flask.request.is_json:
            flask.abort(415)

    def seen() -> dict[str, Any]:
        return view(table, "dark" if flask.request.args.get("theme") == "dark" else "light")

    def change(act: Any) -> Any:
        """Does something to the game as the page saw it; a page that is behind is told so."""
        wanted = flask.request.get_json()
        with table.lock:
            try:
                if not isinstance(wanted, dict):
                    raise ValueError("an object is needed")
                if "ply" in wanted and wanted["ply"] != len(table.session.history):
                    raise ValueError("the game has gone on; this is how it stands now")
                act(wanted)
            except ValueError as problem:
                return seen() | {"problem": str(problem)}, 400
            return seen()

    @app.get("/")
    def page() -> Any:
        return flask.send_file(Path(__file__).with_name("page.html"))

    @app.get("/state")
    def state() -> Any:
        with table.lock:
            return seen()

    @app.post("/move")
    def move() -> Any:
        def act(wanted: dict) -> None:
            if not table.session.humans_turn:
                raise ValueError("it is not your turn")
            table.session.play(str(wanted.get("move")))

        return change(act)

    @app.post("/reply")
    def reply() -> Any:
        def act(_: dict) -> None:
            if table.session.humans_turn or table.session.over:
                raise ValueError("it is not the program's turn")
            table.session.reply()

        return change(act)

    @app.post("/undo")
    def undo() -> Any:
        return change(lambda _: table.session.undo())

    @app.post("/new")
    def new() -> Any:
        return change(table.begin)

    def recorded() -> dict:
        with table.lock:
            return table.session.record(f"play-{table.session.env.id}")

    @app.get("/game.jsonl.gz")
    def record() -> Any:
        return flask.Response(
            record_files.to_bytes([recorded()]),
            mimetype="application/gzip",
            headers={"Content-Disposition": "attachment; filename=game.jsonl.gz"},
        )

    @app.get("/game.html")
    def game() -> Any:
        headers = {"Content-Disposition": "attachment; filename=game.html"}
        return flask.Response(render.game_html(recorded()), mimetype="text/html", headers=headers)

    return app


def serve(choice: Choice, port: int) -> None:
    """Serves the page until Ctrl-C, to this machine only."""
    try:
        listening = socket.create_server((HOSTS[0], port))
    except (OSError, OverflowError) as problem:
        fail(f"--port {port} cannot be used, {problem}; choose another")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with listening:
        server = make_server(HOSTS[0], port, make_app(choice), threaded=True, fd=listening.fileno())
        print(f"play at http://{HOSTS[0]}:{listening.getsockname()[1]} ; Ctrl-C ends it", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    print()
