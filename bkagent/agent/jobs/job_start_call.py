"""The start call of a job, on a thread of its own."""

from __future__ import annotations

import threading
from typing import Callable, Optional


class JobStartCall:
    """Sends by `send`. A thread sends, and the caller prepares the job, so that the request is on its way first."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._problem: Optional[Exception] = None
        self._thread: Optional[threading.Thread] = None

    def begin(self) -> None:
        """Begin to send."""
        thread = threading.Thread(target=self._run, name="job-start", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no further thread
            self._run()
        else:
            self._thread = thread

    def finish(self) -> None:
        """Return when the start is taken. Raises what `send` does."""
        if self._thread is not None:
            self._thread.join()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            self._send()
        except Exception as problem:  # the edge of a thread: `finish` raises it
            self._problem = problem
