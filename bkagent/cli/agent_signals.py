"""What signals mean to `start`: the first asks, the second insists, the third ends it."""

from __future__ import annotations

import os
import signal
import threading
from queue import SimpleQueue
from typing import Callable, List

from bkagent.agent.stop import FORCED, GRACEFUL, NOW, Stop

# At level NOW the jobs' processes are killed and their results written down; this is the time for that.
_LAST_SECONDS = 5.0
_AGAIN = "send again to end the running jobs"


def follow(stop: Stop, report: Callable[[str, str], None]) -> None:
    """Let signals raise `stop`. Must be called on the main thread.

    TERM and INT: finish the running job; then cancel it; then kill it. QUIT: cancel at once. HUP: nothing.
    """
    # A handler may interrupt whatever the main thread does, so it does no more than this queue allows it to.
    received: "SimpleQueue[int]" = SimpleQueue()

    def note(number: int, _frame: object) -> None:
        received.put(number)

    def obey() -> None:
        while True:
            _raise(received.get(), stop, report)

    for name in _names():
        signal.signal(getattr(signal, name), note)
    if hasattr(signal, "SIGHUP"):
        # Not SIG_IGN, which every job would inherit.
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    threading.Thread(target=obey, name="signals", daemon=True).start()


def _names() -> List[str]:
    return [name for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK") if hasattr(signal, name)]


def _raise(number: int, stop: Stop, report: Callable[[str, str], None]) -> None:
    is_quit = number == getattr(signal, "SIGQUIT", None)
    level = max(FORCED if is_quit else GRACEFUL, min(stop.level + 1, NOW))
    name = signal.Signals(number).name
    if level == GRACEFUL:
        report("info", f"Received {name}: leaving when the running jobs have ended; {_AGAIN}")
    elif level == FORCED:
        report("info", f"Received {name}: cancelling the running jobs")
    else:
        report("info", f"Received {name}: ending at once")
        last = threading.Timer(_LAST_SECONDS, os._exit, (1,))
        last.daemon = True
        last.start()
    stop.request(level)
