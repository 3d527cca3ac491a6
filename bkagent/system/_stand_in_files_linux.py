"""Open the standard files of another process once more, where nobody could tell that it was done."""

import fcntl
import os
import stat
import sys

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

_KEPT = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK


def reopen(pid: int, numbers: "Sequence[int]") -> "List[int]":
    """Return descriptors of the files of a process. Raises OSError where one is closed or of another kind.

    Pipes and devices have no position of their own, and neither has a file that is appended to.
    """
    found: "List[int]" = []
    try:
        for number in numbers:
            found.append(_reopened(pid, number))
    except BaseException:
        for fd in found:
            os.close(fd)
        raise
    return found


def _reopened(pid: int, number: int) -> int:
    path = f"/proc/{pid}/fd/{number}"
    mode, flags = os.stat(path).st_mode, _flags(pid, number)
    appends = stat.S_ISREG(mode) and flags & os.O_APPEND and flags & os.O_ACCMODE == os.O_WRONLY
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or appends):
        raise OSError(f"file {number} is not of a kind that can be opened twice")
    # Without O_NONBLOCK this would wait for the reader of a pipe that nobody reads any more.
    fd = os.open(path, flags & _KEPT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not flags & os.O_NONBLOCK:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags & _KEPT)
    return fd


def _flags(pid: int, number: int) -> int:
    with open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:
        for line in file:
            if line.startswith(b"flags:"):
                return int(line[6:], 8)
    raise OSError(f"the system does not say how file {number} was opened")
