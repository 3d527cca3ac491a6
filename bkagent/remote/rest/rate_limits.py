"""The limits of requests that a REST API names in its answers: how many are left, and for how many seconds.

There are two buckets, of an organization and of a user. Source: https://buildkite.com/docs/apis/rest-api/limits
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from bkagent.remote.reply import retry_after_s

if TYPE_CHECKING:
    from bkagent.remote.reply import Lookup

_BUCKETS = ("RateLimit", "RateLimit-User")
_LEAST_WAIT_S = 1.0
_SHARE = 2  # one of so many requests that are left; others have the same token or organization


def pace_s(headers: "Lookup", requests_count: int) -> float:
    """Return how long to wait before so many more requests, so that only a share of what is left is used."""
    pauses_s = [0.0]
    for bucket in _BUCKETS:
        left, reset_s = _number(headers, f"{bucket}-Remaining"), _number(headers, f"{bucket}-Reset")
        if left is not None and reset_s is not None:
            pauses_s.append(reset_s * min(1.0, requests_count * _SHARE / left if left else 1.0))
    return max(pauses_s)


def wait_s(headers: "Lookup") -> float:
    """Return how long to wait after a refusal (429): as it says itself, else until each empty bucket is filled."""
    asked_s = retry_after_s(headers)
    if asked_s is not None:
        return asked_s
    resets = {bucket: _number(headers, f"{bucket}-Reset") or 0.0 for bucket in _BUCKETS}
    empty_s = [reset_s for bucket, reset_s in resets.items() if _number(headers, f"{bucket}-Remaining") == 0]
    return max(_LEAST_WAIT_S, *(empty_s or resets.values()))


def _number(headers: "Lookup", name: str) -> Optional[float]:
    try:
        number = float((headers.get(name) or "").strip())
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
