"""Find processes by what /proc shows of their environment, on Linux.

A machine may run thousands of processes, and most of them started earlier. Numbers are given out in order, so only
those after the number that was last given out at `moment` are looked at: unless numbers have begun anew since, when
all are.
"""

import os
import signal
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

_PROC = "/proc"
_LONGEST_BYTES = 1 << 22


class Marked:
    """A process that was found: its number, and the words it was started with, each ended by NUL."""

    __slots__ = ("command_line", "mark", "pid")

    def __init__(self, pid: int, mark: bytes, command_line: bytes) -> None:
        self.pid, self.mark, self.command_line = pid, mark, command_line


def moment() -> int:
    """Return the number of the process that was started last, 0 where that is not shown."""
    try:
        return int(_read(os.path.join(_PROC, "loadavg")).split()[-1])
    except (OSError, ValueError, IndexError):
        return 0


def find(mark: bytes, since: int) -> "List[Marked]":
    """Return the processes with the mark, by number."""
    last, own = moment(), os.getpid()
    looks_at_all = last < since or not since
    try:
        names = os.listdir(_PROC)
    except OSError:
        return []
    found = []
    for pid in sorted(int(name) for name in names if name.isdigit()):
        if pid != own and (looks_at_all or pid > since):
            marked = _marked(pid, mark)
            if marked is not None:
                found.append(marked)
    return found


def end(marked: Marked, name: str) -> None:
    """Send a signal; a process that is gone, or another by now, gets none."""
    if _marked(marked.pid, marked.mark) is None:
        return
    try:
        os.kill(marked.pid, getattr(signal, name))
    except OSError:
        pass  # it ended just now, or is not ours to end


def _marked(pid: int, mark: bytes) -> "Optional[Marked]":
    folder = os.path.join(_PROC, str(pid))
    try:
        # A process that has ended and is not yet collected shows an empty environment.
        if mark not in _read(os.path.join(folder, "environ")):
            return None
        return Marked(pid, mark, _read(os.path.join(folder, "cmdline")))
    except OSError:
        return None


def _read(path: str) -> bytes:
    # Without a buffered file around it: this is done for every process of a machine.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces, left_bytes = [], _LONGEST_BYTES
        while left_bytes > 0:
            piece = os.read(fd, 1 << 16)
            if not piece:
                break
            pieces.append(piece)
            left_bytes -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)
