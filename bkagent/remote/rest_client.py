"""The REST API's client, as far as commands need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional
from urllib.parse import quote, urlencode

from bkagent.errors import WireError
from bkagent.remote.reply import read
from bkagent.transport.http_client import Pool
from bkagent.wire import json_text

if TYPE_CHECKING:
    from bkagent.transport.request_log import RequestLog

TIMEOUT_S = 60.0
_PER_PAGE, _MOST_PAGES = 100, 1000


class RestClient:
    """Calls one server with one API token."""

    def __init__(
        self, endpoint: str, token: str, environ: Mapping[str, str], request_log: "Optional[RequestLog]" = None
    ) -> None:
        """Connect at the first call. Raises ConfigError for an endpoint that is no URL."""
        root = endpoint.rstrip("/")
        for ending in ("/v2", "/v3"):  # people copy either of the two
            root = root[: -len(ending)] if root.endswith(ending) else root
        self._root, self._token = root, token
        self._pool = Pool(root, environ, timeout_s=TIMEOUT_S, request_log=request_log)

    def call(self, method: str, path: str, document: object = None, *, has_document: bool = True) -> Any:
        """Return the decoded answer, None without `has_document`.

        Raises Unreachable, Unavailable, Refused or WireError. One try.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = b""
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json_text.dumps(document).encode("ascii") + b"\n"
        response = self._pool.request(method, path, headers, body)
        return read(
            f"{method} {self._root}{path}", response.status, response.headers, response.body, has_document
        ).document

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
