"""What a service tells the system of its life: the states it goes through, and that it is still at work between them.

Windows takes a service that starts or stops for hung unless its checkpoint rises within the time that it has announced.
"""

from __future__ import annotations

import threading
from typing import Callable

from bkagent.system.service.service_types import ServiceStatus

# Which state may follow which. A stop may be asked for at any time, and an agent may end by itself.
_MOVES = {
    "": ("starting",),
    "starting": ("running", "stopping", "stopped"),
    "running": ("stopping", "stopped"),
    "stopping": ("stopped",),
    "stopped": (),
}
_PENDING = ("starting", "stopping")
_REPORT_EVERY_S = 5.0
_WAIT_HINT_S = 20.0  # several reports may be late on a busy machine


class StatusReports:
    """Tells each status by `tell`, in order. Thread-safe."""

    def __init__(self, tell: Callable[[ServiceStatus], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._state, self._checkpoint = "", 0
        self._ended = threading.Event()

    def move(self, state: str, exit_status: int = 0) -> bool:
        """Tell a new state; return False, telling nothing, where it cannot follow the present one."""
        with self._lock:
            if state not in _MOVES[self._state]:
                return False
            self._state, self._checkpoint = state, 0
            if state == "stopped":
                self._ended.set()
            self._tell_state(exit_status)
            return True

    def report_progress(self) -> None:
        """While the service starts or stops, tell that it is still at work."""
        with self._lock:
            if self._state in _PENDING:
                self._tell_state(0)

    def keep_reporting(self) -> None:
        """Report progress until the service has stopped, on a thread of its own."""

        def report() -> None:
            while not self._ended.wait(_REPORT_EVERY_S):
                self.report_progress()

        threading.Thread(target=report, name="service-status", daemon=True).start()

    def _tell_state(self, exit_status: int) -> None:
        if self._state in _PENDING:
            self._checkpoint += 1
            self._tell(ServiceStatus(self._state, self._checkpoint, _WAIT_HINT_S))
        else:
            self._tell(ServiceStatus(self._state, exit_status=exit_status))
