"""A full disk in the log of the server: a line a minute, however many requests fail meanwhile."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Callable, Optional

if TYPE_CHECKING:
    from bkagent.report import Report

REPEAT_S = 60.0


class DiskFullReport:
    """Reports requests that fail for want of space in the data folder. Safe for any thread."""

    def __init__(self, report: "Report", folder: str, steady: Callable[[], float] = time.monotonic) -> None:
        self._report, self._folder, self._steady = report, folder, steady
        self._lock = threading.Lock()
        self._reported_at: Optional[float] = None
        self._silent_count = 0

    def note(self, reason: str) -> None:
        """Report a request that failed, or count it for the next line."""
        with self._lock:
            now, silent_count = self._steady(), self._silent_count
            if self._reported_at is not None and now - self._reported_at < REPEAT_S:
                self._silent_count += 1
                return
            self._reported_at, self._silent_count = now, 0
        more = f" ({silent_count} more requests failed since the last such message)" if silent_count else ""
        self._report(
            "error",
            f"The disk of the data folder {self._folder} is full: {reason}{more}. Free some space: what agents have to "
            "report is refused until then, and they try again",
        )
