"""A second descriptor of a file that is written to, by which it is brought to the disk."""

from __future__ import annotations

import os
import threading

from bkagent.system.durable import sync_file


class SyncedFile:
    """Thread-safe. Syncs through a descriptor of its own: that takes as long as the disk likes, and writing goes on."""

    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._lock = threading.Lock()  # of the two that follow; never held during a sync
        self._syncs = 0
        self._closed = False

    def sync(self) -> None:
        """Bring to the disk what was written. Does nothing after `close`. Raises OSError."""
        with self._lock:
            if self._closed:
                return
            self._syncs += 1
        try:
            sync_file(self._fd)
        finally:
            with self._lock:
                self._syncs -= 1
                self._close_unused()

    def close(self) -> None:
        """Allow no further sync. One that is under way goes on and is not waited for; it closes the descriptor."""
        with self._lock:
            self._closed = True
            self._close_unused()

    def _close_unused(self) -> None:
        if self._closed and not self._syncs:
            os.close(self._fd)
