"""Puts the time as text before each line: `[2024-05-01T10:00:00Z] `. Group headers stay as they are."""

from __future__ import annotations

import re
from typing import Callable, List

from bkagent.logs.whole_lines import WholeLines
from bkagent.wire.timestamps import rfc3339

_STYLES = re.compile(rb"\x1b\[[0-9;]*[mK]")
_HEADER = re.compile(rb"(?:---|\+\+\+|~~~)\s|\^\^\^\s\+\+\+")


class LineStamper:
    """Takes a stream and gives whole lines, each ended by LF alone. Not thread-safe. `now` returns Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines = WholeLines()

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return the lines that are complete."""
        return self._stamped(self._lines.feed(data))

    def flush(self) -> bytes:
        """Return the line that has begun, as a line."""
        return self._stamped(self._lines.flush())

    def _stamped(self, lines: List[bytes]) -> bytes:
        if not lines:
            return b""
        prefix = f"[{rfc3339(int(self._now()) * 1_000_000_000, 0)}] ".encode()
        pieces = []
        for line in lines:
            line = line[:-1] if line.endswith(b"\r") else line
            pieces.append(line if _HEADER.match(_STYLES.sub(b"", line)) else prefix + line)
        return b"\n".join(pieces) + b"\n"
