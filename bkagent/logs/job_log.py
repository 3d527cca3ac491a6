"""A job's log as the job writes it: what processes print and our own lines, redacted, then stamped, in order."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional, Union

from bkagent.logs.stampers import AnsiStamper, LinePrefixStamper
from bkagent.redaction.needles import to_bytes
from bkagent.redaction.redactor import Redactor
from bkagent.spool.manifest import JobManifest
from bkagent.wire import shown_text

AnyStamper = Union[AnsiStamper, LinePrefixStamper]


class JobLog:
    """Thread-safe. `sink` takes the finished bytes, as JobEntry.append does; `line_end` is CRLF with a PTY."""

    def __init__(
        self,
        sink: Callable[[bytes], None],
        redactor: Redactor,
        stamper: Optional[AnyStamper] = None,
        *,
        line_end: bytes = b"\n",
    ) -> None:
        self._sink, self._stamper, self._line_end = sink, stamper, line_end
        self.redactor = redactor
        self._lock = threading.Lock()
        self._in_line = False

    def child(self, output: bytes) -> None:
        """Add what a process printed. What could be the beginning of a secret waits for more, or for `flush`."""
        with self._lock:
            self._write(self.redactor.feed(output))

    def line(self, text: str, before: str = "", after: str = "", *, as_it_is: bool = False) -> None:
        """Add a line of our own, or several. It begins a line, and waits for nothing that a process may print.

        `before` and `after` are its emphasis. What it quotes of others is escaped, unless it is to stay `as_it_is`.
        """
        with self._lock:
            # On its own, not in the stream: between two halves of a secret it would part them and show both.
            printed = self.redactor.whole(to_bytes(text))
            if not as_it_is:  # after the secrets are out: escaped, they would not be met
                printed = to_bytes(shown_text.message(printed.decode("utf-8", "surrogateescape")))
            printed = to_bytes(before) + printed + to_bytes(after)
            if self._line_end != b"\n":
                printed = printed.replace(b"\n", self._line_end)
            self._write((self._line_end if self._in_line else b"") + printed + self._line_end)

    def flush(self) -> None:
        """Let out what is withheld: no process prints any more."""
        with self._lock:
            self._write(self.redactor.flush())
            if self._stamper is not None:
                rest = self._stamper.flush()
                if rest:
                    self._sink(rest)

    def _write(self, printed: bytes) -> None:
        if not printed:
            return
        self._in_line = not printed.endswith(b"\n")
        if self._stamper is not None:
            printed = self._stamper.feed(printed)
        if printed:
            self._sink(printed)


def stamper_for(job: JobManifest, now: Callable[[], float] = time.time) -> Optional[AnyStamper]:
    """Return what puts the times into a job's log, or None where they are not wanted there."""
    if job.ansi_timestamps:
        return AnsiStamper(lambda: int(now() * 1000))
    return LinePrefixStamper(now) if job.timestamp_lines else None
