"""Keep others from removing the code and the launchers that this process and its jobs use.

Each folder of either has a file that stands for it. A process that goes on holds a shared kernel lock on it for as
long as it lives; what is used is touched as well, since a command that starts this moment takes no time for locks.
To remove a folder, take the exclusive lock, and only if the folder has not been used for long.
"""

from __future__ import annotations

import os
import sys
import time
from typing import List, Optional, Sequence

from bkagent.system import file_lock

CODE, BIN = "code", "bin"  # in a state folder; each holds a folder for every content
MARKS = {CODE: "python", BIN: "bkagent"}
_TRIES_COUNT, _PAUSE_S = 50, 0.01  # a removal holds its lock for less than a millisecond


def hold(folders: Sequence[str]) -> List[int]:
    """Lock folders as in use until the descriptors returned are closed. Other paths are ignored."""
    held = [fd for fd in map(_lock, folders) if fd is not None]
    touch(folders)
    return held


def touch(folders: Sequence[str]) -> None:
    """Note that folders are used now."""
    for folder in folders:
        try:
            os.utime(mark_of(folder))
        except OSError:
            pass  # no such folder, or one of the system's, which is not collected


def mark_of(folder: str) -> str:
    """Return the path of the file that stands for a folder; it need not exist."""
    return os.path.join(folder, MARKS.get(os.path.basename(os.path.dirname(folder)), MARKS[CODE]))


def _lock(folder: str) -> Optional[int]:
    """Return a descriptor with the shared lock; None where there is nothing to lock, or no way to."""
    for _ in range(_TRIES_COUNT):
        fd = _open(folder)
        if fd is None:
            return None
        # The folder may have been removed meanwhile: the lock must be one on the file that is there now.
        try:
            if file_lock.try_lock_shared(fd) and os.path.samestat(os.fstat(fd), os.stat(mark_of(folder))):
                return fd
        except OSError:
            pass
        os.close(fd)
        time.sleep(_PAUSE_S)
    return None


def _open(folder: str) -> Optional[int]:
    path = mark_of(folder)
    if os.path.basename(os.path.dirname(folder)) not in MARKS:
        return None  # a checkout, say
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return _restore_mark(path)
    except OSError:
        return None


def _restore_mark(path: str) -> Optional[int]:
    """Put the mark back of code that was about to be removed when this process began to run it."""
    if os.path.basename(path) != MARKS[CODE]:
        return None
    try:
        with open(path, "x", encoding="utf-8", errors="surrogateescape") as mark:
            mark.write(sys.executable + "\n")
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
