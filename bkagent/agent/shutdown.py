"""A request to stop, in levels, that many threads can wait for."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

RUN, GRACEFUL, FORCED, KILL = 0, 1, 2, 3


class Shutdown:
    """0: run. 1: take no new job, finish the running one, leave. 2: cancel the running one too. 3: kill it.

    The level only rises. At 3, what the control plane has not taken yet stays on disk for the next start.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._level = RUN
        self._callbacks: List[Callable[[int], None]] = []

    @property
    def level(self) -> int:
        """The level now."""
        return self._level

    def request(self, level: int) -> None:
        """Raise the level; one that is no higher than now changes nothing."""
        with self._changed:
            if level <= self._level:
                return
            self._level = level
            self._changed.notify_all()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(level)

    def wait(self, seconds: float, level: int = GRACEFUL) -> bool:
        """Wait until `level` is reached or the time is over; say whether it is reached."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._level < level:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                # An infinite timeout is an overflow to the lock below.
                self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
            return True

    def waiter(self, level: int) -> Callable[[float], bool]:
        """Return `wait` for one level, in the form that retries ask for."""
        return lambda seconds: self.wait(seconds, level)

    def on_request(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Have `callback(level)` called at each rise, at once if there was one; return what unsubscribes it."""
        with self._changed:
            self._callbacks.append(callback)
            level = self._level
        if level:
            callback(level)

        def unsubscribe() -> None:
            with self._changed:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe

    def part(self) -> Shutdown:
        """Return a stop of its own for one part: it follows this one, and may be asked to stop by itself."""
        part = Shutdown()
        self.on_request(part.request)
        return part
