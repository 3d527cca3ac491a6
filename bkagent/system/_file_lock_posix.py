"""File locks by flock; the promises are in file_lock.py.

Not by fcntl's record locks: closing any descriptor of the file would lose them, and threads of one process would not
exclude each other.
"""

import fcntl
import sys

assert sys.platform != "win32"


def try_lock(fd: int) -> bool:
    """Take the exclusive lock if it is free."""
    return _try(fd, fcntl.LOCK_EX)


def try_lock_shared(fd: int) -> bool:
    """Take a shared lock if the exclusive lock is free."""
    return _try(fd, fcntl.LOCK_SH)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(fd: int) -> None:
    """Wait for the exclusive lock."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def wait_shared(fd: int) -> None:
    """Wait for a shared lock."""
    fcntl.flock(fd, fcntl.LOCK_SH)
