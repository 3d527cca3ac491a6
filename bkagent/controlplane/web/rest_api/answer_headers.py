"""The headers of every answer of the REST API.

Clients learn by them how many requests they have left: here always all, as none is refused. Browsers let the pages of
other sites use the API: every call needs a token, which those pages have to know.
"""

from __future__ import annotations

import time
from typing import Callable

from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, Headers, error_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

# The reference service's limits of an organization and of a user, in requests a minute.
_BUCKETS = (("RateLimit", "rest", 200), ("RateLimit-User", "rest_user", 50))
_WINDOW_S = 60
_SHARING = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "Link"))
_PREFLIGHT = (("Access-Control-Allow-Headers", "Authorization, Content-Type"), ("Access-Control-Max-Age", "600"))


def telling(handler: Callable[[Site, Request], Answer]) -> Callable[[Site, Request], Answer]:
    """Return a handler whose answers have the headers."""
    return lambda site, request: handler(site, request).with_headers(_SHARING + _limits())


def refusal(request: Request, problem: HttpError) -> Answer:
    """Return the answer to a request that is refused; to a browser that asks which methods a path has, those."""
    allowed = dict(problem.headers).get("Allow")
    if request.method == "OPTIONS" and problem.status == 405 and allowed:
        return Answer(204, headers=(*_SHARING, ("Access-Control-Allow-Methods", allowed), *_PREFLIGHT))
    limits = _limits() if problem.status != 401 else ()  # which is nobody's request
    return error_answer(problem).with_headers(_SHARING + limits)


def _limits() -> Headers:
    left_s = _WINDOW_S - int(time.time()) % _WINDOW_S
    headers: Headers = ()
    for prefix, scope, count in _BUCKETS:
        headers += (
            (f"{prefix}-Scope", scope), (f"{prefix}-Limit", str(count)), (f"{prefix}-Remaining", str(count)),
            (f"{prefix}-Reset", str(left_s)),
        )  # fmt: skip
    return headers
