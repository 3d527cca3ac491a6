"""Locks on whole files between processes. The kernel frees a lock when its holder dies, however it dies.

open_lock(path) -> int      a descriptor of the lock file, made (0600) if missing, lost at an exec; raises OSError
try_lock(fd) -> bool        take the lock if it is free; say whether this descriptor now holds it
try_lock_shared(fd) -> bool take it together with others who do so, if it is not held exclusively
lock(fd) -> None            wait until it is ours
wait_until_free(path)       block until it is free; other threads go on meanwhile
is_held(path) -> bool       whether another descriptor, here or in another process, holds it
why_unsupported(path, e)    why the file system of a lock file has no locks at all, "" where that is not what `e` says
check_folder(path) -> None  raise ConfigError where files of a folder cannot be locked

Closing the descriptor gives the lock back. Two descriptors of one file exclude each other within a process too. A
child that forks without an exec shares the lock and must close the descriptor. `is_held` takes a shared lock for a
moment, so a taker that is refused by it should try once more (`lock_soon`).
"""

import errno
import os
import sys
import time

if sys.platform == "win32":
    from bkagent.system._file_lock_windows import lock, try_lock, try_lock_shared, wait_shared
else:
    from bkagent.system._file_lock_posix import lock, try_lock, try_lock_shared, wait_shared

__all__ = [
    "check_folder", "is_held", "lock", "lock_soon", "open_lock", "try_lock", "try_lock_shared", "wait_until_free",
    "why_unsupported",
]  # fmt: skip

# NFS without its lock daemon, and file systems of FUSE that leave flock out. The lock files themselves are in order.
_UNSUPPORTED = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS))
_PROBE_S = 0.25  # another process's probe lasts microseconds; this is for a machine that swaps


def open_lock(path: str) -> int:
    """Return a new descriptor of the lock file at `path`. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def is_held(path: str) -> bool:
    """Return whether the lock is held; that of a missing file is free."""
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    try:
        return not try_lock_shared(fd)
    finally:
        os.close(fd)


def wait_until_free(path: str) -> None:
    """Block until the lock is free. Returns at once when the file does not exist."""
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return
    try:
        wait_shared(fd)
    finally:
        os.close(fd)


def lock_soon(fd: int) -> bool:
    """Take the lock unless it is held for longer than a probe does; return whether this descriptor now holds it."""
    deadline = time.monotonic() + _PROBE_S
    while not try_lock(fd):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.002)
    return True


def why_unsupported(path: str, error: OSError) -> str:
    """Return a sentence about the file system of a lock file, "" where `error` has another reason."""
    if error.errno not in _UNSUPPORTED:
        return ""
    return (
        f"the file system of {os.path.dirname(path)} has no working file locks ({os.strerror(error.errno)}): mount it "
        "with locks (NFS: version 4, or its lock daemon on both sides), or choose a folder on a local disk"
    )


def check_folder(path: str) -> None:
    """Raise ConfigError where files in a folder cannot be locked. Raises OSError where none can be made there."""
    from bkagent.errors import ConfigError

    probe = os.path.join(path, f".lock-probe-{os.getpid()}-{os.urandom(6).hex()}")
    fd = open_lock(probe)
    try:
        try_lock(fd)
    except OSError as error:
        raise ConfigError(why_unsupported(probe, error) or f"cannot lock {probe}: {error.strerror}") from None
    finally:
        os.close(fd)
        os.unlink(probe)
