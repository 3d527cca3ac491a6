"""One knowledge, for all who send, of whether the control plane can be reached. Who hears that it is back goes on at once."""

from __future__ import annotations

import random
import threading
import time
from typing import Callable

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.5  # how late the end of an outage may be seen


class Outage:
    """Thread-safe. While it lasts one sender tries, with growing pauses; the others wait for its success."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._changed = threading.Condition()
        self._chance = chance
        self._failures = 0
        self._trying = False

    def over(self) -> None:
        """Say that a request was answered: whoever waits tries again now. May be called by anybody, at any rate."""
        if self._failures or self._trying:
            with self._changed:
                self._failures, self._trying = 0, False
                self._changed.notify_all()

    def wait(self, stop: Callable[[], bool], least_s: float = 0.0) -> bool:
        """Wait after a failed try, for a turn to try again; true when `stop` says so first.

        `least_s` is what the server asked for. `stop` is asked when the wait ends and when `wake` is called.
        """
        with self._changed:
            seen = self._failures = self._failures + 1
            while self._trying:  # somebody else finds out
                self._changed.wait()
                if stop():
                    return True
                if not self._failures:
                    return False
            self._trying = True
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(seen, 8)) * (0.75 + 0.25 * self._chance())
            until = time.monotonic() + max(pause_s, min(least_s, 60.0))
            try:
                while self._trying and not stop():
                    left_s = until - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(left_s)
                return stop()
            finally:
                self._trying = False
                self._changed.notify()

    def wake(self) -> None:
        """Make those who wait ask their `stop` again."""
        with self._changed:
            self._changed.notify_all()
