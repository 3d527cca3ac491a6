"""Whether the control plane can be reached, known to all who send: what one finds out helps the others at once."""

from __future__ import annotations

import random
import threading
import time
from typing import Callable, Dict

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.5  # how late the end of an outage may be seen
_SHORT_OUTAGE_S = 30.0
_LONGEST_PAUSE_IN_SHORT_S = 1.6  # most outages are a restart, or a server that is replaced
_OUTAGE_FAILURES_COUNT = 3  # in a row: fewer may be chance, where a server fails now and then
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
        self._began = 0.0  # when the first of these failed
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
            if not self._failures:
                self._began = now
            soonest = now + max(_pause_s(_LEAST_PAUSE_S, tries), min(wish_s, _LONGEST_WISH_S))
            turn = self._next_turn(now)
            self._failures += 1
            return self._wait_for(turn, soonest, stop)

    def hold(self, stop: Callable[[], bool]) -> bool:
        """Wait for a turn before the first try of a request if there is an outage; return as `wait` does."""
        with self._changed:
            if self._failures < _OUTAGE_FAILURES_COUNT:
                return stop()
            now = time.monotonic()
            return self._wait_for(self._next_turn(now), now, stop)

    def _next_turn(self, now: float) -> float:
        longest_s = _LONGEST_PAUSE_IN_SHORT_S if now - self._began < _SHORT_OUTAGE_S else _LONGEST_PAUSE_S
        pause_s = _pause_s(_FIRST_PAUSE_S, self._failures, longest_s) * (0.75 + 0.25 * self._chance())
        self._last_turn = max(now, self._last_turn) + pause_s
        return self._last_turn

    def _wait_for(self, turn: float, soonest: float, stop: Callable[[], bool]) -> bool:
        """Wait until `turn`, or until `soonest` after a success; return true when `stop` says so first."""
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


def _pause_s(first_s: float, times: int, longest_s: float = _LONGEST_PAUSE_S) -> float:
    return min(longest_s, first_s * 2 ** min(times, 8))
