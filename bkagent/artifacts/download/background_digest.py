"""A SHA-256 of a long content, added to by a thread of its own while what follows is received and written.

A download of one large artifact by a single thread has one share of a busy machine, a program of several threads more.
"""

from __future__ import annotations

import hashlib
import threading
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from bkagent.transport.work_threads import WorkThreads

_BEGINNING_BYTES = 8 * 1024 * 1024  # of which most contents have no more: a thread would cost more than it saves
_AHEAD_COUNT = 4  # blocks that wait to be added; each of the files under way may have so many in memory


class BackgroundDigest:
    """One thread calls its methods; `close` it."""

    def __init__(self) -> None:
        self._digest, self._size = hashlib.sha256(), 0
        self._thread: Optional[WorkThreads] = None
        self._room = threading.Semaphore(_AHEAD_COUNT)

    def update(self, data: bytes) -> None:
        """Add bytes, now or soon."""
        self._size += len(data)
        if self._size <= _BEGINNING_BYTES:
            self._digest.update(data)
            return
        if self._thread is None:
            from bkagent.transport.work_threads import WorkThreads

            self._thread = WorkThreads(1)
        self._room.acquire()
        try:
            self._thread.put(partial(self._add, data))
        except RuntimeError:  # the first time, where no thread can be started
            self._add(data)

    def hexdigest(self) -> str:
        """Return the sum of all that was added, in hexadecimal digits."""
        for _ in range(_AHEAD_COUNT):
            self._room.acquire()
        for _ in range(_AHEAD_COUNT):  # Python 3.8 releases one at a time
            self._room.release()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let the thread end."""
        if self._thread is not None:
            self._thread.close()

    def _add(self, data: bytes) -> None:
        self._digest.update(data)
        self._room.release()
