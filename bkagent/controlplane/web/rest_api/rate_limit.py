"""The headers by which clients learn how many requests they have left: here always all of them, as none is refused."""

from __future__ import annotations

import time
from typing import Callable

from bkagent.controlplane.web.context import Site
from bkagent.transport.answer import Answer, Headers
from bkagent.transport.request import Request

# The reference service's limits of an organization and of a user, in requests a minute.
_BUCKETS = (("RateLimit", "rest", 200), ("RateLimit-User", "rest_user", 50))
_WINDOW_S = 60


def telling(handler: Callable[[Site, Request], Answer]) -> Callable[[Site, Request], Answer]:
    """Return a handler whose answers have the headers."""
    return lambda site, request: handler(site, request).with_headers(_headers())


def _headers() -> Headers:
    left_s = _WINDOW_S - int(time.time()) % _WINDOW_S
    headers: Headers = ()
    for prefix, scope, count in _BUCKETS:
        headers += (
            (f"{prefix}-Scope", scope), (f"{prefix}-Limit", str(count)), (f"{prefix}-Remaining", str(count)),
            (f"{prefix}-Reset", str(left_s)),
        )  # fmt: skip
    return headers
