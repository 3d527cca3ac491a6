"""The client of a command inside a job: through the job's local socket. On the short path.

The job's process keeps a connection to the control plane open and passes requests on with the job's own token, so that
a command opens no TLS. Without that socket, or when it serves another endpoint or token, the command connects itself.
"""

from bkagent.errors import ConfigError, Unreachable
from bkagent.redaction import outbound
from bkagent.remote import escaping, local_http, reply, request_headers
from bkagent.wire import json_text, upstream_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Mapping, Optional, Tuple

    from bkagent.remote.client import Client
    from bkagent.remote.reply import Reply
    from bkagent.transport.client.request_log import RequestLog

DEFAULT_TIMEOUT_S = 60.0
_LOCAL_MARGIN_S = 10.0  # the job's process gives up first, so that its reason arrives


def connect(
    endpoint: str,
    token: str,
    environ: "Mapping[str, str]",
    request_log: "Optional[RequestLog]" = None,
    scrub: "Optional[Callable[[str], str]]" = None,
    is_endpoint_given: bool = True,
) -> "InJobClient":
    """Return a client of `endpoint` for one command.

    `environ` says where the local socket is, if there is one. `scrub` takes out what must not leave the job.
    An endpoint that is only the default is not asked of the socket, which may serve another one: containers get the
    job's token and socket, but mostly not its endpoint.
    """
    return InJobClient(endpoint, token, environ, request_log, scrub, is_endpoint_given)


class InJobClient:
    """Calls like `remote.client.Client`, through the local socket if there is one."""

    __slots__ = ("endpoint", "token", "_environ", "_request_log", "_socket", "_direct", "_scrub", "_served_endpoint")

    def __init__(
        self,
        endpoint: str,
        token: str,
        environ: "Mapping[str, str]",
        request_log: "Optional[RequestLog]" = None,
        scrub: "Optional[Callable[[str], str]]" = None,
        is_endpoint_given: bool = True,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._served_endpoint = self.endpoint if is_endpoint_given else upstream_protocol.JOB_ENDPOINT
        self.token = token
        self._environ = environ
        self._request_log = request_log
        self._scrub = scrub
        self._socket = environ.get(upstream_protocol.SOCKET_VARIABLE, "")
        self._direct: "Optional[Client]" = None

    def call(
        self,
        method: str,
        path: str,
        *,
        document: object = None,
        query: "Optional[Mapping[str, str]]" = None,
        headers: "Optional[Mapping[str, str]]" = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        expects_json: bool = False,
    ) -> "Reply":
        """Send one request, once. Raises as `Client.call` does."""
        if self._socket:
            target, sent = path + (f"?{escaping.query(query)}" if query else ""), document
            if self._scrub is not None:
                sent = outbound.clean_document(target, document, self._scrub)
                target = outbound.clean_target(target, self._scrub)
            answer = self._through_socket(method, target, sent, headers or {}, timeout_s, expects_json)
            if answer is not None:
                return answer
            self._socket = ""
        return self.direct().call(
            method,
            path,
            document=document,
            query=query,
            headers=headers,
            timeout_s=timeout_s,
            expects_json=expects_json,
        )

    @property
    def that_connects(self) -> "Optional[Client]":
        """The client that connects to the control plane; None where the job's process may pass requests on."""
        return None if self._socket else self.direct()

    def direct(self) -> "Client":
        """Return a client that connects by itself, for what does not go through the socket."""
        if self._direct is None:
            self._direct = connect_directly(self.endpoint, self.token, self._environ, self._request_log, self._scrub)
        return self._direct

    def _through_socket(
        self,
        method: str,
        target: str,
        document: object,
        headers: "Mapping[str, str]",
        timeout_s: float,
        expects_json: bool,
    ) -> "Optional[Reply]":
        """Return the control plane's answer, or None if the socket does not serve this request."""
        sent = self._local_headers({**request_headers.from_environ(self._environ), **headers}, timeout_s)
        body = b""
        if document is not None:
            body = json_text.dumps(document).encode("ascii") + b"\n"
            sent["Content-Type"] = "application/json"
        what = f"{method} {escaping.without_user(self.endpoint)}/{target}"
        logged = None if self._request_log is None else self._request_log.begin(what, sent)
        try:
            status, answered, data = local_http.exchange(
                self._socket, method, upstream_protocol.PREFIX + target, sent, body, timeout_s + _LOCAL_MARGIN_S
            )
        except (local_http.NoSocket, Unreachable) as problem:
            if logged is not None:
                logged.failed(str(problem))
            if isinstance(problem, local_http.NoSocket):
                return None
            raise
        if logged is not None:
            logged.answered(status, answered.items(), via="job-api")
        verdict = answered.get(upstream_protocol.UNREACHABLE_HEADER)
        if verdict is not None:
            raise Unreachable(_error(data) or what, may_retry=verdict != "final")
        if answered.get(upstream_protocol.PASSED_ON_HEADER) is None:
            return None
        return reply.read(what, status, answered, data, expects_json)

    @property
    def is_of_job(self) -> bool:
        """Whether a job's process may pass requests on."""
        return bool(self._socket)

    def store(
        self, method: str, url: str, content_type: str, body: bytes, timeout_s: float
    ) -> "Optional[Tuple[int, Mapping[str, str], bytes]]":
        """Send a small artifact by the job's connection to its storage; return (status, headers, body) of the answer.

        None where nothing was answered, so that the caller may connect itself.
        """
        if not self._socket:
            return None
        sent = self._local_headers({"Content-Type": content_type, upstream_protocol.URL_HEADER: url}, timeout_s)
        try:
            status, answered, data = local_http.exchange(
                self._socket, method, upstream_protocol.STORAGE, sent, body, timeout_s + _LOCAL_MARGIN_S
            )
        except (local_http.NoSocket, ConfigError, Unreachable):  # ConfigError: of a URL that no header can hold
            return None
        if answered.get(upstream_protocol.PASSED_ON_HEADER) is None:
            return None
        return status, dict(answered.items()), data

    def _local_headers(self, headers: "Mapping[str, str]", timeout_s: float) -> "Dict[str, str]":
        """Return headers with what the job's process must know to pass a request on."""
        return {
            **headers,
            "Authorization": "Bearer " + self._environ.get(upstream_protocol.TOKEN_VARIABLE, ""),
            upstream_protocol.ENDPOINT_HEADER: self._served_endpoint,
            upstream_protocol.TOKEN_HEADER: self.token,
            upstream_protocol.TIMEOUT_HEADER: f"{timeout_s:g}",
        }


def connect_directly(
    endpoint: str,
    token: str,
    environ: "Mapping[str, str]",
    request_log: "Optional[RequestLog]" = None,
    scrub: "Optional[Callable[[str], str]]" = None,
) -> "Client":
    """Return a client that connects by itself, with the request headers that the job was given."""
    from bkagent.remote.client import Client
    from bkagent.system import host

    return Client(
        endpoint, token, environ=environ, user_agent=host.user_agent(),
        request_headers=request_headers.from_environ(environ), request_log=request_log, scrub=scrub,
    )  # fmt: skip


def _error(data: bytes) -> str:
    try:
        document = json_text.loads(data)
    except (ValueError, UnicodeDecodeError):
        return ""
    return str(document.get("error", "")) if isinstance(document, dict) else ""
