"""What jobs print, on standard output: as it is, or a JSON line for each of its lines."""

from __future__ import annotations

from typing import BinaryIO, List, Mapping

from bkagent.cli.log import json_entry
from bkagent.logs.whole_lines import WholeLines


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
        self._out, self._fields, self._lines = out, fields, WholeLines()

    def feed(self, data: bytes) -> None:
        """Write the lines that are complete."""
        self._write(self._lines.feed(data))

    def flush(self) -> None:
        """Write a last line without an end."""
        self._write(self._lines.flush())

    def _write(self, lines: List[bytes]) -> None:
        if lines:
            self._out.write(b"".join(map(self._entry, lines)))  # one write, so that those of several jobs do not mix
            self._out.flush()

    def _entry(self, line: bytes) -> bytes:
        text = line.rstrip(b"\r\n").decode("utf-8", "replace")
        return json_entry("info", text, self._fields).encode() + b"\n"
