"""Tell systemd that the agent works, for units with `WatchdogSec=`: without a notification in time it is restarted.

The variables and the message are those of sd_watchdog_enabled(3) and sd_notify(3). As with the reference (3.138), the
word is given each half of the interval while every worker that is at work has reached the control plane lately.
"""

import os
import threading
from typing import Callable, Mapping, Optional

from bkagent.named_tuple import NamedTuple
from bkagent.system import service_socket
from bkagent.wire.digits import is_whole
from bkagent.wire.log_events import EventReport


class WatchdogRequest(NamedTuple):
    """A service manager's request for a message on the socket at `address`, at least every `interval_s`."""

    address: str
    interval_s: float


def read_watch(environ: Mapping[str, str], report: EventReport) -> Optional[WatchdogRequest]:
    """Return what is asked of this process, None where nothing is."""
    address, microseconds = environ.get("NOTIFY_SOCKET", ""), environ.get("WATCHDOG_USEC", "")
    if not address or not microseconds:
        return None
    if environ.get("WATCHDOG_PID", "") not in ("", str(os.getpid())):
        return None  # it was meant for a process that has started this one
    if not (is_whole(microseconds, 20) and int(microseconds) > 0):
        text = f"WATCHDOG_USEC must be a number of microseconds, but is {microseconds!r}"
        report("warn", text, "watchdog.invalid")
        return None
    return WatchdogRequest(address, min(int(microseconds) / 1e6, threading.TIMEOUT_MAX))


class Watchdog:
    """Gives the word from a thread of its own, while `is_well()`, until `stop()`."""

    def __init__(self, watch: WatchdogRequest, is_well: Callable[[], bool], report: EventReport) -> None:
        self._watch, self._is_well, self._report = watch, is_well, report
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin; the first word is given at once."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._ended.set()

    def _run(self) -> None:
        was_heard = True
        while True:
            if self._is_well():
                was_heard = self._give_word(was_heard)
            if self._ended.wait(self._watch.interval_s / 2):
                return

    def _give_word(self, was_heard: bool) -> bool:
        try:
            service_socket.tell(self._watch.address, "WATCHDOG=1")
        except OSError as error:
            if was_heard:  # once, and not each time
                text = f"systemd's watchdog cannot be reached: {self._watch.address}: {error}"
                self._report("warn", text, "watchdog.failed")
            return False
        return True
