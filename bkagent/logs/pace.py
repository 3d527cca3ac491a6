"""When the next piece of a log is sent, and how long it is. Knows no threads and no clock."""

from __future__ import annotations

from typing import Optional

MOST_IN_FLIGHT = 8
_MOST_BYTES_IN_FLIGHT = 8 * 1024 * 1024  # what a server that asks for huge chunks may cost in memory
# A few pieces need not wait for the interval: a job begins with lines of the agent's, and what people look for is the
# first line of its command, a moment later. Very short jobs are over before the first of them.
_SOON_COUNT, _SOON_PART = 3, 0.05


class Pace:
    """Full chunks go at once, as many side by side as the backlog has. A partial chunk goes at once after a quiet
    interval, so that the first line is seen without delay, and then at most one goes each interval, but for a few at
    the beginning.
    """

    def __init__(self, chunk_max_bytes: int, interval_s: float) -> None:
        self._full = chunk_max_bytes
        self._interval_s = interval_s
        self._next_partial_at = self._soon_at = float("-inf")
        self._soon_left = _SOON_COUNT
        self.most_in_flight = max(1, min(MOST_IN_FLIGHT, _MOST_BYTES_IN_FLIGHT // chunk_max_bytes))

    def take(self, unsent: int, in_flight: int, ended: bool, now: float) -> int:
        """Return the size of the chunk to send now, in bytes, or 0. `unsent` bytes of log wait; `now` in seconds."""
        if not unsent or in_flight >= self.most_in_flight:
            return 0
        if unsent >= self._full:
            return self._full
        if ended:
            return unsent
        if in_flight or now < self._partial_at():
            return 0
        if now < self._next_partial_at:
            self._soon_left -= 1
        self._next_partial_at = now + self._interval_s
        self._soon_at = now + self._interval_s * _SOON_PART
        return unsent

    def due_in_s(self, unsent: int, in_flight: int, now: float) -> Optional[float]:
        """Return the seconds until `take` gives a partial chunk, or None when only an event changes its answer."""
        if not unsent or in_flight:
            return None
        return max(0.0, self._partial_at() - now)

    def _partial_at(self) -> float:
        return self._soon_at if self._soon_left else self._next_partial_at
