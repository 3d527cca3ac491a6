"""A thread that does something at a moment which is a few milliseconds ahead, and may be set again."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from bkagent.report import report_defect


class Alarm:
    """Calls `ring()` on a thread of its own, which begins when it is first set."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._changed = threading.Condition()
        self._moment: Optional[float] = None
        self._has_begun = self._closed = False

    def set(self, moment: float) -> None:
        """Ring at this moment of `time.monotonic()`, or at the one that was set before if that is earlier."""
        with self._changed:
            if self._moment is None or moment < self._moment:
                self._moment = moment
                self._changed.notify()
            if not self._has_begun:
                self._has_begun = True
                threading.Thread(target=self._run, name="control plane alarm", daemon=True).start()

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while self._wait():
            try:
                self._ring()
            except Exception as defect:  # the edge of one moment: those that come after it are rung for
                report_defect(defect)

    def _wait(self) -> bool:
        """Return at the moment that is set; False after the close."""
        with self._changed:
            while not self._closed:
                left_s = None if self._moment is None else self._moment - time.monotonic()
                if left_s is not None and left_s <= 0:
                    self._moment = None
                    return True
                self._changed.wait(left_s)
        return False
