"""The client of the Agent API: calls with the token, the headers and the errors of the protocol."""

from __future__ import annotations

from bkagent.redaction import outbound
from bkagent.remote import escaping
from bkagent.remote.reply import Reply, read
from bkagent.remote.request_headers import acceptable
from bkagent.transport.client.http_client import Pool
from bkagent.wire import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Mapping, Optional

    from bkagent.transport.client.request_log import RequestLog

DEFAULT_TIMEOUT_S = 60.0


def timeout(left_s: float) -> Dict[str, str]:
    """Return the header that tells the server how long its answer is of use; none where that is not known."""
    milliseconds = int(left_s * 1000)
    return {"Buildkite-Timeout-Milliseconds": str(milliseconds)} if milliseconds > 0 else {}


class Client:
    """Calls one endpoint with one token. Thread-safe but for `request_headers`, which is replaced as a whole."""

    def __init__(
        self,
        endpoint: str,
        token: str,
        *,
        environ: Mapping[str, str],
        user_agent: str,
        request_headers: Optional[Mapping[str, str]] = None,
        request_log: "Optional[RequestLog]" = None,
        pool: Optional[Pool] = None,
        scrub: Optional[Callable[[str], str]] = None,
    ) -> None:
        """Connect at the first call. Raises ConfigError for a bad endpoint.

        `request_log` hears of every request. `scrub` takes out what must not leave a job.
        """
        self.endpoint, self.token, self.user_agent = endpoint.rstrip("/"), token, user_agent
        self.request_log = request_log
        self._environ, self._scrub = environ, scrub
        self._headers: Dict[str, str] = acceptable(request_headers or {})
        self.pool = pool or Pool(endpoint, environ, timeout_s=DEFAULT_TIMEOUT_S, request_log=request_log)

    @property
    def request_headers(self) -> Mapping[str, str]:
        """Headers that the control plane wants on every request; only names that start with "Buildkite-" are kept."""
        return self._headers

    @request_headers.setter
    def request_headers(self, headers: Mapping[str, str]) -> None:
        self._headers = acceptable(headers)

    def with_token(self, token: str) -> Client:
        """Return a client of the same endpoint with another token; both share their connections."""
        return self._like(self.endpoint, token, self.pool)

    def with_endpoint(self, endpoint: str) -> Client:
        """Return a client of another endpoint with the same token."""
        same = endpoint.rstrip("/") == self.endpoint
        return self._like(endpoint, self.token, self.pool if same else None)

    def close(self) -> None:
        """Close the connections, also those of clients made from this one by `with_token`."""
        self.pool.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        document: object = None,
        query: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        body: Optional[bytes] = None,
        content_type: Optional[str] = None,
        expects_json: bool = False,
    ) -> Reply:
        """Send one request, once. `path` is escaped already; `document` goes as JSON, `body` as it is.

        Raises Unreachable without an answer, Unavailable for 429 and 5xx, Refused for other errors, WireError for a
        2xx without JSON where it is expected.
        """
        target = path + (f"?{escaping.query(query)}" if query else "")
        if self._scrub is not None:
            document = outbound.clean_document(target, document, self._scrub)
            target = outbound.clean_target(target, self._scrub)
        # Without Accept a proxy in between may answer with a page.
        sent: Dict[str, str] = {"User-Agent": self.user_agent, "Accept": "application/json"}
        sent.update(self._headers)
        sent.update(headers or {})
        if self.token:
            sent["Authorization"] = f"Token {self.token}"
        if document is not None:
            body, content_type = json_text.dumps(document).encode("ascii") + b"\n", "application/json"
        if content_type:
            sent["Content-Type"] = content_type
        response = self.pool.request(method, target, sent, body or b"", timeout_s=timeout_s)
        what = f"{method} {escaping.without_user(self.endpoint)}/{target}"
        return read(what, response.status, response.headers, response.body, expects_json)

    def _like(self, endpoint: str, token: str, pool: Optional[Pool]) -> Client:
        return Client(
            endpoint, token, environ=self._environ, user_agent=self.user_agent, request_headers=self._headers,
            request_log=self.request_log, pool=pool, scrub=self._scrub,
        )  # fmt: skip
