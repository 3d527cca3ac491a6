"""Dates and times as YAML 1.1 writes them, kept as what was written and as RFC 3339."""

from __future__ import annotations

import datetime
import re
from typing import Optional

_FORM = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?(Z|[+-]\d{2}:\d{2}))"
    r"|(?: +(\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?))?",
    re.ASCII,
)


class TimestampText(str):
    """A point in time as a text, which `dump.dumps` writes as a point in time again: without quotes."""


class Timestamp:
    """A point in time. `text` is what was written, `rfc3339` its full form; without a zone it is UTC."""

    __slots__ = ("text", "rfc3339")

    def __init__(self, text: str, rfc3339: str) -> None:
        self.text = text
        self.rfc3339 = TimestampText(rfc3339)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and other.rfc3339 == self.rfc3339

    def __hash__(self) -> int:
        return hash(self.rfc3339)

    def __repr__(self) -> str:
        return f"Timestamp({self.rfc3339})"

    __str__ = __repr__


def timestamp(text: str) -> Optional[Timestamp]:
    """Return the timestamp that a text is, or None.

    Legal: 2001-2-3, 2001-2-3T4:5:6Z, 2001-2-3t4:5:6.5+02:00 and 2001-2-3 4:5:6 (which is UTC).
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    year, month, day, *rest = match.groups()
    hour, minute, second, fraction, zone = rest[0:5] if rest[0] else (*rest[5:9], None)
    try:
        datetime.datetime(int(year) or 4, int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    if zone and zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:6]) > 60):
        return None
    date = f"{year}-{int(month):02d}-{int(day):02d}"
    clock = f"{int(hour or 0):02d}:{int(minute or 0):02d}:{int(second or 0):02d}"
    parts = (fraction or "").replace(",", ".")[:10].rstrip("0")
    return Timestamp(text, f"{date}T{clock}{parts if len(parts) > 1 else ''}{_zone(zone)}")


def _zone(zone: Optional[str]) -> str:
    return "Z" if zone in (None, "Z", "+00:00", "-00:00") else str(zone)
