"""An HTTP/1.1 client with a pool of kept-alive connections. Knows no jobs and no tokens.

Go's client, which servers of this protocol expect, is the model: proxies, redirects and limits of time are its.
"""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import errno
import threading
import time
from functools import partial

from bkagent.errors import AgentError, ConfigError, Unreachable
from bkagent.transport.client.address import Address, join, parse, resolve
from bkagent.transport.client.answer_reader import BadAnswer
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.connection import ClientConnection, Deadline, ProxyRefused
from bkagent.transport.client.opening_pace import OpeningPace
from bkagent.transport.client.proxies import Proxies
from bkagent.transport.client.response import Headers, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Mapping, Optional, Set, Tuple

    from bkagent.transport.client.answer_reader import OpenSink, Sink
    from bkagent.transport.client.body import Body
    from bkagent.transport.client.request_log import RequestLog

REDIRECTS_COUNT = 10
IDLE_LIMIT_S = 90.0  # servers and middleboxes drop idle connections; past this age a new one is cheaper than a surprise
IDLE_COUNT = 32
# Headers that belong to the server they were meant for and stay behind when a redirect leads to another one: another
# host, another port of it (another program, of another user perhaps), or another scheme.
_PRIVATE_HEADERS = ("authorization", "cookie", "proxy-authorization")
_NEVER_IN_VALUES = frozenset("\r\n\0")
_NEVER_IN_NAMES = _NEVER_IN_VALUES | frozenset(": ")
# Whoever sends them twice changes no more than by sending them once. RFC 9110, section 9.2.2.
_IDEMPOTENT = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"))


class Lent:
    """A connection that a caller has from the pool for a while. `is_new`: it has not carried a request yet."""

    __slots__ = ("address", "connection", "is_new")

    def __init__(self, address: Address, connection: ClientConnection, is_new: bool) -> None:
        self.address, self.connection, self.is_new = address, connection, is_new


