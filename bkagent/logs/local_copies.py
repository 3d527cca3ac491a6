"""Copies of a job's log beside the spool, written with it: the same bytes, so nothing unredacted gets into them.

A copy is a courtesy. One that cannot be written ends, and neither the log nor the job is held up by it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable, Dict

TMPFILE_MODE = 0o644  # for collectors of logs, which run as another user; the reference's
COPY_MODE = 0o640

Say = Callable[[str], None]
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a named pipe would wait for its reader


class LocalCopies:
    """Appends to files. `modes` has the permissions of each by path; `say` is told once of each that ends early.

    Not thread-safe: the log calls it under its own lock. `say` is called by `report_problems`, outside of that.
    """

    def __init__(self, modes: "Dict[str, int]", say: Say) -> None:
        self._say = say
        self._problems: "list[str]" = []
        self._files: Dict[str, int] = {}
        for path, mode in modes.items():
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self._files[path] = fd = _open(path, mode)
                os.chmod(fd if os.chmod in os.supports_fd else path, mode)
            except OSError as problem:
                self._note(path, problem)

    def take(self, output: bytes) -> None:
        """Append to each."""
        for path, fd in list(self._files.items()):
            try:
                _write(fd, output)
            except OSError as problem:
                os.close(self._files.pop(path))
                self._note(path, problem)

    def report_problems(self) -> None:
        """Say what went wrong since the last call."""
        problems, self._problems = self._problems, []
        for problem in problems:
            self._say(problem)

    def close(self) -> None:
        """Close the files; what is taken after that is dropped."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _note(self, path: str, problem: OSError) -> None:
        self._problems.append(f"the copy of this log in {path} ends here: {problem.strerror or problem}")


def append(path: str, output: bytes, mode: int) -> None:
    """Append to one copy where no job process does. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = _open(path, mode)
    try:
        _write(fd, output)
    finally:
        os.close(fd)


def _open(path: str, mode: int) -> int:
    """Open a copy to append to. Raises OSError, also for what another user may have put in its place."""
    fd = os.open(path, _FLAGS | _NO_LINK | _NO_WAIT, mode)
    status = os.fstat(fd)
    is_ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or not is_ours:
        os.close(fd)
        raise OSError(errno.EEXIST, "a file of another user, a second name of another file, or no file is in its place")
    return fd


def _write(fd: int, output: bytes) -> None:
    view = memoryview(output)
    while view:
        view = view[os.write(fd, view) :]
