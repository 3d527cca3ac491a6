"""When the process that stands in for others looks through the slots of its callers."""

import time

_SOON_S, _SELDOM_S = 1.0, 60.0


class Sweeps:
    """Moments of sweeps for callers that have left, by `time.monotonic()`, at pauses that grow."""

    __slots__ = ("due_at", "_pause_s")

    def __init__(self) -> None:
        self._pause_s = _SELDOM_S
        self.due_at = time.monotonic() + self._pause_s

    def hasten(self) -> None:
        """Begin anew with a short pause."""
        self._pause_s = _SOON_S
        self.due_at = min(self.due_at, time.monotonic() + self._pause_s)

    def is_due(self, now: float) -> bool:
        """Return whether a sweep is due; true once for each."""
        if now < self.due_at:
            return False
        self._pause_s = min(2 * self._pause_s, _SELDOM_S)
        self.due_at = now + self._pause_s
        return True
