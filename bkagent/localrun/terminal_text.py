"""Turn the bytes of a job's log into lines that are safe to print on a terminal.

A job's output may hold any escape sequence. Colours pass; what moves the cursor, sets titles or asks the
terminal to answer does not.
"""

from __future__ import annotations

import re
from typing import List

# One pass, so that what is left of two sequences cannot join into a third: CSI sequences, then strings (operating
# system commands and their like; our time stamps are one), other escapes, control bytes.
_STEERING = re.compile(
    rb"\x1b\[([0-?]*)[ -/]*([@-~])"
    rb"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    rb"|\x1b[ -/]*[0-~]?"
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)
_COLOUR_PARAMETERS = re.compile(rb"[0-9;]*\Z")
LONGEST_LINE_BYTES = 64 * 1024


class Lines:
    """Cuts one job's log into lines. `coloured` says whether colours are kept."""

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured
        self._pending = b""

    def feed(self, data: bytes) -> List[str]:
        """Return the lines that `data` completes, without their ends."""
        pieces = (self._pending + data).split(b"\n")
        self._pending = pieces.pop()
        if len(self._pending) > LONGEST_LINE_BYTES:
            pieces.append(self._pending)
            self._pending = b""
        return [self._clean(piece) for piece in pieces]

    def rest(self) -> List[str]:
        """Return the last line where the log does not end in a newline."""
        line, self._pending = self._pending, b""
        cleaned = self._clean(line)
        return [cleaned] if cleaned else []

    def _clean(self, line: bytes) -> str:
        line = _STEERING.sub(self._keep_colour, line.rstrip(b"\r"))
        line = line[line.rfind(b"\r") + 1 :]  # a progress bar shows its last state
        if self._coloured and b"\x1b[" in line:
            line += b"\x1b[0m"
        return line.decode("utf-8", "replace")

    def _keep_colour(self, sequence: "re.Match[bytes]") -> bytes:
        if self._coloured and sequence.group(2) == b"m" and _COLOUR_PARAMETERS.match(sequence.group(1)):
            return sequence.group(0)
        return b""
