"""Reading the log of a service while it is written and begins anew."""

from __future__ import annotations

import os
from typing import BinaryIO, List, Tuple

from bkagent.cli.service import rotated_log

_PIECE_BYTES = 65536


def last_lines(path: str, count: int, is_required: bool = True) -> Tuple[List[bytes], int]:
    """Return the last lines, of earlier logs too, and where the log ends. Raises OSError without a required log."""
    if not is_required and not os.path.exists(path):
        return [], 0
    with open(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
        end = file.tell()
    for number in range(1, rotated_log.EARLIER_COUNT + 1):
        before = rotated_log.earlier(path, number)
        if len(lines) >= count or not os.path.exists(before):
            break
        with open(before, "rb") as file:
            lines = file.read().splitlines(keepends=True) + lines
    return lines[-count:] if count > 0 else [], end


def write_news(path: str, start: int, out: BinaryIO) -> int:
    """Write what the log has behind `start`; return where it ends now. A log that has begun anew is read from there.

    The file is open only as long as it is read, since an open file cannot be renamed on Windows.
    """
    try:
        size = os.stat(path).st_size
    except OSError:
        return start  # between two of them
    if size < start:
        _copy(rotated_log.earlier(path, 1), start, out)
        start = 0
    return _copy(path, start, out) if size > start else start


def _copy(path: str, start: int, out: BinaryIO) -> int:
    with open(path, "rb") as file:
        file.seek(start)
        while True:
            piece = file.read(_PIECE_BYTES)
            if not piece:
                out.flush()
                return file.tell()
            out.write(piece)
