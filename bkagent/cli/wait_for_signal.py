"""Signals that end a command which serves until it is told to stop."""

from __future__ import annotations

import signal
import socket
from typing import Tuple

from bkagent.system import signals

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")


class EndSignals:
    """Catches the signals from now on; `wait` returns at the first. Make it on the main thread."""

    def __init__(self) -> None:
        # The interpreter's own wake-up writes reach a blocked main thread on every system; a pipe would not on Windows.
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._numbers: Tuple[int, ...] = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))
        for number in self._numbers:
            signal.signal(number, lambda _number, _frame: None)
        signals.outlive_logoffs()

    def wait(self) -> str:
        """Wait for a signal that ends the command; return its name."""
        while True:
            for number in self._reading.recv(16):
                if number in self._numbers:
                    return signal.Signals(number).name
