"""The threads of a server: one a connection, some of which wait for the next connection when theirs is over.

On a busy machine a thread that has just been started is behind all others, by tens of milliseconds; one that has slept
is before them.
"""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING, Callable, Optional

try:
    from _queue import SimpleQueue  # `queue` brings in more than the C class
except ImportError:
    from queue import SimpleQueue

if TYPE_CHECKING:
    from bkagent.transport.server_connection import ServerConnection

KEPT_COUNT = 4


class ServingThreads:
    """Calls `serve(connection)` on a thread for each connection."""

    def __init__(self, serve: Callable[[ServerConnection], None]) -> None:
        self._serve = serve
        self._lock = threading.Lock()
        self._kept_count = 0  # those that wait, or are about to
        self._closed = False
        self._next: SimpleQueue[Optional[ServerConnection]] = SimpleQueue()

    def begin(self, connection: ServerConnection) -> None:
        """Have a thread serve a connection. Raises RuntimeError when none can be started."""
        with self._lock:
            if self._kept_count:
                self._kept_count -= 1
                self._next.put(connection)
                return
        _thread.start_new_thread(self._run, (connection,))  # unlike Thread.start, does not wait for it

    def close(self) -> None:
        """Let the threads end: those that wait now, the others when they have served."""
        with self._lock:
            self._closed = True
            for _ in range(self._kept_count):
                self._next.put(None)
            self._kept_count = 0

    def _run(self, first: ServerConnection) -> None:
        connection: Optional[ServerConnection] = first
        while connection is not None:
            self._serve(connection)
            connection = None  # holds nothing while it waits
            with self._lock:
                if self._closed or self._kept_count == KEPT_COUNT:
                    return
                self._kept_count += 1
            connection = self._next.get()
