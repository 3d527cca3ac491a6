"""The line between an agent and its process for the Agent API: messages one way, and its end is that of the process.

Each message is a line of JSON: {"level", "text", "event"}, with the words of `wire.log_events`.
"""

from __future__ import annotations

import os
import select
import threading

from bkagent.wire import json_text


class AgentLine:
    """The process's end, by its descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        os.set_blocking(fd, False)

    def report(self, level: str, text: str, event: str = "") -> None:
        """Send a message. One that an agent does not take, being stopped or gone, is dropped: nothing waits for it."""
        line = json_text.dumps({"level": level, "text": text, "event": event}).encode("ascii") + b"\n"
        with self._lock:
            try:
                os.write(self._fd, line)
            except OSError:
                pass

    def wait(self) -> None:
        """Return when the agent is gone, or has hung up."""
        while True:
            select.select([self._fd], [], [])
            try:
                if not os.read(self._fd, 1024):
                    return
            except BlockingIOError:
                continue
            except OSError:
                return
