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
    from typing import Iterable, List, Optional, Tuple

_PROC = "/proc"
_LONGEST_BYTES = 1 << 22
_FEW_COUNT = 256  # numbers are looked at without asking for a list of all processes


class Marked:
    """A process that was found: its number, when it began, and the words it was started with, each ended by NUL."""

    __slots__ = ("began", "command_line", "pid")

    def __init__(self, pid: int, began: bytes, command_line: bytes) -> None:
        self.pid, self.began, self.command_line = pid, began, command_line


def moment() -> int:
    """Return the number of the process that was started last, 0 where that is not shown."""
    try:
        return int(read(os.path.join(_PROC, "loadavg")).split()[-1])
    except (OSError, ValueError, IndexError):
        return 0


def find(mark: bytes, since: int) -> "List[Marked]":
    """Return the processes with the mark, by number."""
    own = os.getpid()
    marked_processes = (_if_marked(pid, mark) for pid in _numbers_after(since) if pid != own)
    return [marked for marked in marked_processes if marked is not None]


def _numbers_after(since: int) -> "Iterable[int]":
    """Return the numbers of the processes that began after a moment, in order. Some may be free, or a thread's."""
    last = moment()
    looks_at_all = last < since or not since
    if not looks_at_all and last - since <= _FEW_COUNT:
        return range(since + 1, last + 1)
    try:
        numbers = sorted(int(name) for name in os.listdir(_PROC) if name.isdigit())
    except OSError:
        return []
    return numbers if looks_at_all else [number for number in numbers if number > since]


def end(marked: Marked, name: str) -> None:
    """Send a signal; a process that is gone, or another by now, gets none."""
    try:
        if _state_and_began(marked.pid)[1] != marked.began:
            return
        os.kill(marked.pid, getattr(signal, name))
    except OSError:
        pass  # it ended just now, or is not ours to end


def look_at(pid: int) -> "Optional[Marked]":
    """Return a process that runs; None for one that is gone, or has ended and is not yet collected."""
    try:
        state, start_time = _state_and_began(pid)
        return None if state in b"ZX" else Marked(pid, start_time, read(os.path.join(_PROC, str(pid), "cmdline")))
    except OSError:
        return None


def _if_marked(pid: int, mark: bytes) -> "Optional[Marked]":
    try:
        # A process that has ended and is not yet collected shows an empty environment.
        if mark not in read(os.path.join(_PROC, str(pid), "environ")) or _is_thread(pid):
            return None
        return look_at(pid)
    except OSError:
        return None


def _is_thread(number: int) -> bool:
    """Return whether a number is that of a further thread of a process: it is not listed, and leads there as well."""
    status = read(os.path.join(_PROC, str(number), "status"))
    return b"\nTgid:\t%d\n" % number not in status


def _state_and_began(pid: int) -> "Tuple[bytes, bytes]":
    """Return two words of a process's `stat`. The name before them may hold anything, so they count from its end."""
    words = read(os.path.join(_PROC, str(pid), "stat")).rpartition(b")")[2].split()
    return words[0], words[19]


def read(path: str) -> bytes:
    """Return what a file of the system says. Raises OSError."""
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
