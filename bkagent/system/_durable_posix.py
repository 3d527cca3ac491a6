"""Bringing files to the disk on POSIX systems; the promises are in durable.py."""

import errno
import os
import sys

assert sys.platform != "win32"

_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS lacks fdatasync

# A pipe, or a file system that keeps nothing, cannot be synced and need not be.
_NOTHING_TO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)


def sync_file(fd: int) -> None:
    """Bring the bytes to the disk; the times of the file may stay behind."""
    try:
        _sync_data(fd)
    except OSError as problem:
        if problem.errno not in _NOTHING_TO_SYNC:
            raise


def sync_folder(path: str) -> None:
    """Bring the names to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as problem:
        if problem.errno not in _NOTHING_TO_SYNC:
            raise
    finally:
        os.close(fd)
