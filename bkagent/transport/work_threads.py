"""Threads for the work of a server. A bounded number works; what comes meanwhile waits for its turn.

On a busy machine a thread that has just been started is behind all others, by tens of milliseconds; one that has slept
is before them: hence some are kept.
"""

from __future__ import annotations

import _thread
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

try:
    from _queue import SimpleQueue  # `queue` brings in more than the C class
except ImportError:
    from queue import SimpleQueue

KEPT_COUNT = 4


class WorkThreads:
    """Runs what it is given, which raises nothing, on up to `most_count` threads (None: on as many as it needs)."""

    def __init__(self, most_count: Optional[int] = None, kept_count: int = KEPT_COUNT) -> None:
        self._most_count, self._kept_count = most_count, kept_count
        self._lock = threading.Lock()
        self._threads_count = 0
        self._free_count = 0  # how many threads wait, or are about to, less the work that waits for them
        self._closed = False
        self._next: SimpleQueue[Optional[Callable[[], None]]] = SimpleQueue()

    @property
    def is_full(self) -> bool:
        """Return whether further work waits for its turn."""
        return self._free_count <= 0 and self._threads_count == self._most_count

    def put(self, work: Callable[[], None]) -> None:
        """Have a thread do the work. Raises RuntimeError when none can be started."""
        with self._lock:
            if self._free_count > 0 or self._threads_count == self._most_count:
                self._free_count -= 1
                self._next.put(work)
                return
            self._threads_count += 1
        try:
            _thread.start_new_thread(self._run, (work,))  # unlike Thread.start, does not wait for it
        except RuntimeError:
            with self._lock:
                self._threads_count -= 1
            raise

    def close(self) -> None:
        """Let the threads end: those that wait now, the others when there is no more work."""
        with self._lock:
            self._closed = True
            for _ in range(self._free_count):
                self._next.put(None)
            self._free_count = min(0, self._free_count)

    def _run(self, first: Callable[[], None]) -> None:
        work: Optional[Callable[[], None]] = first
        while work is not None:
            work()
            work = None  # holds nothing while it waits
            work = self._next_work()

    def _next_work(self) -> Optional[Callable[[], None]]:
        """Wait for work; return None where the thread shall end."""
        with self._lock:
            if self._free_count >= 0 and (self._closed or self._free_count >= self._kept_count):
                self._threads_count -= 1
                return None
            self._free_count += 1
        work = self._next.get()
        if work is None:
            with self._lock:
                self._threads_count -= 1
        return work
