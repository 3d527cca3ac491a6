"""Brings what is written to the disk, once a second while there is something new, on another thread."""

from __future__ import annotations

import threading
from typing import Callable

EVERY_S = 1.0

# Calls a task on another thread, so many seconds from now.
CallLater = Callable[[float, Callable[[], None]], None]


class BackgroundSync:
    """Calls `sync` at most `EVERY_S` after the first `note_write` that it has not handled. `sync` may raise OSError."""

    def __init__(self, sync: Callable[[], None], call_later: CallLater) -> None:
        self._sync, self._call_later = sync, call_later
        self._lock = threading.Lock()
        self._has_news = self._is_under_way = self._is_closed = False

    def note_write(self) -> None:
        """Say that something was written. Cheap: called for every piece of a log."""
        self._has_news = True
        if not self._is_under_way:
            self._begin()

    def close(self) -> None:
        """Stop; what is not on the disk yet is the caller's to bring there. Does not wait for a sync under way."""
        self._is_closed = True

    def _begin(self) -> None:
        with self._lock:
            if self._is_under_way or self._is_closed:
                return
            self._is_under_way = True
        self._call_later(EVERY_S, self._run)

    def _run(self) -> None:
        if self._is_closed:
            return
        self._has_news = False
        try:
            self._sync()
        except OSError:
            self._has_news = True  # once more; the write that comes next meets the same trouble and says so
        self._is_under_way = False
        if self._has_news:  # looked at behind that, as who writes looks at the two the other way round
            self._begin()


def call_on_own_thread(delay_s: float, task: Callable[[], None]) -> None:
    """Call a task later, on a thread for it alone."""
    timer = threading.Timer(delay_s, task)
    timer.daemon = True
    timer.start()
