"""Whether the control plane can be reached, known to all who send: what one finds out helps the others at once."""

from __future__ import annotations

import random
import threading
import time
from typing import Callable, Dict

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.5  # how late the end of an outage may be seen
_LEAST_PAUSE_S = 0.02  # doubles with each try of one request: a server may answer all requests but this one
_LONGEST_WISH_S = 60.0  # of what a server asks for


class SharedBackoff:
    """Thread-safe. Share one among all senders to an endpoint.

    Those who failed get turns, one after another with a pause between, so that many of them knock no more often than
    one would. The first success ends the outage for all. `chance` returns a number from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._changed = threading.Condition()
        self._chance = chance
        self._failures = 0
        self._last_turn = 0.0
        self._successes = 0

    def over(self) -> None:
        """Note that a request was answered: all who wait try again. Safe from any thread, as often as you like."""
        with self._changed:
            self._successes += 1
            if self._failures:
                self._failures, self._last_turn = 0, 0.0
                self._changed.notify_all()

    def wait(self, stop: Callable[[], bool], tries: int = 1, wish_s: float = 0.0) -> bool:
        """Wait for a turn after a request has failed for the `tries`-th time; return true when `stop` says so first.

        `wish_s` is the pause that the server asked for. `stop` is asked at the start and at every `wake`.
        """
        with self._changed:
            now = time.monotonic()
            pause_s = _longer_pause_s(_FIRST_PAUSE_S, self._failures) * (0.75 + 0.25 * self._chance())
            self._failures += 1
            soonest = now + max(_longer_pause_s(_LEAST_PAUSE_S, tries), min(wish_s, _LONGEST_WISH_S))
            turn = self._last_turn = max(now, self._last_turn) + pause_s
            successes_count = self._successes
            while not stop():
                deadline = soonest if self._successes != successes_count else max(turn, soonest)
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            return True

    def wake(self) -> None:
        """Make those who wait ask their `stop` again."""
        with self._changed:
            self._changed.notify_all()


class SharedBackoffs:
    """One SharedBackoff for each endpoint. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Dict[str, SharedBackoff] = {}

    def of(self, endpoint: str) -> SharedBackoff:
        """Return the one that all who talk to an endpoint share."""
        with self._lock:
            return self._known.setdefault(endpoint, SharedBackoff())


def _longer_pause_s(first_s: float, times: int) -> float:
    return min(_LONGEST_PAUSE_S, first_s * 2 ** min(times, 8))
