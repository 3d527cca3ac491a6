"""Copy the output of jobs, without timestamps, to the agent's own standard output."""

from __future__ import annotations

import os
import threading
from typing import Callable, Mapping, Protocol

from bkagent.logs.strip_stamps import StampStripper
from bkagent.spool import journal
from bkagent.spool.agent_entry import AgentEntry
from bkagent.system.plain_file import open_plain
from bkagent.wire.log_events import EventReport

_READ_BYTES = 256 * 1024
_LAST_WITHIN_S = 10.0


class Output(Protocol):
    """Takes what one job prints."""

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises OSError when its reader is gone."""
        ...

    def flush(self) -> None:
        """Show a last line without an end. Raises OSError."""
        ...


# Given what is known of a job, opens what its output goes to.
OpenOutput = Callable[[Mapping[str, str]], Output]


class StdoutFollower:
    """Follows the log of an entry on a thread of its own, so that a slow reader holds up no upload.

    Of a job that is taken over, what the control plane has was shown by the agent before; it is not shown again.
    """

    def __init__(self, entry: AgentEntry, output: Output, report: EventReport) -> None:
        self._entry, self._output, self._report = entry, output, report
        self._unstamped = StampStripper(entry.job)
        self._at = self._size = _acknowledged_bytes(entry)
        self._news = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._follow, name="output-copy", daemon=True)
        self._thread.start()

    def note_size(self, size: int) -> None:
        """Note how long the log is now."""
        if size > self._size:
            self._size = size
            self._news.set()

    def close(self) -> None:
        """Copy the rest. A reader that is stuck loses it, and the agent goes on."""
        self.note_size(self._entry.log_size())
        self._closing = True
        self._news.set()
        self._thread.join(_LAST_WITHIN_S)
        if self._thread.is_alive():
            job_id = self._entry.job_id
            text = f"stdout is blocked; the rest of job {job_id}'s output is not shown"
            self._report("warn", text, "job.output_blocked")

    def _follow(self) -> None:
        try:
            with open(self._entry.log_path, "rb", buffering=0, opener=open_plain) as log:
                log.seek(self._at)
                while not (self._closing and self._at >= self._size):
                    self._news.wait()
                    self._news.clear()
                    self._copy(log.fileno())
            self._output.feed(self._unstamped.flush())
            self._output.flush()
        except OSError as problem:
            text = f"the rest of job {self._entry.job_id}'s output is not shown: {problem}"
            self._report("warn", text, "job.output_failed")

    def _copy(self, log: int) -> None:
        while self._at < self._size:
            data = os.read(log, _READ_BYTES)
            if not data:
                return
            self._at += len(data)
            self._output.feed(self._unstamped.feed(data))


def _acknowledged_bytes(entry: AgentEntry) -> int:
    try:
        return journal.acknowledged_bytes(entry.chunks_path)
    except (OSError, ValueError):
        return 0
