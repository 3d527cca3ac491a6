"""Call functions at their moments: one thread waits for all of them, and as many as needed call what is due.

A worker that waits for its next ping, or its next heartbeat, has no thread.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import Callable, List, Optional, Tuple

from bkagent.report import report_defect
from bkagent.transport.work_threads import WorkThreads

_KEPT_COUNT = 2
_AGAIN_S = 1.0  # after the system had no further thread


class Timers:
    """Thread-safe. What is called may take its time: what is due meanwhile is called on other threads."""

    def __init__(self) -> None:
        self._threads = WorkThreads(kept_count=_KEPT_COUNT)
        self._changed = threading.Condition()
        self._numbers = itertools.count()  # so that no two entries are compared by their timers
        self._heap: List[Tuple[float, int, Timer]] = []
        self._is_running = self._is_closed = False

    def timer(self, name: str, task: Callable[[], None]) -> Timer:
        """Return what calls `task` when it is told to. A report of a defect in it has the name as its thread's."""
        return Timer(self, name, task)

    def start(self) -> None:
        """Have the thread that waits now, not when something is to be called. It may be had at any time."""
        with self._changed:
            self._start_thread()

    def call_later(self, delay_s: float, task: Callable[[], None]) -> None:
        """Call a task once, so many seconds from now."""
        self.timer("later", task).arm(time.monotonic() + delay_s)

    def call_now(self, name: str, task: Callable[[], None]) -> None:
        """Call a task once, on another thread. Raises RuntimeError where the system has no further thread."""
        self._threads.put(Timer(self, name, task).call)

    def close(self) -> None:
        """Call nothing any more. Tasks that run go on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._threads.close()

    def set_moment(self, timer: Timer, moment_s: Optional[float], *, only_if_armed: bool = False) -> None:
        """Have a timer's task called at the moment, and no more at an earlier one that was set; None: not at all.

        Raises RuntimeError where the system has no thread that could wait.
        """
        with self._changed:
            if self._is_closed or (only_if_armed and timer.armed is None):
                return
            if moment_s is None:
                timer.armed = None
                return
            number = timer.armed = next(self._numbers)
            heapq.heappush(self._heap, (moment_s, number, timer))
            if not self._is_running:
                self._start_thread()
            elif self._heap[0][2] is timer:
                self._changed.notify()

    def _start_thread(self) -> None:
        if not self._is_running:
            threading.Thread(target=self._run, name="timers", daemon=True).start()
            self._is_running = True  # not before: where the system has no further thread, the next moment starts it

    def _run(self) -> None:
        while True:
            timer = self._next_due()
            if timer is None:
                return
            try:
                self._threads.put(timer.call)
            except (RuntimeError, MemoryError):
                self.set_moment(timer, time.monotonic() + _AGAIN_S)

    def _next_due(self) -> Optional[Timer]:
        """Wait for a timer whose moment has come; return it disarmed, None after `close`."""
        with self._changed:
            while not self._is_closed:
                if not self._heap:
                    self._changed.wait()
                    continue
                moment_s, number, timer = self._heap[0]
                left_s = moment_s - time.monotonic()
                if timer.armed != number:  # another moment was set since
                    heapq.heappop(self._heap)
                elif left_s > 0:
                    self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
                else:
                    heapq.heappop(self._heap)
                    timer.armed = None
                    return timer
            return None


class Timer:
    """Calls its task once at each moment that is set. Moments are of `time.monotonic()`."""

    def __init__(self, timers: Timers, name: str, task: Callable[[], None]) -> None:
        self.name = name
        self._timers, self._task = timers, task
        self.armed: Optional[int] = None  # the number of its moment; belongs to `timers`

    def arm(self, moment_s: float) -> None:
        """Call the task then, and not at the moment that was set before."""
        self._timers.set_moment(self, moment_s)

    def hasten(self) -> None:
        """Call the task now if it was to be called later."""
        self._timers.set_moment(self, time.monotonic(), only_if_armed=True)

    def disarm(self) -> None:
        """Do not call the task; if it runs, it goes on."""
        self._timers.set_moment(self, None)

    def call(self) -> None:
        """Call the task on this thread, and report a defect in it."""
        try:
            self._task()
        except Exception as defect:  # an edge: the thread goes on with other tasks
            report_defect(defect, self.name)