class Pool:
    """Sends requests to one endpoint, and to absolute URLs, over kept-alive connections. Thread-safe."""

    def __init__(
        self,
        endpoint: str,
        environ: Mapping[str, str],
        *,
        timeout_s: float = 60.0,
        request_log: "Optional[RequestLog]" = None,
    ) -> None:
        """Connect later. `request_log` hears of every request. Raises ConfigError for a malformed endpoint."""
        self._origin = parse(endpoint, "endpoint").origin
        self._endpoint, self._environ, self._timeout_s = endpoint, environ, timeout_s
        self._request_log = request_log
        self._proxies = Proxies(environ)
        self._openings = OpeningPace()
        self._lock = threading.Lock()
        self._idle: Dict[Tuple[str, str, int], List[ClientConnection]] = {}
        self._busy: Set[ClientConnection] = set()
        self._closed = False

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        timeout_s: Optional[float] = None,
    ) -> Response:
        """Send one request and return its answer, whatever its status.

        `path` is below the endpoint, already escaped, and may hold a query. `timeout_s` is for the whole of it, body
        included. Raises Unreachable when no answer came; `may_retry` is false where another try cannot help.
        """
        deadline = Deadline(self._timeout_s if timeout_s is None else timeout_s, whole=True)
        return self._follow(method, join(self._endpoint, path), headers, body, deadline, None, True)

    def request_url(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        *,
        timeout_s: Optional[float] = None,
        sink: Optional[Sink] = None,
        open_sink: Optional[OpenSink] = None,
        follow_redirects: bool = True,
    ) -> Response:
        """Send one request to an absolute URL and return its answer.

        The body of a 2xx answer goes to `sink` piece by piece where there is one, or to the sink that
        `open_sink(status, headers)` returns. `timeout_s` is the longest silence, since a transfer may take any time.
        Raises as `request`, and AgentError when a file cannot be read.
        """
        deadline = Deadline(self._timeout_s if timeout_s is None else timeout_s, whole=False)
        if sink is not None:
            return self._follow(method, url, headers, body, deadline, lambda status, headers: sink, follow_redirects)
        return self._follow(method, url, headers, body, deadline, open_sink, follow_redirects)

    def is_direct(self, address: Address) -> bool:
        """Return whether requests there go through no proxy, and nobody wants to hear of each.

        A proxy that cannot be used is one: `request_url` says what is wrong with it.
        """
        try:
            return self._request_log is None and self._proxies.proxy_for(address) is None
        except ConfigError:
            return False

    def lend(self, address: Address, timeout_s: float) -> Lent:
        """Return an open connection for requests of the caller's own, which gives it back to `take_back`.

        The caller paces openings itself. A lent connection is closed with the others. Raises OSError and AgentError.
        """
        connection, is_new = self._take(address)
        lent = Lent(address, connection, is_new)
        if not is_new:
            return lent
        is_open = False
        try:
            connection.open(Deadline(timeout_s, whole=False))
            is_open = True
        finally:
            if not is_open:
                self.take_back(lent, reusable=False)
        return lent

    def lend_idle(self, address: Address) -> Optional[Lent]:
        """Return a connection as `lend` does where one is there, None else, and where each request is reported."""
        if self._request_log is not None:
            return None
        connection = self._take_idle(address)
        return None if connection is None else Lent(address, connection, is_new=False)

    def take_back(self, lent: Lent, reusable: bool) -> None:
        """Take a connection back, to keep it if it carries no request and may carry another one."""
        lent.connection.used_at = time.monotonic()
        self._give_back(lent.address, lent.connection, reusable)

    def close(self) -> None:
        """Close every connection. A request that is under way ends with Unreachable."""
        with self._lock:
            self._closed = True
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
            busy = list(self._busy)
        for connection in busy:
            connection.abort()
        for connection in idle:
            connection.close()

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        deadline: Deadline,
        open_sink: Optional[OpenSink],
        follow: bool,
    ) -> Response:
        address = parse(url)
        sent = checked_headers(headers)
        for _ in range(REDIRECTS_COUNT + 1):
            send = partial(self._send, method, address, sent, body, deadline, open_sink)
            response = self._send_logged(method, address, sent, send)
            location = response.headers.get("location")
            if not follow or location is None or response.status not in (301, 302, 303, 307, 308):
                return response
            if response.status in (301, 302) and isinstance(body, FileBody):
                return response  # as GET, without the file, it might succeed, and nothing would have been stored
            try:
                target = resolve(address, location)
            except ConfigError as problem:
                raise Unreachable(f"{method} {address.shown}: {problem}", may_retry=False) from problem
            if response.status in (301, 302, 303) and method not in ("GET", "HEAD"):
                method, body = "GET", b""
                sent = {name: value for name, value in sent.items() if not name.lower().startswith("content-")}
            if target.origin != address.origin:
                sent = {name: value for name, value in sent.items() if name.lower() not in _PRIVATE_HEADERS}
            address = target
        raise Unreachable(f"{method} {address.shown}: stopped after {REDIRECTS_COUNT} redirects", may_retry=False)

    def _send_logged(
        self, method: str, address: Address, headers: Mapping[str, str], send: Callable[[], Response]
    ) -> Response:
        """Return the response of `send`; log the request if enabled."""
        if self._request_log is None:
            return send()
        shown = address.url if address.origin == self._origin else address.shown
        logged = self._request_log.begin(f"{method} {shown}", headers)
        try:
            response = send()
        except AgentError as problem:
            logged.failed(str(problem))
            raise
        logged.answered(response.status, response.headers.items())
        return response

    def _send(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        body: Body,
        deadline: Deadline,
        open_sink: Optional[OpenSink],
    ) -> Response:
        def sink_for(status: int, headers: Headers) -> Optional[Sink]:
            return open_sink(status, headers) if open_sink is not None and 200 <= status < 300 else None

        try:
            while True:
                connection, is_new = self._take(address)
                counted = is_new and self._openings.begin()
                whole = False
                try:
                    if is_new:
                        connection.open(deadline)
                    response = connection.exchange(method, address, headers, body, deadline, sink_for)
                    whole = True
                    return response
                except BadAnswer as problem:
                    # The server has probably just closed the idle connection without seeing this request. As it
                    # may have seen it, only a caller can know whether to send what is not idempotent again.
                    if is_new or not problem.nothing or self._closed or method not in _IDEMPOTENT:
                        raise
                finally:
                    self._openings.end(counted)
                    self._give_back(address, connection, whole and connection.reusable)
        except OSError as problem:
            raise unreachable(f"{method} {address.shown}", problem) from problem

    def _take(self, address: Address) -> Tuple[ClientConnection, bool]:
        proxy = self._proxies.proxy_for(address)
        connection = self._take_idle(address)
        if connection is not None:
            return connection, False
        return self._busy_with(address, ClientConnection(address, proxy, self._environ)), True

    def _take_idle(self, address: Address) -> Optional[ClientConnection]:
        while True:
            with self._lock:
                if self._closed:
                    raise Unreachable(f"{address.shown}: the connections were closed", may_retry=False)
                kept = self._idle.get(address.origin)
                connection = kept.pop() if kept else None
            if connection is None:
                return None
            if time.monotonic() - connection.used_at < IDLE_LIMIT_S and not connection.is_dead():
                return self._busy_with(address, connection)
            connection.close()

    def _busy_with(self, address: Address, connection: ClientConnection) -> ClientConnection:
        with self._lock:
            if not self._closed:
                self._busy.add(connection)
                return connection
        connection.close()
        raise Unreachable(f"{address.shown}: the connections were closed", may_retry=False)

    def _give_back(self, address: Address, connection: ClientConnection, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            kept = self._idle.setdefault(address.origin, [])
            if reusable and not self._closed and len(kept) < IDLE_COUNT:
                kept.append(connection)
                return
        connection.close()


def checked_headers(headers: Mapping[str, str]) -> Dict[str, str]:
    """Return the headers to send; raises ConfigError for one that would end its line early."""
    for name, value in headers.items():
        if not name or not (_NEVER_IN_NAMES.isdisjoint(name) and _NEVER_IN_VALUES.isdisjoint(value)):
            raise ConfigError(f"the request header {name!r} has characters that a header cannot have")
    sent = dict(headers)
    if not any(name.lower() == "accept-encoding" for name in sent):
        sent["Accept-Encoding"] = "gzip"
    return sent


_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by peer",
    errno.EPIPE: "connection reset by peer",
    errno.ETIMEDOUT: "connection timed out",
}


def unreachable(what: str, problem: OSError) -> Unreachable:
    """Return the error in the usual words of the protocol; failures of certificates and proxies are final."""
    if isinstance(problem, socket.gaierror):
        return Unreachable(f"{what}: no such host ({problem.strerror})")
    if isinstance(problem, socket.timeout):
        return Unreachable(f"{what}: timed out")
    if isinstance(problem, ProxyRefused):
        return Unreachable(f"{what}: {problem}", may_retry=problem.status >= 500 or problem.status == 429)
    verify_message = getattr(problem, "verify_message", None)
    if verify_message:
        return Unreachable(f"{what}: the server's certificate is not trusted: {verify_message}", may_retry=False)
    words = _WORDS.get(problem.errno or 0) or problem.strerror or str(problem) or type(problem).__name__
    return Unreachable(f"{what}: {words}")
