"""The time that signatures are made by: this machine's, or the servers' own where that differs too much."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Callable, Optional

from bkagent.wire.go_duration import format_rounded

if TYPE_CHECKING:
    from bkagent.report import Report

# Clouds accept signatures of 5 minutes ago (AWS: 5, S3 and Azure: 15); below this the clock is not what was wrong.
_SKEW_LIMIT_S = 240.0


class ServerClock:
    """A clock that is set once, by the Date of a server that refused the time of a request. Thread-safe."""

    def __init__(self, now: Callable[[], float], report: Report) -> None:
        """Go by `now`, seconds since the epoch, at first."""
        self._now, self._report = now, report
        self._lock = threading.Lock()
        self._offset_s = 0.0

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self._now() + self._offset_s

    def set_by(self, date: Optional[str], server: str, used_s: float) -> bool:
        """Set the clock by the Date header of an answer to a request of the time `used_s`, and report that.

        Return whether another try may help: whether that time was wrong, and the clock now is right.
        """
        moment_s = _moment_of(date or "")
        if moment_s is None or abs(moment_s - used_s) < _SKEW_LIMIT_S:
            return False
        with self._lock:
            if abs(moment_s - self.now()) < _SKEW_LIMIT_S:
                return True  # another thread has set it meanwhile
            if self._offset_s:
                return False  # a server whose time jumps is not followed
            self._offset_s = moment_s - self._now()
        how = "behind" if self._offset_s > 0 else "ahead of"
        difference = format_rounded(round(abs(self._offset_s)))
        self._report(
            "warn",
            f"The clock of this machine is {difference} {how} that of {server}, whose time is used to sign requests; "
            "set the clock, since other programs may fail because of it",
        )
        return True


def _moment_of(date: str) -> Optional[float]:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()
