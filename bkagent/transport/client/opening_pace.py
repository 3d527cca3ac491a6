"""Open new connections a few at a time, so that a burst does not overflow the server's queue of new connections.

Connections beyond the length of that queue are lost, most with a reset once the request has been sent, and the request
waits for its next try. The queue of Python's own `socketserver` takes five.
"""

from __future__ import annotations

import threading

UNANSWERED_COUNT = 4
# A server has taken a connection by then even on a busy machine; its answer may take much longer. All workers of an
# agent share one pace, and to a distant server each of them would wait for those before it: hence no longer pause.
PAUSE_S = 0.01


class OpeningPace:
    """Lets through as many openings as may be unanswered, and after that one for each answer or pause. Thread-safe."""

    def __init__(self, unanswered_count: int = UNANSWERED_COUNT, pause_s: float = PAUSE_S) -> None:
        self._free = threading.BoundedSemaphore(unanswered_count)
        self._turn = threading.Lock()
        self._pause_s = pause_s

    def begin(self) -> bool:
        """Wait for the turn of a new connection; return what `end` must be given when it was answered or has failed."""
        if self._free.acquire(blocking=False):
            return True
        with self._turn:  # one after another, or all that wait would begin when the first pause is over
            return self._free.acquire(timeout=self._pause_s)

    def end(self, counted: bool) -> None:
        """Let another connection begin, if this one was counted."""
        if counted:
            self._free.release()
