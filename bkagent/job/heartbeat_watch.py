"""End a job that the control plane must think lost: whoever takes it over now must not find it still running."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

# The control plane gives an agent up after 180 s without a heartbeat and may hand its job to another one.
GIVEN_UP_AFTER_S = 180.0
LIMIT_S = 150.0
LOOK_EVERY_S = 5.0
_MARGIN_S = 3.0


def most_grace_s(age_s: float) -> float:
    """Return how long each grace of a job may be that ends since its last heartbeat is `age_s` old.

    The command has one, and what cleans up behind it another; both must be over when the job may be handed out again.
    """
    return max(1.0, (GIVEN_UP_AFTER_S - age_s - _MARGIN_S) / 2)


class HeartbeatWatch:
    """Calls `lost(age in seconds)` once, on a thread of its own, when no heartbeat has been accepted for LIMIT_S.

    `age_s(now)` says how old the last one is by the wall clock. That clock may be set while a job runs, so the age must
    also have passed by one that nobody sets, since the last heartbeat that was seen here.
    """

    def __init__(
        self,
        age_s: Callable[[float], float],
        lost: Callable[[float], None],
        *,
        wall: Callable[[], float] = time.time,
        steady: Optional[Callable[[], float]] = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._age_s, self._lost, self._wall, self._steady = age_s, lost, wall, steady or _steady
        self._look_every_s = look_every_s
        self._stopped = threading.Event()
        self._seen_at = self._steady()
        self._last_moment = self._moment()

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, name="heartbeat-watch", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def age_now_s(self) -> float:
        """Return how long no heartbeat has been accepted, as far as both clocks agree."""
        moment = self._moment()
        if abs(moment - self._last_moment) > 0.01:
            self._last_moment, self._seen_at = moment, self._steady()
        return min(self._age_s(self._wall()), self._steady() - self._seen_at)

    def _moment(self) -> float:
        now = self._wall()
        return now - self._age_s(now)

    def _watch(self) -> None:
        while not self._stopped.wait(self._look_every_s):
            age_s = self.age_now_s()
            if age_s > LIMIT_S:
                self._lost(age_s)
                return


def _steady() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where the system has one."""
    clock, read = getattr(time, "CLOCK_BOOTTIME", None), getattr(time, "clock_gettime", None)
    return time.monotonic() if clock is None or read is None else float(read(clock))
