"""The Agent API of the archive's server, called by hand: with any token, for any job."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import Any, Dict, Optional, Tuple

from tests.whole.site import Site

WAIT_S = 60.0


class Caller:
    """One kept-alive connection to a site's server."""

    def __init__(self, site: Site) -> None:
        netloc = urllib.parse.urlsplit(site.url).netloc
        self._connection = http.client.HTTPConnection(netloc, timeout=WAIT_S)
        self.address = (self._connection.host, self._connection.port)
        self._tokens = {name: _text(path) for name, path in (("agent", site.agent_token), ("api", site.api_token))}

    @property
    def registration(self) -> str:
        return self._tokens["agent"]

    @property
    def api(self) -> str:
        return self._tokens["api"]

    def call(
        self, method: str, path: str, token: str = "", document: Any = None, body: Optional[bytes] = None,
        scheme: str = "Token", **headers: str,
    ) -> Tuple[int, Any]:  # fmt: skip
        """Return the status and the document (or the bytes) of an answer."""
        sent: Dict[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"{scheme} {token}"
        data = json.dumps(document).encode("ascii") if document is not None else body
        self._connection.request(method, path, data, sent)
        answer = self._connection.getresponse()
        content = answer.read()
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(content) if is_json else content

    def build(self, pipeline: str, *steps: Any) -> Any:
        """Create a build; return it."""
        document = {"branch": "main", "commit": "HEAD", "repository": "/r.git", "pipeline": {"steps": list(steps)}}
        path = f"/v2/organizations/local/pipelines/{pipeline}/builds"
        status, build = self.call("POST", path, self.api, document, scheme="Bearer")
        assert status == 201, build
        return build

    def shown(self, build: Any, what: str = "") -> Any:
        """Return a build, or a list that belongs to it, as the REST API gives it."""
        path = f"/v2/organizations/local/pipelines/{build['pipeline']['slug']}/builds/{build['number']}{what}"
        status, document = self.call("GET", path, self.api, scheme="Bearer")
        assert status == 200, document
        return document

    def session(self, *tags: str) -> str:
        """Register and connect an agent; return its token."""
        document = {"name": "agent", "hostname": "host", "arch": "amd64", "version": "3.138.3", "meta_data": list(tags)}
        status, registered = self.call("POST", "/v3/register", self.registration, document)
        assert status == 200, registered
        assert self.call("POST", "/v3/connect", registered["access_token"])[0] == 200
        return str(registered["access_token"])

    def begin(self, job_id: str, session: str) -> str:
        """Let an agent take a job and start it; return the job's token."""
        status, accepted = self.call("PUT", f"/v3/jobs/{job_id}/acquire", session)
        assert status == 200, accepted
        started = {"started_at": "2026-01-01T00:00:00Z"}
        assert self.call("PUT", f"/v3/jobs/{job_id}/start", accepted["token"], started)[0] == 200
        return str(accepted["token"])

    def finish(self, job_id: str, token: str) -> None:
        assert self.call("PUT", f"/v3/jobs/{job_id}/finish", token, {"exit_status": "0"})[0] == 200


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()
