"""Cuts a stream into lines, however it comes in pieces."""

from __future__ import annotations

from typing import List

LONGEST_BYTES = 64 * 1024  # a longer line comes in parts, so that it cannot fill the memory


class WholeLines:
    """Not thread-safe. Lines come without the line feed at their end, and with what stands before it."""

    def __init__(self) -> None:
        self._line = b""

    def feed(self, data: bytes) -> List[bytes]:
        """Take the next piece; return the lines that are complete."""
        *lines, self._line = (self._line + data).split(b"\n")
        while len(self._line) > LONGEST_BYTES:
            lines.append(self._line[:LONGEST_BYTES])
            self._line = self._line[LONGEST_BYTES:]
        return lines

    def flush(self) -> List[bytes]:
        """Return the line that has begun, if one has."""
        line, self._line = self._line, b""
        return [line] if line else []
