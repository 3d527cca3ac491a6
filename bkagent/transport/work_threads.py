"""Threads for the work of a server. A bounded number works; what comes meanwhile waits for its turn.

On a busy machine a thread that has just been started is behind all others, by tens of milliseconds; one that has slept
is before them: hence some are kept.
"""

from __future__ import annotations

import _thread
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional

    Work = Callable[[], None]

KEPT_COUNT = 4


class _WaitingThread:
    """A thread that sleeps until it is given work; None ends it."""

    __slots__ = ("bell", "work")

    def __init__(self) -> None:
        self.bell = _thread.allocate_lock()
        self.bell.acquire()
        self.work: Optional[Work] = None

    def give(self, work: Optional[Work]) -> None:
        self.work = work
        self.bell.release()


class WorkThreads:
    """Runs what it is given, which raises nothing, on up to `most_count` threads (None: on as many as it needs).

    Work wakes one thread, that which has slept for the shortest time. A queue that all of them wait for would wake
    a second one each time, for nothing.
    """

    def __init__(self, most_count: Optional[int] = None, kept_count: int = KEPT_COUNT) -> None:
        self._most_count, self._kept_count = most_count, kept_count
        self._lock = threading.Lock()
        self._threads_count = 0
        self._closed = False
        self._waiting: List[_WaitingThread] = []
        self._queue: List[Work] = []  # `collections` is not loaded for the few that wait

    @property
    def is_full(self) -> bool:
        """Return whether further work waits for its turn."""
        return not self._waiting and self._threads_count == self._most_count

    def put(self, work: Work) -> None:
        """Have a thread do the work. Raises RuntimeError when none can be started."""
        with self._lock:
            if self._waiting:
                self._waiting.pop().give(work)
                return
            if self._threads_count == self._most_count:
                self._queue.append(work)
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
            self._threads_count -= len(self._waiting)
            while self._waiting:
                self._waiting.pop().give(None)

    def _run(self, first: Work) -> None:
        me = _WaitingThread()
        work: Optional[Work] = first
        while work is not None:
            work()
            work = None  # holds nothing while it waits
            work = self._next_work(me)

    def _next_work(self, me: _WaitingThread) -> Optional[Work]:
        """Wait for work; return None where the thread shall end."""
        with self._lock:
            if self._queue:
                return self._queue.pop(0)
            if self._closed or len(self._waiting) >= self._kept_count:
                self._threads_count -= 1
                return None
            self._waiting.append(me)
        me.bell.acquire()
        work, me.work = me.work, None
        return work
