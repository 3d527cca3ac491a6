"""A small HTTP/1.1 server: a thread a connection, with a bound on both, keep-alive, and limits everywhere.

The control plane has it on a TCP port, the process of a job on a Unix socket.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Callable, Optional, Protocol, Union

from bkagent.report import Report
from bkagent.transport.answer import Answer, Stream, error_answer
from bkagent.transport.connection_table import ConnectionTable
from bkagent.transport.later import Later, Parked, wait_for
from bkagent.transport.request import Request
from bkagent.transport.request_head import BadRequest, HttpError
from bkagent.transport.server_connection import ServerConnection
from bkagent.transport.serving_threads import ServingThreads

STREAMS_COUNT = 128  # as many connections may be streams, which never end by themselves
STRANGERS_STREAMS_COUNT = 16  # those of clients that have shown no token, which take no place of the others'
STOP_LIMIT_S = 5.0


class ConnectionSource(Protocol):
    """Where connections come from. `name` stands in reports."""

    name: str

    def accept(self) -> Optional[ServerConnection]:
        """Wait for a connection; return None for one whose client has gone already. Raises OSError."""
        ...

    def wake(self) -> None:
        """End an `accept` that waits on another thread."""
        ...

    def close(self) -> None:
        """Refuse new connections."""
        ...


class HttpServer:
    """Accepts connections and answers requests until stopped.

    `answer(request)` is called on many threads at once; it returns the answer, or one that comes later, or raises
    HttpError. The body is read only when the handler asks for it, so that a refusal costs no transfer. `apology` words
    what is wrong. At the end requests under way get `stop_limit_s`, those whose client is waited for only
    `stall_limit_s`.
    """

    def __init__(
        self,
        listener: ConnectionSource,
        answer: Callable[[Request], Union[Answer, Later]],
        report: Report,
        *,
        apology: Callable[[HttpError], Answer] = error_answer,
        stop_limit_s: float = STOP_LIMIT_S,
        stall_limit_s: float = STOP_LIMIT_S,
        table: Optional[ConnectionTable] = None,
    ) -> None:
        self._listener, self._answer, self._report = listener, answer, report
        self._apology, self._stop_limit_s, self._stall_limit_s = apology, stop_limit_s, stall_limit_s
        self._table = table or ConnectionTable()
        self._streams_count = {True: 0, False: 0}  # of those who have shown a token, and of those who have not
        self._threads = ServingThreads(self._serve)
        self._stopping = False
        self._thread = threading.Thread(target=self._accept_all, name="http-server", daemon=True)

    def start(self) -> None:
        """Begin to accept, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections, end streams, let requests under way end for a while, then cut what is left."""
        began = time.monotonic()
        deadline = began + self._stop_limit_s
        self._stopping = True
        if self._thread.is_alive():
            self._listener.wake()
            self._thread.join(self._stop_limit_s)
        self._listener.close()
        self._threads.close()
        self._table.abort_silent()
        for connection in self._table.all():
            connection.end_stream()
        with self._table.changed:
            while self._table.all() and time.monotonic() < deadline:
                self._table.abort_stalled(began, self._stall_limit_s)
                self._table.changed.wait(min(self._stall_limit_s, max(0.0, deadline - time.monotonic())))
            for connection in self._table.all():
                connection.abort()

    def _accept_all(self) -> None:
        while not self._stopping:
            try:
                connection = self._listener.accept()
            except OSError as problem:
                if self._stopping:
                    return
                self._report("warn", f"{self._listener.name} could not accept a connection: {problem}")
                self._table.displace()
                with self._table.changed:
                    self._table.changed.wait(1.0)  # out of descriptors, say: one that ends wakes us
                continue
            if connection is None:
                continue
            if connection.hold is not None:
                self._serve(connection)
            else:
                self._table.wait_for_room(lambda: self._stopping)
                self._begin(connection)

    def _begin(self, connection: ServerConnection) -> None:
        connection.on_owner = lambda owner: self._table.set_owner(connection, owner)
        self._table.add(connection)
        try:
            self._threads.begin(connection)
        except RuntimeError as problem:
            self._report("warn", f"{self._listener.name} dropped a connection, as no thread can be started: {problem}")
            self._table.remove(connection)

    def _serve(self, connection: ServerConnection) -> None:
        is_held = False
        try:
            # What was parked has its answer by now, which is sent also when the server is about to stop.
            while (connection.parked or not self._stopping) and not is_held and self._serve_one(connection):
                is_held = connection.hold is not None
        except OSError:
            pass  # the client went away or was too slow; it knows
        except Exception as problem:  # the edge of one connection: whatever is wrong must not end the server
            self._report("error", f"a connection to {self._listener.name} failed by an internal error")
            sys.excepthook(type(problem), problem, problem.__traceback__)
        finally:
            if is_held and connection.hold is not None:
                connection.hold(connection)
            else:
                self._table.remove(connection)

    def _serve_one(self, connection: ServerConnection) -> bool:
        """Answer one request; return whether the connection stays open."""
        parked, connection.parked = connection.parked, None
        if parked is not None:
            return parked.respond()
        self._table.set_silent(connection, True)
        try:
            head = connection.read_head()
        except BadRequest as problem:
            return self._part(connection, self._apology(problem), None)
        finally:
            self._table.set_silent(connection, False)
        if head is None:
            return False
        request = Request(head, connection)
        return self._respond(connection, request, lambda: self._answer(request))

    def _respond(
        self, connection: ServerConnection, request: Request, make_answer: Callable[[], Union[Answer, Later]]
    ) -> bool:
        """Answer a request, or leave it to its later answer; return whether the connection stays open."""
        try:
            answer = self._answer_or_apology(request, make_answer)
            if isinstance(answer, Later):
                later = answer
                if connection.hold is not None:
                    connection.parked = Parked(later, lambda: self._respond(connection, request, later.take))
                    return True
                answer = self._answer_or_apology(request, lambda: wait_for(later, request.client_is_connected))
        except BadRequest as problem:
            return self._part(connection, self._apology(problem), request)
        assert isinstance(answer, Answer)
        connection.set_owner(request.owner)
        # Who has shown no token has one request a connection: many in a row would take the others' share of the server.
        goes_on = request.head.keep_alive and not self._stopping and bool(request.owner)
        if not goes_on and request.is_read:
            return self._send(connection, answer, request, keep_alive=False)
        if not goes_on or not request.is_skippable:
            return self._part(connection, answer, request)
        # The answer goes first: a client that owes us a body does not hold it up.
        return self._send(connection, answer, request, keep_alive=True) and request.skip()

    def _part(self, connection: ServerConnection, answer: Answer, request: Optional[Request]) -> bool:
        """Answer and close: what comes next on this connection is not a request."""
        self._send(connection, answer, request, keep_alive=False)
        connection.linger()
        return False

    def _send(
        self, connection: ServerConnection, answer: Answer, request: Optional[Request], *, keep_alive: bool
    ) -> bool:
        with_body = request is None or request.method != "HEAD"
        if not isinstance(answer.body, Stream):
            return connection.send(answer, keep_alive=keep_alive, with_body=with_body)
        if not with_body:
            answer.body.wake()  # it will not run
            return connection.send(answer, keep_alive=False, with_body=False)
        is_known = bool(connection.owner)
        with self._table.changed:
            limit = STREAMS_COUNT if is_known else STRANGERS_STREAMS_COUNT
            is_free = self._streams_count[is_known] < limit and not self._stopping
            self._streams_count[is_known] += is_free
        if not is_free:
            answer.body.wake()
            busy = self._apology(HttpError(503, "too many event streams are open"))
            return connection.send(busy, keep_alive=False, with_body=True)
        try:
            return connection.send(answer, keep_alive=False, with_body=True)
        finally:
            with self._table.changed:
                self._streams_count[is_known] -= 1

    def _answer_or_apology(
        self, request: Request, make_answer: Callable[[], Union[Answer, Later]]
    ) -> Union[Answer, Later]:
        try:
            return make_answer()
        except BadRequest:
            raise
        except HttpError as problem:
            return self._apology(problem)
        except ConnectionError:
            raise  # of the client: it is gone and gets no answer
        except RecursionError:
            return self._apology(HttpError(400, "the request is nested too deeply"))
        except Exception as problem:  # the edge of one request: the client is told, the server goes on
            path = request.head.target.partition("?")[0]  # a query may hold a secret
            self._report("error", f"{request.method} {path} on {self._listener.name} failed by an internal error")
            sys.excepthook(type(problem), problem, problem.__traceback__)
            return self._apology(HttpError(500, f"internal error: {type(problem).__name__}"))
