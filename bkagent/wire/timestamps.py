"""Times of the wire: RFC 3339, in UTC."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def rfc3339(time_ns: int, digits: int = 9) -> str:
    """Return "2015-05-09T21:05:59.874Z", with so many digits of the second; `time_ns` as of `time.time_ns()`.

    Raises ValueError, OverflowError or OSError for dates outside the calendar or years without four digits.
    """
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    at = time.gmtime(seconds)
    if not 0 <= at.tm_year <= 9999:
        raise ValueError(f"year {at.tm_year} has no four digits")
    fraction = f".{rest_ns:09d}"[: digits + 1] if digits else ""
    date = f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}"
    return f"{date}T{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}{fraction}Z"


def text_of(unix_s: float) -> str:
    """Return Unix seconds as RFC 3339, rounded to the millisecond. Raises as `rfc3339`."""
    return rfc3339(round(unix_s * 1000) * 1_000_000, 3)


def moment_of(text: str) -> Optional[float]:
    """Return the Unix seconds of an RFC 3339 text with up to nine digits of a second, or None for anything else."""
    moment_ns = nanoseconds_of(text)
    return None if moment_ns is None else moment_ns / 1_000_000_000


def nanoseconds_of(text: str) -> Optional[int]:
    """Return the same in nanoseconds, exactly."""
    # Loaded here: a job's process and most of its commands only write times.
    import re
    from datetime import datetime, timezone

    form = r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
    match = re.fullmatch(form, text, re.ASCII)
    if not match:
        return None
    date, clock, fraction, zone = match.groups()
    try:
        at = datetime.strptime(f"{date} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    since = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
    seconds = since.days * 86400 + since.seconds
    if zone not in "Zz":
        offset_s = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds += -offset_s if zone[0] == "+" else offset_s
    return seconds * 1_000_000_000 + int(f"{fraction or 0:0<9}")
