"""The client of the Agent API: calls with the token, the headers and the errors of the protocol."""

from __future__ import annotations

from bkagent.errors import WireError
from bkagent.named_tuple import NamedTuple
from bkagent.redaction import outbound
from bkagent.remote import escaping
from bkagent.remote.reply import Reply, read
from bkagent.remote.request_headers import acceptable
from bkagent.transport.client.address import Address, join, parse
from bkagent.transport.client.connection import head_start
from bkagent.transport.client.http_client import Pool, checked_headers
from bkagent.wire import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Mapping, Optional, Tuple

    from bkagent.transport.client.request_log import RequestLog
    from bkagent.transport.client.small_answer import SmallAnswer

DEFAULT_TIMEOUT_S = 60.0


def timeout(left_s: float) -> Dict[str, str]:
    """Return the header that tells the server how long its answer is of use; none where that is not known."""
    milliseconds = int(left_s * 1000)
    return {"Buildkite-Timeout-Milliseconds": str(milliseconds)} if milliseconds > 0 else {}


class PreparedRequest(NamedTuple):
    """A request as it goes over the wire. `name` is what it is called in messages."""

    address: Address
    data: bytes
    name: str

    def read(self, answer: SmallAnswer) -> Reply:
        """Return the answer, which shall be JSON, as a Reply. Raises as `Client.call`."""
        try:
            headers = answer.headers()
        except OSError as problem:
            raise WireError(f"{self.name}: {problem}") from problem
        return read(self.name, answer.status, headers, answer.body, expects_json=True)


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
        target, sent, data = self.request_of(path, document, query, headers, body, content_type)
        response = self.pool.request(method, target, sent, data, timeout_s=timeout_s)
        return read(self.name_of(method, target), response.status, response.headers, response.body, expects_json)

    @property
    def that_connects(self) -> Client:
        """Itself, which connects to the control plane."""
        return self

    def prepare(self, method: str, path: str, *, document: object, headers: Mapping[str, str]) -> PreparedRequest:
        """Return a request with a JSON document as it goes over the wire, for a loop that sends many of them."""
        target, sent, data = self.request_of(path, document, None, headers, None, None)
        sent["Accept-Encoding"] = "identity"  # loops read answers that are not coded
        address = parse(join(self.endpoint, target))
        head = head_start(method, address.target, address, checked_headers(sent))
        whole = head + b"\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        return PreparedRequest(address, whole, self.name_of(method, target))

    def request_of(
        self,
        path: str,
        document: object,
        query: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        content_type: Optional[str] = None,
    ) -> Tuple[str, Dict[str, str], bytes]:
        """Return target, headers and body of a request, without secrets."""
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
        return target, sent, body or b""

    def name_of(self, method: str, target: str) -> str:
        """Return what errors call a request."""
        return f"{method} {escaping.without_user(self.endpoint)}/{target}"

    def _like(self, endpoint: str, token: str, pool: Optional[Pool]) -> Client:
        return Client(
            endpoint, token, environ=self._environ, user_agent=self.user_agent, request_headers=self._headers,
            request_log=self.request_log, pool=pool, scrub=self._scrub,
        )  # fmt: skip
