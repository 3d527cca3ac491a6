"""How long all workers of a process had nothing to do. For `--disconnect-after-idle-timeout`."""

from __future__ import annotations

import threading
from typing import Dict, Optional


class IdleTimer:
    """Counts from the moment at which the last of the workers became idle.

    A worker counts as busy until it has heard from the control plane once. Times are of one monotonic clock.
    """

    def __init__(self, workers: int, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._lock = threading.Lock()
        self._idle_since: Dict[int, Optional[float]] = dict.fromkeys(range(1, workers + 1))

    def mark_idle(self, index: int, now: float) -> None:
        """Worker `index` has nothing to do; calling it again does not restart the timer."""
        with self._lock:
            if self._idle_since.get(index) is None:
                self._idle_since[index] = now

    def mark_busy(self, index: int) -> None:
        """Worker `index` has a job, or is paused."""
        with self._lock:
            self._idle_since[index] = None

    def remove(self, index: int) -> None:
        """Worker `index` has left; it no longer counts."""
        with self._lock:
            self._idle_since.pop(index, None)

    def left_s(self, now: float) -> float:
        """Return the seconds until workers should leave, 0 when it is time, infinity while one is busy."""
        if self.timeout_s <= 0:
            return float("inf")
        with self._lock:
            latest = 0.0
            for since in self._idle_since.values():
                if since is None:
                    return float("inf")
                latest = max(latest, since)
        return max(0.0, latest + self.timeout_s - now)
