"""What jobs print, on standard output: as it is, or a JSON line for each of its lines."""

from __future__ import annotations

import time
from typing import BinaryIO, Mapping

from bkagent.wire import json_text

_LONGEST_LINE_BYTES = 64 * 1024


class TextOutput:
    """Writes bytes on; those of several jobs mix by pieces, as they come."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def feed(self, data: bytes) -> None:
        """Write a piece."""
        if data:
            self._out.write(data)
            self._out.flush()

    def flush(self) -> None:
        """Everything is written already."""


class JsonOutput:
    """Writes a line with `fields` for each line of one job; a very long one comes in parts."""

    def __init__(self, out: BinaryIO, fields: Mapping[str, str]) -> None:
        self._out, self._fields, self._line = out, fields, b""

    def feed(self, data: bytes) -> None:
        """Write the lines that are complete."""
        *lines, self._line = (self._line + data).split(b"\n")
        while len(self._line) > _LONGEST_LINE_BYTES:
            lines.append(self._line[:_LONGEST_LINE_BYTES])
            self._line = self._line[_LONGEST_LINE_BYTES:]
        if lines:
            self._out.write(b"".join(map(self._entry, lines)))  # one write, so that those of several jobs do not mix
            self._out.flush()

    def flush(self) -> None:
        """Write a last line without an end."""
        line, self._line = self._line, b""
        if line:
            self.feed(line + b"\n")

    def _entry(self, line: bytes) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = line.rstrip(b"\r\n").decode("utf-8", "replace")
        document = {"ts": stamp, "level": "INFO", "msg": text, **self._fields}
        return json_text.dumps(document).encode() + b"\n"
