"""A small HTTP server over real sockets, with faults below the level of HTTP: silence, resets, half answers.

A request is answered by the first route that matches "METHOD /path" (without the query); a route is an answer, a
list of answers for one request after the other (the last one stays), or a function of the request.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union
from urllib.parse import unquote


class Request:
    """One request as it came."""

    def __init__(self, method: str, target: str, headers: Dict[str, str], body: bytes, connection: int) -> None:
        self.method, self.target, self.headers, self.body, self.connection = method, target, headers, body, connection
        self.path, _, self.query = target.partition("?")

    @property
    def line(self) -> str:
        """METHOD and path."""
        return f"{self.method} {self.path}"

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Answer:
    """An answer; `close` ends the connection after it without a word of warning."""

    def __init__(
        self, status: int, document: Any = None, *, body: bytes = b"", headers: Optional[Dict[str, str]] = None,
        close: bool = False,
    ) -> None:  # fmt: skip
        self.status, self.headers, self.close = status, dict(headers or {}), close
        self.body = body if document is None else json.dumps(document).encode() + b"\n"


class Raw:
    """Bytes as they are, then the end of the connection; `reset` makes it an abrupt one, `hold` is waited for first."""

    def __init__(self, data: bytes = b"", reset: bool = False, hold: Optional[threading.Event] = None) -> None:
        self.data, self.reset, self.hold = data, reset, hold


Route = Union[Answer, Raw, Tuple[int, Any], Callable[[Request], Any], List[Any]]


class ScriptedServer:
    """Use as `with ScriptedServer(routes) as server`; `server.url`, and `server.seen`, every request in order."""

    def __init__(self, routes: Optional[Dict[str, Route]] = None, tls: Optional[ssl.SSLContext] = None) -> None:
        self.routes: Dict[str, Route] = dict(routes or {})
        self.seen: List[Request] = []
        self.connections_count = 0
        self._tls = tls
        self._lock = threading.Lock()
        self._open: List[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        # Woken before the descriptor is free: else the thread might go on with the listener that has its number next.
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()  # a system that shuts no listener
        self._acceptor.join(5)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    @property
    def lines(self) -> List[str]:
        """METHOD and path of every request."""
        with self._lock:
            return [request.line for request in self.seen]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections_count += 1
                number = self.connections_count
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            stream = connection.makefile("rb")
            while True:
                request = _read(stream, number)
                if request is None or not self._answer(connection, request):
                    return
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        with self._lock:
            self.seen.append(request)
            route: Any = self.routes.get(request.line, self.routes.get("*", (404, {"message": "no such route"})))
            if isinstance(route, list):
                route = route.pop(0) if len(route) > 1 else route[0]
        if callable(route):
            route = route(request)
        if isinstance(route, tuple):
            route = Answer(*route)
        if isinstance(route, Raw):
            connection.sendall(route.data)
            if route.hold:
                route.hold.wait(60)
            if route.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        lines = [f"HTTP/1.1 {route.status} Whatever"] + [f"{name}: {value}" for name, value in route.headers.items()]
        if "Content-Length" not in route.headers and "Transfer-Encoding" not in route.headers:
            lines.append(f"Content-Length: {len(route.body)}")
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + route.body)
        return not route.close


def _read(stream: Any, number: int) -> Optional[Request]:
    line = stream.readline().decode("latin-1").strip()
    if not line:
        return None
    method, target, _ = line.split(" ")
    headers: Dict[str, str] = {}
    while True:
        field = stream.readline().decode("utf-8").strip()
        if not field:
            break
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        return Request(method, target, headers, b"".join(_chunks(stream)), number)
    size = int(headers.get("content-length", "0"))
    body = stream.read(size)
    if len(body) < size:
        return None
    return Request(method, target, headers, body, number)


def _chunks(stream: Any) -> Iterator[bytes]:
    while True:
        size = int(stream.readline().partition(b";")[0], 16)
        yield stream.read(size)
        stream.readline()
        if not size:
            return


def decoded(path: str) -> str:
    """Return a path with its escapes undone."""
    return unquote(path)
