"""The REST API's client, as far as commands need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional
from urllib.parse import quote

from bkagent.errors import WireError
from bkagent.remote.reply import read
from bkagent.transport.http_client import Pool
from bkagent.wire import json_text

if TYPE_CHECKING:
    from bkagent.transport.request_log import RequestLog

TIMEOUT_S = 60.0


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

    def call(self, method: str, path: str, document: object = None) -> Any:
        """Return the decoded answer. Raises Unreachable, Unavailable, Refused or WireError. One try."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = b""
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json_text.dumps(document).encode("ascii") + b"\n"
        response = self._pool.request(method, path, headers, body)
        return read(f"{method} {self._root}{path}", response.status, response.headers, response.body, True).document

    def create_build(self, pipeline_slug: str, document: Mapping[str, Any]) -> Dict[str, Any]:
        """Make a build in the first organization that the token sees; return the server's form of it."""
        listed = self.call("GET", "/v2/organizations")
        if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict):
            raise WireError("the server names no organization for this token")
        organization = quote(str(listed[0].get("slug")), safe="")
        path = f"/v2/organizations/{organization}/pipelines/{quote(pipeline_slug, safe='')}/builds"
        reply = self.call("POST", path, document)
        if not isinstance(reply, dict) or "number" not in reply or "web_url" not in reply:
            raise WireError("the server's answer does not describe a build")
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
