"""Times as the control plane writes them."""

from __future__ import annotations

import time


def rfc3339(nanoseconds: int) -> str:
    """Return a time in UTC, to the nanosecond; `nanoseconds` as of `time.time_ns()`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
