"""Ask the work of a job to stop, once, from any thread."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional


class Cancellation:
    """Stops one stretch of a job's work.

    signal_name       sent to the group of a process that runs when the stop is asked for
    signal_grace_s    how long that process then has before it is killed
    cleanup_grace_s   how long after the request the work of `grace()` may go on
    """

    def __init__(
        self, signal_name: str = "SIGTERM", signal_grace_s: float = 9.0, cleanup_grace_s: float = 10.0
    ) -> None:
        self.set_graces(signal_name, signal_grace_s, cleanup_grace_s)
        self._asked = threading.Event()
        self._asked_at = 0.0
        self._lock = threading.Lock()
        self._callbacks: List[Callable[[], None]] = []
        self._grace: Optional[Cancellation] = None

    def set_graces(self, signal_name: str, signal_grace_s: float, cleanup_grace_s: float) -> None:
        """Say anew what the constructor was told, before any work starts."""
        self.signal_name = signal_name
        self.signal_grace_s = signal_grace_s
        self.cleanup_grace_s = cleanup_grace_s

    def shorten(self, most_s: float) -> None:
        """Let no grace be longer than `most_s` seconds, for a stop that is about to be asked for."""
        with self._lock:
            for cancellation in (self, self._grace):
                if cancellation is not None:
                    cancellation.cleanup_grace_s = min(cancellation.cleanup_grace_s, most_s)
                    cancellation.signal_grace_s = min(cancellation.signal_grace_s, 0.9 * cancellation.cleanup_grace_s)

    @property
    def requested(self) -> bool:
        """Whether the work is to stop."""
        return self._asked.is_set()

    def request(self) -> None:
        """Ask the work to stop. Calls what waits for that on this thread; later calls change nothing."""
        with self._lock:
            if self._asked.is_set():
                return
            self._asked_at = time.monotonic()
            self._asked.set()
            callbacks, self._callbacks = self._callbacks, []
        _call(callbacks)

    def wait(self, seconds: float) -> bool:
        """Wait; return whether the work is to stop, as soon as that is known."""
        return self._asked.wait(seconds)

    def on_request(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once when the stop is asked for, now if it has been; return what unsubscribes it."""
        with self._lock:
            if not self._asked.is_set():
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def grace(self) -> "Cancellation":
        """Return the cancellation of work that still has to be done after this one: hooks that clean up, say.

        It is not touched by a request here until `cleanup_grace_s` have passed.
        """
        with self._lock:
            if self._grace is None:
                self._grace = Cancellation(self.signal_name, self.signal_grace_s, self.cleanup_grace_s)
                is_new = True
            else:
                is_new = False
            grace = self._grace
        if is_new:
            self.on_request(lambda: _later(self._asked_at + grace.cleanup_grace_s, grace.request))
        return grace

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _call(callbacks: List[Callable[[], None]]) -> None:
    """Call all of them, also when one fails: the others stop processes."""
    if callbacks:
        try:
            callbacks[0]()
        finally:
            _call(callbacks[1:])


def _later(moment: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(max(0.0, moment - time.monotonic()), action)
    timer.daemon = True
    timer.start()
