"""One connection to a server, direct or through a proxy, with or without TLS."""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import time

from bkagent.transport.client import body as bodies
from bkagent.transport.client import tls
from bkagent.transport.client.address import Address
from bkagent.transport.client.answer_reader import AnswerReader, BadAnswer
from bkagent.transport.client.proxies import Proxy
from bkagent.transport.client.response import Headers, Response
from bkagent.transport.client.send_limit import SendLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Mapping, Optional, Tuple

    from bkagent.transport.client.answer_reader import OpenSink
    from bkagent.transport.client.body import Body

DIAL_LIMIT_S = 30.0
_SOON_S = 0.01
_NEXT_ADDRESS_AFTER_S = 5.0  # an address that does not answer must not use up the time of the others


class Deadline:
    """The time left of a request, in seconds: in total, or of a silence within it.

    silence_s  the longest silence; None where the limit is on the whole
    """

    def __init__(self, limit_s: float, whole: bool) -> None:
        self._limit_s = limit_s
        self.silence_s = None if whole else limit_s
        self._end = time.monotonic() + limit_s if whole else None

    def left_s(self) -> float:
        """Return the seconds left. Raises socket.timeout when none are left."""
        if self._end is None:
            return self._limit_s
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left


class ClientConnection:
    """A connection that carries requests one after the other. Methods but `abort` and `close` may raise OSError."""

    def __init__(self, address: Address, proxy: Optional[Proxy], environ: Mapping[str, str]) -> None:
        self._address, self._proxy, self._environ = address, proxy, environ
        self._via = proxy if address.scheme == "http" else None  # a tunnel needs no proxy talk any more
        self.used_at = time.monotonic()
        self._socket: Optional[socket.socket] = None
        self._aborted = False

    def open(self, deadline: Deadline) -> None:
        """Connect, through the proxy if there is one, and agree on TLS."""
        try:
            self._open(deadline)
        except OSError:  # errors of TLS are ValueErrors as well
            raise
        except ValueError as problem:  # of the IDNA codec, or of TLS
            raise socket.gaierror(socket.EAI_NONAME, "the host's name is not valid") from problem

    def _open(self, deadline: Deadline) -> None:
        address, proxy = self._address, self._proxy
        dial = Deadline(min(DIAL_LIMIT_S, deadline.left_s()), whole=True)
        self._dial(proxy.host if proxy else address.host, proxy.port if proxy else address.port, dial.left_s)
        assert self._socket is not None
        if address.scheme == "https":
            if proxy:
                _tunnel(self._socket, address, proxy, dial.left_s)
            self._socket.settimeout(min(tls.HANDSHAKE_LIMIT_S, deadline.left_s()))
            self._agree_on_tls(self._socket, address.host)
        self._reader = AnswerReader(self._socket)

    def exchange(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        body: Body,
        deadline: Deadline,
        sink_for: OpenSink,
    ) -> Response:
        """Send one request and return its answer. Raises OSError; BadAnswer.nothing when not a byte of one came."""
        assert self._socket is not None
        head = self._head(method, address, headers, len(body))
        left = deadline.left_s
        limit: Optional[SendLimit] = None
        try:
            if isinstance(body, bytes) and len(body) < 64 * 1024:
                bodies.send(head + body, self._socket, left)
            else:
                bodies.send(head, self._socket, left)
                if isinstance(body, bodies.FileBody) and deadline.silence_s is not None:
                    limit = SendLimit(deadline.silence_s)
                bodies.send(body, self._socket, left, limit)
            whole = True
        except OSError as problem:
            if isinstance(problem, socket.timeout):
                raise
            # A server may answer before it has read everything (413, say) and close; its answer is the better error.
            whole = False
        status, answered = self._reader.head(left) if limit is None else self._awaited_head(limit)
        data = self._reader.body(method, status, answered, left, sink_for(status, answered))
        self._reader.reusable = self._reader.reusable and whole
        self.used_at = time.monotonic()
        return Response(status, answered, data)

    def send(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> None:  # fmt: skip
        """Send one small request; `receive` returns its answer. Raises OSError."""
        assert self._socket is not None
        bodies.send(self._head(method, address, headers, len(body)) + body, self._socket, deadline.left_s)

    def receive(self, method: str, deadline: Deadline) -> Response:
        """Return the answer to what was sent. Raises as `exchange`."""
        status, answered = self._reader.head(deadline.left_s)
        data = self._reader.body(method, status, answered, deadline.left_s, None)
        self.used_at = time.monotonic()
        return Response(status, answered, data)

    def begin_nonblocking(self) -> socket.socket:
        """Return the open socket for requests of the caller's own; none of its calls will wait until `exchange`."""
        assert self._socket is not None
        self._socket.settimeout(0.0)
        return self._socket

    def _awaited_head(self, limit: SendLimit) -> Tuple[int, Headers]:
        """Return the head of the answer, for which nobody can say how long the rest of a body is under way to it."""
        assert self._socket is not None
        while True:
            try:
                return self._reader.head(lambda: limit.look_s)
            except socket.timeout:
                limit.check(self._socket)

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        return self._reader.reusable

    def is_dead(self) -> bool:
        """Say, without waiting, whether the server has ended this idle connection."""
        return self._reader.idle_is_dead()

    def abort(self) -> None:
        """End the connection from another thread, even while it is being opened; a thread that waits on it wakes."""
        self._aborted = True
        try:
            if self._socket is not None:
                self._socket.settimeout(_SOON_S)  # for one that is about to connect, which no shutdown stops
                # Not TLS's own shutdown, which takes away what another thread is reading by.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def _dial(self, host: str, port: int, time_left: Callable[[], float]) -> None:
        # As bytes, since the interpreter runs text through the IDNA codec and loads its tables for it.
        name = host.encode("ascii") if host.isascii() else host
        addresses = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        problem: Optional[OSError] = None
        for number, (family, kind, protocol, _, where) in enumerate(addresses):
            last = number + 1 == len(addresses)
            self._socket = socket.socket(family, kind, protocol)
            try:
                self._socket.settimeout(time_left() if last else min(_NEXT_ADDRESS_AFTER_S, time_left()))
                self._check_wanted()
                self._socket.connect(where)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return
            except OSError as why:
                self._socket.close()
                problem = why
        raise problem or OSError("no such host")

    def _agree_on_tls(self, connected: socket.socket, host: str) -> None:
        context = tls.context(self._environ)
        secured = context.wrap_socket(  # it asks for no more than a plain socket has, and takes its place
            connected,  # type: ignore[arg-type]
            server_hostname=host,
            do_handshake_on_connect=False,
        )
        self._socket = secured  # before the handshake, which a server may leave unanswered: `abort` ends that as well
        self._check_wanted()
        secured.do_handshake()

    def _check_wanted(self) -> None:
        """Raise OSError once aborted. To be called when the socket is there: `abort` looks for it last."""
        if self._aborted:
            raise OSError("the connection was cancelled")

    def _head(self, method: str, address: Address, headers: Mapping[str, str], size: int) -> bytes:
        lines = [head_start(method, address.url if self._via else address.target, address, headers)]
        if self._via and self._via.authorization:
            lines.append(f"Proxy-Authorization: {self._via.authorization}".encode("utf-8", "surrogateescape"))
        if size or method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d" % size)
        return b"\r\n".join(lines) + b"\r\n\r\n"


def head_start(method: str, target: str, address: Address, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request up to, and without, the end of the last line that does not depend on its body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {address.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _tunnel(through: socket.socket, address: Address, proxy: Proxy, time_left: Callable[[], float]) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines: List[str] = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    through.settimeout(time_left())
    through.sendall("\r\n".join(lines).encode("ascii", "replace") + b"\r\n\r\n")
    reader = AnswerReader(through)
    status, headers = reader.head(time_left)
    if status // 100 != 2:
        raise ProxyRefused(f"the proxy {proxy.shown} answered {status} to CONNECT", status)
    if reader.has_pending:
        raise BadAnswer(f"the proxy {proxy.shown} sent bytes before the TLS handshake")


class ProxyRefused(OSError):
    """The proxy did not open a tunnel; `status` is its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
