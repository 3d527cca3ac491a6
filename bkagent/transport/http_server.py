"""A small HTTP/1.1 server over TCP: a thread a connection, with a bound on both, keep-alive, and limits everywhere."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable, Dict, Optional, Tuple

from bkagent.errors import ConfigError
from bkagent.transport.answer import Answer, Stream, error_answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import BadRequest, HttpError
from bkagent.transport.routing import split_target
from bkagent.transport.server_connection import Connection

CONNECTIONS_COUNT = 512  # above this the longest silent one is dropped; a client that finds that connects anew
STREAMS_COUNT = 128  # of those, as many may be streams, which are never silent
STOP_LIMIT_S = 5.0
BACKLOG_COUNT = 128

Report = Callable[[str, str], None]


class HttpServer:
    """Accepts connections and answers requests until stopped.

    `answer(request)` is called on many threads at once; it returns the answer or raises HttpError. The body is
    read only when the handler asks for it, so that a refusal costs no transfer.
    """

    def __init__(self, host: str, port: int, answer: Callable[[Request], Answer], report: Report) -> None:
        """Listen at `host` (port 0: any that is free). Raises ConfigError when that cannot be had."""
        self._answer, self._report = answer, report
        self._listener = _listen(host, port)
        self.host: str = host
        self.port: int = self._listener.getsockname()[1]
        self._changed = threading.Condition()
        self._open: Dict[Connection, None] = {}
        self._silent: Dict[Connection, None] = {}  # of the open ones, those without a whole head, oldest first
        self._streams_count = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._accept_all, name="http-server", daemon=True)

    def start(self) -> None:
        """Begin to accept, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections, end streams, let requests under way end for STOP_LIMIT_S, then cut what is left."""
        deadline = time.monotonic() + STOP_LIMIT_S
        self._stopping = True
        if self._thread.is_alive():
            _wake(self._listener)
            self._thread.join(STOP_LIMIT_S)
        self._listener.close()
        with self._changed:
            for connection in self._silent:
                connection.abort()
            running = list(self._open)
        for connection in running:
            connection.end_stream()
        with self._changed:
            while self._open and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            for connection in self._open:
                connection.abort()

    def _accept_all(self) -> None:
        while not self._stopping:
            try:
                client = self._listener.accept()[0]
            except OSError as problem:
                if self._stopping:
                    return
                self._report("warn", f"A connection could not be accepted: {problem}")
                with self._changed:
                    self._changed.wait(1.0)  # out of descriptors, say: one that ends wakes us
                continue
            self._make_room()
            self._begin(client)

    def _make_room(self) -> None:
        with self._changed:
            while len(self._open) >= CONNECTIONS_COUNT and not self._stopping:
                victim = next(iter(self._silent), None)
                if victim is not None:
                    del self._silent[victim]
                    victim.abort()
                self._changed.wait(1.0)

    def _begin(self, client: socket.socket) -> None:
        try:
            connection = Connection(client)
        except OSError:
            client.close()  # gone before we looked
            return
        with self._changed:
            self._open[connection] = None
            self._silent[connection] = None
        try:
            threading.Thread(target=self._serve, args=(connection,), name="http-client", daemon=True).start()
        except RuntimeError as problem:
            self._report("warn", f"A connection was dropped, since no thread could be had for it: {problem}")
            self._end(connection)

    def _serve(self, connection: Connection) -> None:
        try:
            while not self._stopping and self._serve_one(connection):
                pass
        except OSError:
            pass  # the client went away or was too slow; it knows
        except Exception as problem:  # the edge of one connection: whatever is wrong must not end the server
            self._report("error", f"A connection failed: {problem!r}")
        finally:
            self._end(connection)

    def _serve_one(self, connection: Connection) -> bool:
        """Answer one request; return whether the connection stays open."""
        with self._changed:
            self._silent[connection] = None
        try:
            head = connection.read_head()
        except BadRequest as problem:
            return self._part(connection, error_answer(problem), None)
        finally:
            with self._changed:
                self._silent.pop(connection, None)
        if head is None:
            return False
        try:
            path, query = split_target(head.target)
        except HttpError as problem:
            return self._part(connection, error_answer(problem), None)
        request = Request(head, connection, path, query)
        try:
            answer = self._answer_or_apology(request)
            at_next = request.finish()
        except BadRequest as problem:
            return self._part(connection, error_answer(problem), request)
        if not at_next:
            return self._part(connection, answer, request)
        return self._send(connection, answer, request, keep_alive=head.keep_alive and not self._stopping)

    def _part(self, connection: Connection, answer: Answer, request: Optional[Request]) -> bool:
        """Answer and close: what comes next on this connection is not a request."""
        self._send(connection, answer, request, keep_alive=False)
        connection.linger()
        return False

    def _send(self, connection: Connection, answer: Answer, request: Optional[Request], *, keep_alive: bool) -> bool:
        with_body = request is None or request.method != "HEAD"
        if not isinstance(answer.body, Stream) or not with_body:
            return connection.send(answer, keep_alive=keep_alive, with_body=with_body)
        with self._changed:
            free = self._streams_count < STREAMS_COUNT and not self._stopping
            self._streams_count += free
        if not free:
            busy = error_answer(HttpError(503, "as many streams are open as this server allows"))
            return connection.send(busy, keep_alive=False, with_body=True)
        try:
            return connection.send(answer, keep_alive=False, with_body=True)
        finally:
            with self._changed:
                self._streams_count -= 1

    def _answer_or_apology(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except BadRequest:
            raise
        except HttpError as problem:
            return error_answer(problem)
        except ConnectionError:
            raise  # of the client: nobody is left to answer to
        except Exception as problem:  # the edge of one request: the client is told, the server goes on
            self._report("error", f"{request.method} {request.head.target} failed: {problem!r}")
            return error_answer(HttpError(500, f"internal error: {type(problem).__name__}"))

    def _end(self, connection: Connection) -> None:
        with self._changed:
            self._open.pop(connection, None)
            self._silent.pop(connection, None)
            connection.close()
            self._changed.notify_all()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise ConfigError(f"cannot listen on {host}: {problem.strerror or problem}") from None
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # where "reuse" would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG_COUNT)
    except OSError as problem:
        listener.close()
        raise ConfigError(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
    return listener


def _wake(listener: socket.socket) -> None:
    # Only a connection ends accept() on every system; shutting the listener down does so on Linux alone.
    name = listener.getsockname()
    anywhere: Dict[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    target: Tuple[str, int] = (anywhere.get(name[0], name[0]), name[1])
    try:
        socket.create_connection(target, 1.0).close()
    except OSError:
        pass
