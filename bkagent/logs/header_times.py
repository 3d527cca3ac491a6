"""When the group headers of a log came, for jobs whose log carries no times of its own.

A header is told to the control plane by its number in the log, from 0 on. The log is read as it grows; how many
headers were told already stands in the entry, so that an agent that takes it over goes on with the next.
"""

from __future__ import annotations

import os
import re
import threading
import time
from typing import Callable, Dict, Mapping

from bkagent.errors import AgentError
from bkagent.spool import layout
from bkagent.spool.agent_entry import AgentEntry
from bkagent.system.durable import replace_file
from bkagent.system.plain_file import open_plain
from bkagent.wire.log_events import EventReport
from bkagent.wire.timestamps import rfc3339

_STYLES = re.compile(rb"\x1b\[[0-9;]*[mK]")
_HEADER = re.compile(rb"^(?:---|\+\+\+|~~~)[ \t\r\v\f]", re.MULTILINE)

_GATHER_S = 1.0
_READ_BYTES = 1024 * 1024
_LONGEST_LINE_BYTES = 4096  # more of a line is not kept to see whether it is a header
_MOST = 100_000  # of one job; a server would not take more
_MOST_AT_ONCE = 1000


class HeaderTimes:
    """`send` posts times by number ("0" and so on), and tries again as it sees fit; what it raises is reported.

    `seen` is called by one thread; `now_ns` returns Unix time in nanoseconds.
    """

    def __init__(
        self,
        entry: AgentEntry,
        send: Callable[[Mapping[str, str]], None],
        report: EventReport,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._entry, self._send, self._report, self._now_ns = entry, send, report, now_ns
        self._told_path = os.path.join(entry.folder, layout.HEADERS)
        self._told = self._read_told()
        self._at = 0
        self._line = b""
        self._count = 0
        self._lock = threading.Lock()
        self._waiting: Dict[str, str] = {}
        self._news = threading.Event()
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._work, name="header-times", daemon=True)
        self._sender.start()

    def note_size(self, size: int) -> None:
        """Look at what the log has up to `size` bytes and has not had before. Raises OSError."""
        if size <= self._at:
            return
        with open(self._entry.log_path, "rb", buffering=0, opener=open_plain) as log:
            log.seek(self._at)
            while self._at < size:
                data = log.read(min(_READ_BYTES, size - self._at))
                if not data:
                    return
                self._at += len(data)
                lines, end, rest = (self._line + data).rpartition(b"\n")
                self._line = rest[:_LONGEST_LINE_BYTES]
                self._look(lines + end)

    def close(self) -> None:
        """Look at a last line without an end, and wait until everything is told or `send` has given up."""
        self._look(self._line)
        self._line = b""
        self._closing.set()
        self._news.set()
        self._sender.join()

    def _look(self, lines: bytes) -> None:
        if b"\x1b[" in lines:
            lines = _STYLES.sub(b"", lines)
        header_count = len(_HEADER.findall(lines))
        if not header_count:
            return
        moment = rfc3339(self._now_ns())
        with self._lock:
            for number in range(max(self._count, self._told), min(self._count + header_count, _MOST)):
                self._waiting[str(number)] = moment
        self._count += header_count
        self._news.set()

    def _work(self) -> None:
        while True:
            self._news.wait()
            self._closing.wait(_GATHER_S)
            self._news.clear()
            last = self._closing.is_set()
            while self._waiting:
                self._tell()
            if last:
                return

    def _tell(self) -> None:
        with self._lock:
            batch = {number: self._waiting[number] for number in list(self._waiting)[:_MOST_AT_ONCE]}
        try:
            self._send(batch)
        except AgentError as problem:
            self._report("warn", f"could not upload header times: {problem}", "log.header_times_failed")
        with self._lock:
            for number in batch:
                del self._waiting[number]
        try:
            replace_file(self._told_path, f"{max(map(int, batch)) + 1}\n".encode(), to_disk=False)
        except OSError as problem:
            self._report("warn", f"header times may be sent twice: {problem}", "log.header_times_unsaved")

    def _read_told(self) -> int:
        try:
            with open(self._told_path, encoding="ascii", opener=open_plain) as file:
                return int(file.read(20))
        except (OSError, ValueError):
            return 0
