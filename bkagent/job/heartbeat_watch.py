"""End a job that the control plane must think lost: another agent may run it now, and no job may run twice."""

from __future__ import annotations

import time
from typing import Callable, Optional

from bkagent.spool.background_sync import CallLater, call_on_own_thread


class Limits:
    """Limits derived from how long a control plane waits for an agent (180 s): 150 s until the job ends, and so on.

    limit_s        age of the last heartbeat at which the job is ended
    look_every_s   how often that is looked at
    """

    def __init__(self, lost_after_s: float) -> None:
        self._lost_after_s = lost_after_s
        self.limit_s = lost_after_s * 5 / 6
        self.look_every_s = lost_after_s / 36

    def most_grace_s(self, age_s: float) -> float:
        """Return how long each grace of a job may be that ends since its last heartbeat is `age_s` old.

        The command has one, and what cleans up behind it another; both must be over when the job may be handed out
        again.
        """
        margin_s = self._lost_after_s / 60
        return max(self._lost_after_s / 180, (self._lost_after_s - age_s - margin_s) / 2)


class HeartbeatWatch:
    """Calls `lost(age in seconds)` once, on another thread, when no heartbeat has been accepted for too long.

    `age_s(now)` says how old the last one is by the wall clock. That clock may be set while a job runs, so the age must
    also have passed by the monotonic clock, since the last heartbeat that was seen here.
    """

    def __init__(
        self,
        age_s: Callable[[float], float],
        lost: Callable[[float], None],
        limits: Limits,
        call_later: CallLater = call_on_own_thread,
        *,
        wall: Callable[[], float] = time.time,
        steady: Optional[Callable[[], float]] = None,
    ) -> None:
        self._age_s, self._lost, self._wall, self._steady = age_s, lost, wall, steady or _steady
        self._limits, self._call_later = limits, call_later
        self._is_stopped = False
        self._seen_at = self._steady()
        self._last_moment = self._moment()

    def start(self) -> None:
        """Begin to watch."""
        self._call_later(self._limits.look_every_s, self._look)

    def stop(self) -> None:
        """Stop watching."""
        self._is_stopped = True

    def age_now_s(self) -> float:
        """Return how long no heartbeat has been accepted, as far as both clocks agree."""
        moment = self._moment()
        if abs(moment - self._last_moment) > 0.01:
            self._last_moment, self._seen_at = moment, self._steady()
        return min(self._age_s(self._wall()), self._steady() - self._seen_at)

    def _moment(self) -> float:
        now = self._wall()
        return now - self._age_s(now)

    def _look(self) -> None:
        if self._is_stopped:
            return
        age_s = self.age_now_s()
        if age_s > self._limits.limit_s:
            self._lost(age_s)
        else:
            self._call_later(self._limits.look_every_s, self._look)


def _steady() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where the system has one."""
    clock, read = getattr(time, "CLOCK_BOOTTIME", None), getattr(time, "clock_gettime", None)
    return time.monotonic() if clock is None or read is None else float(read(clock))
