"""Files that are whole or not there, also after the power went.

replace_file(path, data) -> None     write beside `path`, bring it to the disk, rename it in (0600); raises OSError
sync_file(fd) -> None                bring a file's bytes (not its times) to the disk
sync_path(path) -> None              the same for a file that is not open; never through a link
sync_folder(path) -> None            bring a folder's names to the disk, where the system can
is_full(problem) -> bool             whether an OSError says that the disk, or the user's share of it, is full
free_bytes(path) -> int              how much this user may still write beside `path`; 0 where that is not known
reserve(path, size) -> None          make a file that takes up so much of the disk, where the system can do so at once
"""

import errno
import os
import sys

from bkagent.system import renaming
from bkagent.system.plain_file import open_plain

if sys.platform == "win32":
    from bkagent.system._durable_windows import sync_file, sync_folder
else:
    from bkagent.system._durable_posix import sync_file, sync_folder

__all__ = ["free_bytes", "is_full", "replace_file", "reserve", "sync_file", "sync_folder", "sync_path"]


def replace_file(path: str, data: bytes, *, to_disk: bool = True) -> None:
    """Put `data` at `path` in one step: readers see the old file or the new one. Raises OSError.

    `to_disk=False` leaves out the wait for the disk: then a crash of the machine may lose the file, a crash of the
    process may not.
    """
    aside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(aside, flags, 0o600)
    try:
        try:
            at = 0
            while at < len(data):
                at += os.write(fd, data[at:])
            if to_disk:
                sync_file(fd)
        finally:
            os.close(fd)
        renaming.replace(aside, path)
    except OSError:
        try:
            os.unlink(aside)
        except OSError:
            pass
        raise
    if to_disk:
        sync_folder(os.path.dirname(path) or ".")


def is_full(problem: OSError) -> bool:
    """Return whether an error says that there is no room: a state that passes, unlike others."""
    return problem.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def sync_path(path: str) -> None:
    """Bring the bytes of the file at `path` to the disk. Raises OSError."""
    fd = open_plain(path, os.O_RDWR)
    try:
        sync_file(fd)
    finally:
        os.close(fd)


def free_bytes(path: str) -> int:
    """See above."""
    try:
        if sys.platform == "win32":
            import shutil  # nothing less asks Windows

            return shutil.disk_usage(os.path.dirname(path)).free
        status = os.statvfs(os.path.dirname(path))
        return status.f_bavail * status.f_frsize
    except OSError:
        return 0


def reserve(path: str, size: int) -> None:
    """See above. A disk without room leaves a smaller file, or none."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        return
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
    except OSError:
        pass
    finally:
        os.close(fd)
