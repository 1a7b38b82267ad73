"""Ctrl-C and SIGTERM: the first asks to stop in good order, the second leaves at once."""

import os
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = signal.SIGINT, signal.SIGTERM


class Interrupts:
    """Context manager that catches the signals. Enter it in the main thread.

    Attributes:
      requested: name of the first signal, None before.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]):
        self.requested: str | None = None
        self._on_first, self._on_second = on_first, on_second

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._on_second()
            os._exit(128 + number)
        self.requested = signal.Signals(number).name
        self._on_first()
