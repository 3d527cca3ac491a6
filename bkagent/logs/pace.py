"""When the next piece of a log is sent, and how long it is. Knows no threads and no clock."""

from __future__ import annotations

import math
from typing import Optional

MOST_IN_FLIGHT = 8
_MOST_BYTES_IN_FLIGHT = 8 * 1024 * 1024  # what a server that asks for huge chunks may cost in memory
# Lines that come together are to go together: so much of the interval lies between a chunk and an early one.
_EARLY_GAP_PART = 0.05
_EARLY_COST_INTERVALS = 10
_LEAST_INTERVAL_S = 0.001  # a grid of smaller steps has more points than numbers can count


class Pace:
    """The server says how often it wants a chunk: the reference sends what there is once each interval.

    So does this one: what waits is sent at the points of a grid that the first chunk begins, at most one partial chunk
    at each. Full chunks go at once, as many side by side as the backlog has.

    A chunk may be early, so that the first lines after a quiet spell are seen without delay. Nothing is lost by that if
    no more comes before the point where it was due. If more comes, it was one chunk more than the reference sends, and
    no other is early for ten intervals: over any ten intervals there is at most one chunk more.
    """

    def __init__(self, chunk_max_bytes: int, interval_s: float) -> None:
        self._full = chunk_max_bytes
        self._interval_s = max(interval_s, _LEAST_INTERVAL_S)
        self._first_at: Optional[float] = None  # where the grid begins
        self._due_at: Optional[float] = None  # the point where what waits now has to go
        self._early_at = self._early_was_due_at = float("-inf")  # the last early chunk: when it went, and had to go
        self._early_from = float("-inf")  # none is early before
        self.most_in_flight = max(1, min(MOST_IN_FLIGHT, _MOST_BYTES_IN_FLIGHT // chunk_max_bytes))

    def take(self, unsent: int, in_flight: int, ended: bool, now: float) -> int:
        """Return the size of the chunk to send now, in bytes, or 0. `unsent` bytes of log wait; `now` in seconds."""
        if not unsent:
            return 0
        due_at = self._note_waiting(now)
        if in_flight >= self.most_in_flight:
            return 0
        if unsent >= self._full:
            self._note_sent(now)
            return self._full
        if ended:
            return unsent
        if in_flight or now < min(due_at, self._early_from):
            return 0
        if now < due_at:
            self._early_at, self._early_was_due_at = now, due_at
        self._note_sent(now)
        return unsent

    def due_in_s(self, unsent: int, in_flight: int, now: float) -> Optional[float]:
        """Return the seconds until `take` gives a partial chunk, or None when only an event changes its answer."""
        if not unsent or in_flight:
            return None
        return max(0.0, min(self._note_waiting(now), self._early_from) - now)

    def _note_waiting(self, now: float) -> float:
        """Note that something waits; return the point where it has to go."""
        if now < self._early_was_due_at:
            self._early_from = self._early_at + _EARLY_COST_INTERVALS * self._interval_s
        if self._due_at is None:
            self._due_at = now if self._first_at is None else self._next_point(self._first_at, now)
        return self._due_at

    def _note_sent(self, now: float) -> None:
        if self._first_at is None:
            self._first_at = now
        self._due_at = None
        # Until the point where an early chunk was due nobody knows whether it was one too many.
        gap_s = self._interval_s * _EARLY_GAP_PART
        self._early_from = max(self._early_from, now + gap_s, self._early_was_due_at)

    def _next_point(self, first_at: float, now: float) -> float:
        point = first_at + (math.floor((now - first_at) / self._interval_s) + 1) * self._interval_s
        return point if point > now else point + self._interval_s
