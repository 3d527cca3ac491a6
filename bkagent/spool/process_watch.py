"""The job process of a spool entry, as others see it: by the kernel's lock that it holds, and what it leaves."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

from bkagent.spool import layout, result
from bkagent.system import file_lock
from bkagent.system.plain_file import read_plain

_START_LOOK_S = 0.02


class ProcessWatch:
    """Tells of the process in the entry's folder. Needs no ownership and changes nothing."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def alive(self) -> bool:
        """Return whether a job process runs this job now."""
        return file_lock.is_held(self._path(layout.ALIVE))

    def started(self) -> bool:
        """Return whether a job process has ever taken this entry."""
        return os.path.exists(self._path(layout.PID))

    def wait_for_start(self, timeout_s: Optional[float] = None) -> bool:
        """Wait until a job process has taken the entry or there is a result; false when the time was over first."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.started() and not result.exists(self._folder):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_START_LOOK_S)  # no lock marks the start, which is milliseconds away
        return True

    def ended(self) -> bool:
        """Return whether the job is over: it started or has a result, and no process runs it. No result means lost."""
        if not self.started() and not result.exists(self._folder):
            return False
        return not self.alive()

    def wait_for_end(self, timeout_s: Optional[float] = None) -> bool:
        """Wait until `ended`; false when the time was over first. A thread of its own sleeps on the kernel's lock."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        if not self.wait_for_start(timeout_s):
            return False
        if deadline is None:
            self.sleep_until_end()
            return True
        waiter = threading.Thread(target=self.sleep_until_end, name="job-end", daemon=True)
        waiter.start()
        waiter.join(max(0.0, deadline - time.monotonic()))
        return not waiter.is_alive()

    def sleep_until_end(self) -> None:
        """Block until the job process that has started is gone, by the kernel's lock."""
        file_lock.wait_until_free(self._path(layout.ALIVE))

    def pid(self) -> Optional[int]:
        """Return the process id of the living job process, which may be signalled; None when none lives."""
        if not self.alive():
            return None
        try:
            pid = int(read_plain(self._path(layout.PID), 20))
        except (OSError, ValueError):
            return None
        return pid if pid > 1 else None  # what else would be a group of processes, or all of them

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)
