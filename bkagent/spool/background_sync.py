"""Brings what is written to the disk, once a second while there is something new, on a thread of its own."""

from __future__ import annotations

import threading
from typing import Callable

EVERY_S = 1.0


class BackgroundSync:
    """Calls `sync` at most `EVERY_S` after the first `note_write` that it has not handled. `sync` may raise OSError."""

    def __init__(self, sync: Callable[[], None], name: str) -> None:
        self._sync, self._name = sync, name
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._started = False

    def note_write(self) -> None:
        """Say that something was written. Cheap: called for every piece of a log."""
        if self._news.is_set():
            return
        self._news.set()
        if not self._started:
            self._start()

    def close(self) -> None:
        """Stop; what is not on the disk yet is the caller's to bring there. Does not wait for a sync under way."""
        self._closed.set()
        self._news.set()

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._news.wait()
            if self._closed.wait(EVERY_S):
                return
            self._news.clear()
            try:
                self._sync()
            except OSError:
                self._news.set()  # once more; the write that comes next meets the same trouble and says so
