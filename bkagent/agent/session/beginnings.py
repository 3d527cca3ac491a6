"""How many jobs of a full queue an agent's workers begin at a time: as many as there are processors.

To begin a job takes processor time, and a short one is over with it. Those that begin at once beyond that hold each
other up and are done no sooner; what a worker leaves in the queue meanwhile, another agent may run.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Dict, Optional

_BEGINS_WITHIN_S = 0.05  # afterwards a job is taken to wait for its own command
_LONGEST_WAIT_S = 0.1


class Beginnings:
    """Shared by the workers of a process, which have numbers. `at_once`: how many may begin; as many as processors."""

    def __init__(self, at_once: Optional[int] = None) -> None:
        self._at_once = at_once or os.cpu_count() or 1
        self._changed = threading.Condition()
        self._begun_at: Dict[int, float] = {}  # by worker

    def mark_begun(self, index: int) -> None:
        """Count what worker `index` does from now on as the beginning of a job."""
        with self._changed:
            self._begun_at[index] = time.monotonic()

    def mark_ended(self, index: int) -> None:
        """Worker `index` has no job."""
        with self._changed:
            self._begun_at.pop(index, None)
            self._changed.notify()

    def await_turn(self, index: int) -> None:
        """Return when worker `index`, which has just ended a job, may ask for the next; it counts as begun then.

        Waits for no longer than a tenth of a second.
        """
        until = time.monotonic() + _LONGEST_WAIT_S
        with self._changed:
            while True:
                now = time.monotonic()
                pause_s = min(self._left_s(now), until - now)
                if pause_s <= 0:
                    self._begun_at[index] = now
                    return
                self._changed.wait(pause_s)

    def _left_s(self, now: float) -> float:
        """Return the seconds until fewer than `at_once` jobs are beginning, if none of them ends."""
        begun_at = sorted(at for at in self._begun_at.values() if now - at < _BEGINS_WITHIN_S)
        if len(begun_at) < self._at_once:
            return 0.0
        return begun_at[-self._at_once] + _BEGINS_WITHIN_S - now
