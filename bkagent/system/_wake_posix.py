"""A bell as a FIFO; the promises are in wake.py."""

import os
import select
import stat
import sys
import time
from typing import Optional

assert sys.platform != "win32"

_NO_FIFO_POLL_S = 0.2  # where a file system has no FIFOs, the listener looks this often


def make(path: str) -> None:
    """Make the FIFO."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        raise
    except OSError:
        # Shared folders of virtual machines, say, have no FIFOs: an ordinary file stands for "look now and then".
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class Ringer:
    """Holds the FIFO open for reading and writing, so that rings wait there while no listener lives."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._is_fifo = stat.S_ISFIFO(os.fstat(self._fd).st_mode)

    def ring(self) -> None:
        if not self._is_fifo:
            return
        try:
            os.write(self._fd, b"!")
        except BlockingIOError:
            pass  # full of unheard rings

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Listener(Ringer):
    """Reads the FIFO. Being a writer too it never sees an end of file, even when no ringer is left."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def wait(self, timeout_s: Optional[float] = None) -> bool:
        if not self._is_fifo:
            time.sleep(_NO_FIFO_POLL_S if timeout_s is None else min(timeout_s, _NO_FIFO_POLL_S))
            return True
        # Rounded up: a wait that ends a little early would make its caller spin until the time has come.
        if not self._poll.poll(None if timeout_s is None else max(0, int(timeout_s * 1000) + 1)):
            return False
        try:
            os.read(self._fd, 65536)
        except BlockingIOError:
            return False
        return True
