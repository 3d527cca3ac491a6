"""Signal the process of a job, on Windows, where it cannot be ended together with what it started."""

import os
import signal
import sys

assert sys.platform == "win32"


def ask_to_end(pid: int, name: str) -> None:
    """Send Ctrl+Break to the group of `pid`: the only signal that a single group can be sent here."""
    try:
        os.kill(pid, signal.CTRL_BREAK_EVENT)
    except (OSError, SystemError):
        pass


def kill(pid: int) -> None:
    """End `pid` alone; what it started goes on."""
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:
        pass
