"""When a worker asks for work: at moments a fixed interval apart, whose phase is drawn once."""

from __future__ import annotations

import math
from typing import Callable


class PingSchedule:
    """Moments `interval_s` apart. `chance()` draws a number in [0, 1) that spreads workers over the interval.

    One draw for good, in place of a new one at each tick: the same rate of requests, and never more than
    one interval between two of them.
    """

    def __init__(self, interval_s: float, now: float, chance: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._first = now + interval_s * chance()

    def next_after(self, now: float) -> float:
        """Return the first moment later than `now`, on the same clock."""
        passed = math.floor((now - self._first) / self._interval_s)
        return self._first + max(0, passed + 1) * self._interval_s
