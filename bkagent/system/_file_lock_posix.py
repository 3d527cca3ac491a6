"""File locks by flock; the promises are in file_lock.py.

Not by fcntl's record locks: closing any descriptor of the file would lose them, and threads of one process would not
exclude each other.
"""

import fcntl


def try_lock(fd: int) -> bool:
    return _try(fd, fcntl.LOCK_EX)


def try_lock_shared(fd: int) -> bool:
    return _try(fd, fcntl.LOCK_SH)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX)


def wait_shared(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_SH)


def unlock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_UN)
