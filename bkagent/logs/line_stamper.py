"""Puts the time as text before each line: `[2024-05-01T10:00:00Z] `. Group headers stay as they are."""

from __future__ import annotations

import re
import time
from typing import Callable, List

_STYLES = re.compile(rb"\x1b\[[0-9;]*[mK]")
_HEADER = re.compile(rb"(?:---|\+\+\+|~~~)\s|\^\^\^\s\+\+\+")
_LONGEST_LINE_BYTES = 64 * 1024  # a longer one comes out in parts, so that nobody fills the memory with one


class LineStamper:
    """Takes a stream and gives whole lines, each ended by LF alone. Not thread-safe. `now` returns Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._line = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return the lines that are complete."""
        *lines, self._line = (self._line + data).split(b"\n")
        while len(self._line) > _LONGEST_LINE_BYTES:
            lines.append(self._line[:_LONGEST_LINE_BYTES])
            self._line = self._line[_LONGEST_LINE_BYTES:]
        return self._stamped(lines) if lines else b""

    def flush(self) -> bytes:
        """Return the line that has begun, as a line."""
        line, self._line = self._line, b""
        return self._stamped([line]) if line else b""

    def _stamped(self, lines: List[bytes]) -> bytes:
        prefix = time.strftime("[%Y-%m-%dT%H:%M:%SZ] ", time.gmtime(self._now())).encode()
        pieces = []
        for line in lines:
            line = line[:-1] if line.endswith(b"\r") else line
            pieces.append(line if _HEADER.match(_STYLES.sub(b"", line)) else prefix + line)
        return b"\n".join(pieces) + b"\n"
