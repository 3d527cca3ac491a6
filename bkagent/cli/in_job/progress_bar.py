"""A bar on the terminal that shows how far a transfer has come, below the messages of the command."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Optional

from bkagent.system import console
from bkagent.wire import upstream_protocol
from bkagent.wire.human_size import format_size

if TYPE_CHECKING:
    from typing import TextIO

    from bkagent.artifacts.progress import Progress
    from bkagent.cli.command import Call
    from bkagent.report import Report

_ERASE = "\r\x1b[K"
_WIDEST_COUNT, _NARROWEST_COUNT = 30, 5  # characters of the bar itself


def bar_for(call: Call, verb: str) -> Optional[ProgressBar]:
    """Return the bar of a command, None where its messages do not go to the terminal of a person."""
    # A job has a terminal as well, whose log is better off with lines.
    err = call.err
    if (
        call.environ.get(upstream_protocol.SOCKET_VARIABLE)
        or call.environ.get("TERM") == "dumb"
        or not call.report.is_text
    ):
        return None
    if not err.isatty() or not console.takes_escapes(err.fileno()):
        return None
    return ProgressBar(err, call.report, verb)


class ProgressBar:
    """A view of `artifacts.progress`, and the report for everything that is said meanwhile."""

    pause_s = 0.2

    def __init__(self, err: TextIO, report: Report, verb: str) -> None:
        """`verb` begins the bar's line: "Uploading", "Downloading"."""
        self._err, self._report, self._verb = err, report, verb
        self._lock, self._line = threading.Lock(), ""

    def report(self, level: str, text: str) -> None:
        """Write a message above the bar."""
        with self._lock:
            self._write(_ERASE if self._line else "")
            self._report(level, text)
            self._write(self._line)

    def show(self, progress: Progress) -> None:
        """Draw the bar in place of the one before."""
        with self._lock:
            self._line = self._drawn(progress, _columns(self._err))
            self._write(_ERASE + self._line)

    def end(self) -> None:
        """Take the bar off the terminal."""
        with self._lock:
            self._write(_ERASE if self._line else "")
            self._line = ""

    def _drawn(self, progress: Progress, columns_count: int) -> str:
        """Return the line of the bar; what has no room in it is left out, from the right."""
        pieces = [
            f"{progress.percent:3}%",
            f"{format_size(progress.bytes_done)}/{format_size(progress.bytes_total)}",
        ]
        if progress.rate > 0:
            pieces.append(f"{format_size(int(progress.rate))}/s")
        if progress.left_text:
            pieces.append(f"{progress.left_text} left")
        if progress.files_total > 1:
            pieces.append(f"{progress.files_done}/{progress.files_total} files")
        room = columns_count - 1 - len(self._verb) - len(" []  ") - _NARROWEST_COUNT
        while len(pieces) > 1 and len("  ".join(pieces)) > room:
            pieces.pop()
        text = "  ".join(pieces)
        width = max(_NARROWEST_COUNT, min(_WIDEST_COUNT, room + _NARROWEST_COUNT - len(text)))
        filled = "#" * int(progress.fraction * width)
        return f"{self._verb} [{filled:.<{width}}]  {text}"[: max(1, columns_count - 1)]

    def _write(self, text: str) -> None:
        try:
            self._err.write(text)
            self._err.flush()
        except (OSError, ValueError):  # the terminal is gone, which ends no transfer
            pass


def _columns(err: TextIO) -> int:
    try:
        return os.get_terminal_size(err.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
