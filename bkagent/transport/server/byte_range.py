"""Range headers, in the forms that clients of logs and files use."""

from __future__ import annotations

from typing import Optional, Tuple

from bkagent.transport.server.request_head import HttpError
from bkagent.wire.digits import is_whole


def read_range(header: str, size: int) -> Optional[Tuple[int, int]]:
    """Return (offset, count) of the part of `size` bytes that `header` asks for; None where all of it is the answer.

    One range of bytes is served; several in one header are answered as if there were none, as RFC 9110 allows.
    Raises HttpError 400 for a malformed range and 416 for one outside the file.
    """
    if not header:
        return None
    unit, equals, ranges = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        raise HttpError(400, "a range must be bytes=FIRST-LAST")
    if "," in ranges:
        return None
    first, dash, last = (piece.strip() for piece in ranges.partition("-"))
    if not dash or not (first or last) or not all(is_whole(piece) for piece in (first, last) if piece):
        raise HttpError(400, "a range must be bytes=FIRST-LAST")
    if not first:
        count = min(int(last), size)
        offset = size - count
    else:
        offset = int(first)
        count = min(int(last), size - 1) - offset + 1 if last else size - offset
        if last and int(last) < offset:
            raise HttpError(400, "a range must end after it begins")
    if count <= 0:
        raise HttpError(416, f"there are only {size} bytes", (("Content-Range", f"bytes */{size}"),))
    return offset, count
