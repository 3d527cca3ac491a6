"""Which bytes a download asks for."""

from __future__ import annotations

from typing import Dict, Optional


def range_headers(start_offset: int, size: Optional[int]) -> Dict[str, str]:
    """Return headers that ask for `size` bytes from an offset on, or for all that follow; none for the whole.

    Nothing may be compressed on the way, since offsets count the bytes that were uploaded.
    """
    if not start_offset and size is None:
        return {}
    last = "" if size is None else str(start_offset + size - 1)
    return {"Range": f"bytes={start_offset}-{last}", "Accept-Encoding": "identity"}
