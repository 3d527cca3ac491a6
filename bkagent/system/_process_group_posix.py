"""Signal the processes of a job, on POSIX systems."""

import os
import signal
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List


def ask_to_end(pid: int, name: str) -> None:
    """Send a signal to the group of `pid`."""
    _signal_group(pid, getattr(signal, name))


def kill(pid: int) -> None:
    """Kill `pid` with its group, and its descendants, which may be in sessions of their own."""
    # Looked up first: once their parent is dead they cannot be found.
    descendants = _descendants(pid)
    _signal_group(pid, signal.SIGKILL)
    for descendant in descendants:
        try:
            os.kill(descendant, signal.SIGKILL)
        except OSError:
            pass


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except OSError:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def _descendants(pid: int) -> "List[int]":
    """Return what `pid` started and those started, as far as the system lists processes under /proc."""
    children: "Dict[int, List[int]]" = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    descendants, ahead = [], [pid]
    while ahead:
        own_children = children.get(ahead.pop(), [])
        descendants += own_children
        ahead += own_children
    return descendants


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the program's name in brackets, and may hold anything.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return -1
