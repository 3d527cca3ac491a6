"""The REST API's client, as far as commands need it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional
from urllib.parse import quote, urlencode

from bkagent.errors import WireError
from bkagent.remote.reply import read
from bkagent.remote.rest import rate_limits
from bkagent.transport.client.http_client import Pool
from bkagent.transport.client.response import Headers, Response
from bkagent.wire import json_text

if TYPE_CHECKING:
    from bkagent.report import Report
    from bkagent.transport.client.request_log import RequestLog

TIMEOUT_S = 60.0
_PER_PAGE, _MOST_PAGES = 100, 1000
# A request that is over the rate limit had no effect: it is sent again, so often, after so long at most.
_MOST_TRIES, _LONGEST_WAIT_S = 4, 120.0


class RestClient:
    """Calls one server with one API token. `requests_count`: how many requests it has sent."""

    def __init__(
        self, endpoint: str, token: str, environ: Mapping[str, str], report: Report,
        request_log: "Optional[RequestLog]" = None,
    ) -> None:  # fmt: skip
        """Connect at the first call. Raises ConfigError for an endpoint that is no URL."""
        root = endpoint.rstrip("/")
        for ending in ("/v2", "/v3"):  # people copy either of the two
            root = root[: -len(ending)] if root.endswith(ending) else root
        self._root, self._token, self._report = root, token, report
        self.requests_count = 0
        self._last_headers = Headers()
        self._pool = Pool(root, environ, timeout_s=TIMEOUT_S, request_log=request_log)

    def call(self, method: str, path: str, document: object = None, *, has_document: bool = True) -> Any:
        """Return the decoded answer, None without `has_document`.

        Raises Unreachable, Unavailable, Refused or WireError. It tries again only where the rate limit is exceeded.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = b""
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json_text.dumps(document).encode("ascii") + b"\n"
        for tries_left in reversed(range(_MOST_TRIES)):
            response = self._request(method, path, headers, body)
            pause_s = rate_limits.wait_s(response.headers)
            if response.status != 429 or not tries_left or pause_s > _LONGEST_WAIT_S:
                break
            self._report("warn", f"the rate limit of {self._root} is exceeded: trying again in {pause_s:.0f} s")
            time.sleep(pause_s)
        what = f"{method} {self._root}{path}"
        return read(what, response.status, response.headers, response.body, has_document).document

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        self.requests_count += 1
        response = self._pool.request(method, path, headers, body)
        self._last_headers = response.headers
        return response

    def pace_s(self, requests_count: int) -> float:
        """Return how long to wait before so many more requests, as the rate limits of the last answer have it."""
        return rate_limits.pace_s(self._last_headers, requests_count)

    def organization_path(self, slug: str = "") -> str:
        """Return the path of an organization, by default of the first one that the token sees. Raises as `call`."""
        if not slug:
            listed = self.call("GET", "/v2/organizations")
            if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict):
                raise WireError("the server names no organization for this token")
            slug = str(listed[0].get("slug"))
        return f"/v2/organizations/{quote(slug, safe='')}"

    def every(self, path: str, query: Mapping[str, str]) -> List[Dict[str, Any]]:
        """Return the objects of all pages of a list. Raises as `call`."""
        objects: List[Dict[str, Any]] = []
        for number in range(1, _MOST_PAGES + 1):
            page_query = urlencode({**query, "page": number, "per_page": _PER_PAGE})
            listed = self.call("GET", f"{path}?{page_query}")
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise WireError("the server's answer is not a list")
            objects += listed
            if len(listed) < _PER_PAGE:
                break
        return objects

    def create_build(self, pipeline_slug: str, document: Mapping[str, Any]) -> Dict[str, Any]:
        """Make a build in the first organization that the token sees; return the server's form of it."""
        path = f"{self.organization_path()}/pipelines/{quote(pipeline_slug, safe='')}/builds"
        reply = self.call("POST", path, document)
        if not isinstance(reply, dict) or "number" not in reply or "web_url" not in reply:
            raise WireError("the server's answer does not describe a build")
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
