"""What signals mean to `start`: the first asks, the second insists, the third ends it."""

from __future__ import annotations

import os
import signal
import socket
import threading

from bkagent.agent.shutdown import FORCED, GRACEFUL, KILL, Shutdown
from bkagent.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from bkagent.wire.log_events import EventReport

# At level KILL the jobs' processes are killed and their results written down; this is the time for that.
_LAST_SECONDS = 5.0
_AGAIN = "send it again to cancel the running jobs"


def follow(stop: Shutdown, report: EventReport) -> None:
    """Let signals raise `stop`. Must be called on the main thread.

    TERM and INT: finish the running job; then cancel it; then kill it. QUIT: cancel at once. HUP: nothing.
    """
    # By the interpreter's own wake-up writes, which come from whichever thread the system has interrupted: a
    # handler in Python would wait for the main thread, and that may sleep on. Sockets, since Windows has no pipe here.
    signals.unblock()
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)

    def obey() -> None:
        with reading, writing:
            while True:
                for number in reading.recv(16):
                    if number in _LEVELLED:
                        _raise(number, stop, report)

    for number in [*_LEVELLED, *_UNHEEDED]:
        # Not SIG_IGN, which every job would inherit.
        signal.signal(number, lambda _number, _frame: None)
    signals.outlive_logoffs()
    threading.Thread(target=obey, name="signals", daemon=True).start()


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
