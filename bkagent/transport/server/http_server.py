"""A small HTTP/1.1 server: a thread a connection, with a bound on both, keep-alive, and limits everywhere.

The process of a job has it on its local socket: it serves where connections cannot be waited for together, and few of
them. An event server (`event_server.py`) is for many.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Callable, Optional, Protocol, Union

from bkagent.transport.server.answer import Answer, error_answer
from bkagent.transport.server.answering import Answering
from bkagent.transport.server.connection_table import ConnectionTable
from bkagent.transport.server.later import Later, wait_for
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import BadRequest, HttpError
from bkagent.transport.server.server_connection import ServerConnection
from bkagent.transport.work_threads import WorkThreads

if TYPE_CHECKING:
    from bkagent.report import Report

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
        self._listener, self._report = listener, report
        self._stop_limit_s, self._stall_limit_s = stop_limit_s, stall_limit_s
        self._answering = Answering(answer, apology, report, listener.name)
        self._table = table or ConnectionTable()
        self._threads = WorkThreads()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept_all, name="http-server", daemon=True)

    def start(self) -> None:
        """Begin to accept, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections, let requests under way end for a while, then cut what is left."""
        began = time.monotonic()
        self._stopping = True
        if self._thread.is_alive():
            self._listener.wake()
            self._thread.join(self._stop_limit_s)
        self._listener.close()
        self._threads.close()
        self._table.abort_silent()
        self._table.drain(began, self._stop_limit_s, self._stall_limit_s)

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
            if connection is not None:
                self._table.wait_for_room(lambda: self._stopping)
                self._begin(connection)

    def _begin(self, connection: ServerConnection) -> None:
        self._table.add(connection)
        try:
            self._threads.put(lambda: self._serve(connection))
        except RuntimeError as problem:
            self._report("warn", f"{self._listener.name} dropped a connection, as no thread can be started: {problem}")
            self._table.remove(connection)

    def _serve(self, connection: ServerConnection) -> None:
        try:
            while not self._stopping and self._serve_one(connection):
                pass
        except OSError:
            pass  # the client went away or was too slow; it knows
        except Exception as problem:  # the edge of one connection
            self._answering.report_defect(problem)
        finally:
            self._table.remove(connection)

    def _serve_one(self, connection: ServerConnection) -> bool:
        """Answer one request; return whether the connection stays open."""
        self._table.set_silent(connection, True)
        try:
            head = connection.read_head()
        except BadRequest as problem:
            return self._answering.part(connection, self._answering.apology(problem))
        finally:
            self._table.set_silent(connection, False)
        if head is None:
            return False
        request = Request(head, connection)
        try:
            answer = self._answering.run(request, lambda: self._answering.answer(request))
            if isinstance(answer, Later):
                later = answer
                answer = self._answering.run(request, lambda: wait_for(later, request.client_is_connected))
        except BadRequest as problem:
            return self._answering.part(connection, self._answering.apology(problem), request)
        assert isinstance(answer, Answer)
        return self._answering.send(connection, request, answer, stopping=self._stopping)
