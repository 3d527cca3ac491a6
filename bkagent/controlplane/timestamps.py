"""Moments as texts: RFC 3339, in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Optional

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def text_of(moment: float) -> str:
    """Return Unix seconds as "2015-05-09T21:05:59.874Z"."""
    at = _EPOCH + timedelta(milliseconds=round(moment * 1000))
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def moment_of(text: str) -> Optional[float]:
    """Return the Unix seconds of an RFC 3339 text with up to nine digits of a second, or None for anything else."""
    found = _FORM.fullmatch(text)
    if not found:
        return None
    date, time, fraction, zone = found.groups()
    try:
        at = datetime.strptime(f"{date} {time}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    seconds = (at - _EPOCH).total_seconds() + float(f"0.{fraction or 0}")
    if zone in "Zz":
        return seconds
    offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return seconds - offset if zone[0] == "+" else seconds + offset
