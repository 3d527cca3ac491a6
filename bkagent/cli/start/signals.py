"""What signals mean to `start`: the first asks, the second insists, the third ends it."""

from __future__ import annotations

import os
import signal
import threading

from bkagent.agent.shutdown import FORCED, GRACEFUL, KILL, Shutdown
from bkagent.system import signals

try:
    from _socket import socketpair  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # Windows, where `socket` makes do with a connection
    from socket import socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from bkagent.wire.log_events import EventReport

# At level KILL the jobs' processes are killed and their results written down; this is the time for that.
_LAST_SECONDS = 5.0
_PAUSE = b"\0"  # no signal has this number
_AGAIN = "send it again to cancel the running jobs"


def follow(stop: Shutdown, report: EventReport) -> Following:
    """Let signals raise `stop`. Must be called on the main thread.

    TERM and INT: finish the running job; then cancel it; then kill it. QUIT: cancel at once. HUP: nothing.
    """
    signals.unblock()
    following = Following(stop, report)
    for number in [*_LEVELLED, *_UNHEEDED]:
        # Not SIG_IGN, which every job would inherit.
        signal.signal(number, lambda _number, _frame: None)
    signals.outlive_logoffs()
    following.resume()
    return following


class Following:
    """The thread that obeys. Signals that come while it is paused are obeyed once it is resumed."""

    def __init__(self, stop: Shutdown, report: EventReport) -> None:
        self._stop, self._report = stop, report
        # By the interpreter's own wake-up writes, which come from whichever thread the system has interrupted: a
        # handler in Python would wait for the main thread, and that may sleep on. Sockets: Windows has no pipe here.
        self._reading, self._writing = socketpair()
        self._writing.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)

    def pause(self) -> None:
        """Return once the thread has ended."""
        self._writing.send(_PAUSE)
        self._thread.join()

    def resume(self) -> None:
        """Obey, from now on."""
        self._thread = threading.Thread(target=self._obey, name="signals", daemon=True)
        self._thread.start()

    def _obey(self) -> None:
        while True:
            came = self._reading.recv(16)
            for number in came:
                if number in _LEVELLED:
                    _raise(number, self._stop, self._report)
            if _PAUSE in came:
                return


def _numbers(*names: str) -> List[int]:
    return [int(getattr(signal, name)) for name in names if hasattr(signal, name)]


_LEVELLED = _numbers("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK")
_UNHEEDED = _numbers("SIGHUP")


def _raise(number: int, stop: Shutdown, report: EventReport) -> None:
    is_quit = number == getattr(signal, "SIGQUIT", None)
    level = max(FORCED if is_quit else GRACEFUL, min(stop.level + 1, KILL))
    name = signal.Signals(number).name
    if level == GRACEFUL:
        report("info", f"Received {name}: stopping when the running jobs have ended; {_AGAIN}", "agent.signal_received")
    elif level == FORCED:
        report("info", f"Received {name}: cancelling the running jobs", "agent.signal_received")
    else:
        report("info", f"Received {name}: killing the running jobs", "agent.signal_received")
        last = threading.Timer(_LAST_SECONDS, os._exit, (1,))
        last.daemon = True
        last.start()
    stop.request(level)
