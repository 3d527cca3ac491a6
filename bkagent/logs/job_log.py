"""A job's log as the job writes it: what processes print and our own lines, redacted, then stamped, in order."""

from __future__ import annotations

import threading
import time
from typing import Callable, List, Optional, Tuple, Union

from bkagent.logs.stampers import AnsiStamper, LinePrefixStamper
from bkagent.redaction.needles import to_bytes
from bkagent.redaction.redactor import Redactor
from bkagent.spool.manifest import JobManifest
from bkagent.wire import shown_text

AnyStamper = Union[AnsiStamper, LinePrefixStamper]


class JobLog:
    """Thread-safe. `sink` takes the finished bytes, as JobEntry.append does; `line_end` is CRLF with a PTY.

    Without a sink it keeps its own lines, and processes print nothing, until it is told to `begin` with one.
    """

    def __init__(
        self,
        sink: Optional[Callable[[bytes], None]],
        redactor: Redactor,
        stamper: Optional[AnyStamper] = None,
        *,
        line_end: bytes = b"\n",
    ) -> None:
        self._stamper, self._line_end = stamper, line_end
        self.redactor = redactor
        self._lock = threading.Lock()
        self._in_line = False
        self._kept: List[Tuple[str, str, str, bool]] = []
        self._is_keeping = sink is None
        self._sink = sink or (lambda output: None)

    def begin(self, sink: Callable[[bytes], None]) -> None:
        """Write to a sink from now on, first the lines that were kept. To be called once."""
        with self._lock:
            self._sink, self._is_keeping = sink, False
            for text, before, after, as_it_is in self._kept:
                self._write_line(text, before, after, as_it_is)
            self._kept = []

    def child(self, output: bytes) -> None:
        """Add what a process printed. What could be the beginning of a secret waits for more, or for `flush`."""
        with self._lock:
            self._write(self.redactor.feed(output))

    def line(self, text: str, before: str = "", after: str = "", *, as_it_is: bool = False) -> None:
        """Add a line of our own, or several. It begins a line, and waits for nothing that a process may print.

        `before` and `after` are its emphasis. What it quotes of others is escaped, unless it is to stay `as_it_is`.
        """
        with self._lock:
            if self._is_keeping:
                self._kept.append((text, before, after, as_it_is))
            else:
                self._write_line(text, before, after, as_it_is)

    def flush(self) -> None:
        """Let out what is withheld: no process prints any more."""
        with self._lock:
            self._write(self.redactor.flush())
            if self._stamper is not None:
                rest = self._stamper.flush()
                if rest:
                    self._sink(rest)

    def _write_line(self, text: str, before: str, after: str, as_it_is: bool) -> None:
        # On its own, not in the stream: between two halves of a secret it would part them and show both.
        printed = self.redactor.whole(to_bytes(text))
        if not as_it_is:  # after the secrets are out: escaped, they would not be met
            printed = to_bytes(shown_text.message(printed.decode("utf-8", "surrogateescape")))
        printed = to_bytes(before) + printed + to_bytes(after)
        if self._line_end != b"\n":
            printed = printed.replace(b"\n", self._line_end)
        self._write((self._line_end if self._in_line else b"") + printed + self._line_end)

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
