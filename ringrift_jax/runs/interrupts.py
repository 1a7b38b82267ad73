"""Ctrl-C and SIGTERM: the first asks to stop in good order, the second leaves at once."""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

SIGNALS = signal.SIGINT, signal.SIGTERM

ECHO = 0.1
"""Seconds in which a second signal counts as the first: ``timeout`` and others signal a process and its group."""


class Interrupts:
    """Context manager that catches the signals. Enter it in the main thread.

    Attributes:
      requested: name of the first signal, None before.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]):
        self.requested: str | None = None
        self._since = 0.0
        self._on_first, self._on_second = on_first, on_second

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested is None:
            self.requested, self._since = signal.Signals(number).name, now
            self._on_first()
        elif now > self._since + ECHO:
            self._on_second()
            os._exit(128 + number)
