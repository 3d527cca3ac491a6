"""A log as it was before it was stamped, for those who put their own times to it."""

from __future__ import annotations

import re

from bkagent.spool.manifest import JobManifest

_CODE = re.compile(rb"\x1b_bk;t=\d+\x07")
_CODE_BEGUN = re.compile(rb"\x1b(?:_(?:b(?:k(?:;(?:t(?:=\d*)?)?)?)?)?)?\Z")
_PREFIX = re.compile(rb"^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\] ", re.MULTILINE)
_LONGEST_LINE_BYTES = 256 * 1024


class StampStripper:
    """Takes a stamped stream in pieces and gives it without the stamps of `job`'s kind. Not thread-safe."""

    def __init__(self, job: JobManifest) -> None:
        self._codes = job.ansi_timestamps
        self._lines = job.timestamp_lines and not job.ansi_timestamps
        self._rest = b""

    def feed(self, output: bytes) -> bytes:
        """Return what can be said by now: the beginning of a stamp waits for the rest."""
        if self._codes:
            output = _CODE.sub(b"", self._rest + output)
            partial = _CODE_BEGUN.search(output, max(0, len(output) - 40))
            at = partial.start() if partial else len(output)
            output, self._rest = output[:at], output[at:]
        elif self._lines:
            lines, end, rest = (self._rest + output).rpartition(b"\n")
            if len(rest) > _LONGEST_LINE_BYTES:
                lines, end, rest = lines + end + rest, b"", b""
            output, self._rest = _PREFIX.sub(b"", lines + end), rest
        return output

    def flush(self) -> bytes:
        """Return what was waiting."""
        rest, self._rest = self._rest, b""
        return _PREFIX.sub(b"", rest) if self._lines else rest
