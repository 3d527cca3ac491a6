"""When the next piece of a log is sent, and how long it is. Knows no threads and no clock."""

from __future__ import annotations

from typing import Optional

MOST_IN_FLIGHT = 8
_MOST_BYTES_IN_FLIGHT = 8 * 1024 * 1024  # what a server that asks for huge chunks may cost in memory
# Lines printed together should be sent together: wait this long for more of them, or this part of an interval that is
# shorter than usual.
_EARLY_AFTER_S, _EARLY_AFTER_PART = 0.05, 0.05
_EARLY_COST_INTERVALS = 10


class ChunkPacing:
    """The server says how often it wants a chunk: the reference sends what there is once each interval.

    Output is sent once it is an interval old, with all that was printed meanwhile, as one chunk; a fixed clock would
    need at least as many chunks. Full chunks are sent at once, as many side by side as the backlog has.

    A chunk may go early, so that first lines are seen without delay. If the rest of its interval stays quiet, it was
    the only one of that interval. If more comes, that goes when the interval is over, and is one chunk more than
    needed; then no other goes early for ten intervals.
    """

    def __init__(self, chunk_max_bytes: int, interval_s: float) -> None:
        self._full = chunk_max_bytes
        self._interval_s = interval_s
        self._waits_since: Optional[float] = None  # when what waits now was first seen
        self._early_since = float("-inf")  # the interval that the last early chunk belongs to: when it began
        self._early_from = float("-inf")  # none goes early before
        self.most_in_flight = max(1, min(MOST_IN_FLIGHT, _MOST_BYTES_IN_FLIGHT // chunk_max_bytes))

    def take(self, unsent: int, in_flight: int, ended: bool, now: float) -> int:
        """Return the size of the chunk to send now, in bytes, or 0. `unsent` bytes of log wait; `now` in seconds."""
        if not unsent:
            return 0
        due_at, early_at = self._times(now)
        if in_flight >= self.most_in_flight:
            return 0
        if unsent >= self._full:
            self._waits_since = None
            return self._full
        if ended:
            return unsent
        if in_flight or now < min(due_at, early_at):
            return 0
        if now < due_at:
            self._early_since = due_at - self._interval_s
        self._waits_since = None
        return unsent

    def due_in_s(self, unsent: int, in_flight: int, now: float) -> Optional[float]:
        """Return the seconds until `take` gives a partial chunk, or None when only an event changes its answer."""
        if not unsent or in_flight:
            return None
        return max(0.0, min(self._times(now)) - now)

    def _times(self, now: float) -> "tuple[float, float]":
        """Note that something waits; return when it has to go, and when it may go early."""
        if self._waits_since is None:
            self._waits_since = now
            if now < self._early_since + self._interval_s:
                # The early chunk was one more than needed; what came after it goes with its interval.
                self._waits_since = self._early_since
                self._early_from = self._early_since + _EARLY_COST_INTERVALS * self._interval_s
        due_at = self._waits_since + self._interval_s
        if self._waits_since < self._early_from:
            return due_at, due_at
        return due_at, self._waits_since + min(_EARLY_AFTER_S, self._interval_s * _EARLY_AFTER_PART)
