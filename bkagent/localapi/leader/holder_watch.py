"""Tells when jobs end that hold locks, by the kernel locks that their processes hold until then."""

from __future__ import annotations

import _thread
import os
import threading
from typing import Callable, Set

from bkagent.system import file_lock, plain_file
from bkagent.wire.log_events import EventReport


class HolderWatch:
    """A thread for each job that waits for its kernel lock. Thread-safe."""

    def __init__(self, report: EventReport) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._paths: Set[str] = set()

    def watch(self, path: str, tell: Callable[[str], None]) -> None:
        """Call `tell(path)` on another thread once the lock at `path` is free or its file is missing.

        A path that is watched already is not watched twice: what is asked before `tell` is called is told by that call.
        """
        with self._lock:
            if path in self._paths:
                return
            self._paths.add(path)
        try:
            # Unlike Thread.start it does not wait for the thread, which would keep pings waiting.
            _thread.start_new_thread(self._run, (path, tell))
        except RuntimeError as problem:
            self._give_up(path, str(problem))

    def _run(self, path: str, tell: Callable[[str], None]) -> None:
        try:
            _wait_for_end(path)
        except OSError as problem:
            self._give_up(path, problem.strerror or str(problem))
            return
        # Before it is told: a client that comes in between is watched by a thread of its own.
        with self._lock:
            self._paths.discard(path)
        tell(path)

    def _give_up(self, path: str, reason: str) -> None:
        with self._lock:
            self._paths.discard(path)
        text = f"the end of a job cannot be seen, so its locks stay until they are released: {path}: {reason}"
        self._report("warn", text, "locks.watch_failed")


def _wait_for_end(path: str) -> None:
    """Block until the lock is free. Raises OSError where that cannot be seen."""
    try:
        os.close(plain_file.open_plain(path, os.O_RDWR))
    except (FileNotFoundError, NotADirectoryError):
        return
    file_lock.wait_until_free(path)
