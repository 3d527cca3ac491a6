"""Have the standard files of another process: the very same where the kernel gives them, else opened once more."""

import ctypes
import fcntl
import os
import stat
import sys

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

_KEPT = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK
_PIDFD_OPEN, _PIDFD_GETFD = 434, 438  # the same on every processor; Linux 5.3 and 5.6
_LIBC = ctypes.CDLL(None, use_errno=True)


def of(pid: int, numbers: "Sequence[int]") -> "List[int]":
    """Return descriptors of the files of a process. Raises OSError where one is closed or cannot be had."""
    descriptors: "List[int]" = []
    try:
        descriptors += _same(pid, numbers)
        for number in numbers[len(descriptors) :]:
            descriptors.append(_reopen(pid, number))
    except BaseException:
        for fd in descriptors:
            os.close(fd)
        raise
    return descriptors


def _same(pid: int, numbers: "Sequence[int]") -> "List[int]":
    """Return all files or none. The kernel may give them to those alone who may trace the process."""
    process = _LIBC.syscall(_PIDFD_OPEN, pid, 0)
    if process < 0:
        return []
    descriptors: "List[int]" = []
    for number in numbers:
        fd = _LIBC.syscall(_PIDFD_GETFD, process, number, 0)
        if fd < 0:
            break
        descriptors.append(fd)
    os.close(process)
    if len(descriptors) == len(numbers):
        return descriptors
    for fd in descriptors:
        os.close(fd)
    return []


def _reopen(pid: int, number: int) -> int:
    """Open a file once more. Pipes and devices have no position of their own, nor has a file that is appended to."""
    path = f"/proc/{pid}/fd/{number}"
    mode, flags = os.stat(path).st_mode, _flags(pid, number)
    appends = stat.S_ISREG(mode) and flags & os.O_APPEND and flags & os.O_ACCMODE == os.O_WRONLY
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or appends):
        raise OSError(f"file {number} is not of a kind that can be opened twice")
    # Without O_NONBLOCK this would wait for a reader of a pipe that has lost its last one.
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
