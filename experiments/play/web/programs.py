"""The processes of programs, seen from the server: started when they are needed, asked, and listened to."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread

import msgspec

from ringrift_jax.runs.box import BOX, boxed

from .messages import Player, Problem, Program, Question, Rules, Stage, Told


def in_the_box() -> list[Program]:
    """The champions that come with the package (:mod:`ringrift_jax.runs.box`)."""
    found = []
    for name in sorted(boxed()):
        known = msgspec.json.decode((BOX / name / "config.json").read_bytes())
        found.append(Program(Player(name), Rules(known["board"], known["num_players"], known["swap_rule"])))
    return found


Heard = Callable[["Running", Told], None]


class Running:
    """A process of a program.

    Attributes:
      program: who plays what.
      name: what it is called, once that is known.
      stage: what it does before it can answer; empty when it is ready.
      problem: why it does not run any more; empty while it does.
      since: when the stage began, in seconds of ``time.monotonic``.
    """

    def __init__(self, program: Program, heard: Heard):
        self.program, self.name, self.problem = program, program.player.name, ""
        self.stage, self.since = "starting", time.monotonic()
        self._heard, self._lock = heard, Lock()
        command = [sys.executable, "-m", "experiments.play.web.engine", msgspec.json.encode(program).decode()]
        # In a session of its own Ctrl-C in the terminal does not reach it; it ends when its input does.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, question: Question) -> None:
        """Sends a question; a process that has ended does not hear it."""
        assert self._process.stdin
        # What has happened to a process that has ended, the listener hears.
        with self._lock, suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(msgspec.json.encode(question) + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin
        with self._lock, suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        decode = msgspec.json.Decoder(Told).decode
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                told = decode(line)
                if isinstance(told, Stage):
                    self.stage, self.since = told.text, time.monotonic()
                    self.name = told.name or self.name
                elif isinstance(told, Problem):
                    self.problem = told.text
                self._heard(self, told)
        code = self._process.wait()
        if not self.problem:
            self.problem = f"the process of {self.name} has ended with code {code}; the terminal may say why"
            self._heard(self, Problem(self.problem))


class Programs:
    """All of them, one for each player and game, started when it is first needed."""

    def __init__(self, heard: Heard):
        self._heard, self._lock = heard, Lock()
        self._running: dict[Program, Running] = {}

    def get(self, program: Program) -> Running:
        """The process of a program; one that has failed is not started again by itself."""
        with self._lock:
            if program not in self._running:
                self._running[program] = Running(program, self._heard)
            return self._running[program]

    def find(self, program: Program) -> Running | None:
        """The process, if it was ever started."""
        return self._running.get(program)

    def close(self) -> None:
        """Ends all processes."""
        with self._lock:
            for running in self._running.values():
                running.close()
            self._running.clear()
