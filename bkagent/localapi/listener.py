"""Serves HTTP on a listening Unix socket, a thread a connection, with a bound on both."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Callable, Dict, Optional

from bkagent.localapi.connection import Answer, Connection, error_answer
from bkagent.system import local_socket
from bkagent.transport.request_head import BadRequest, RequestHead

if TYPE_CHECKING:
    import _socket

    from bkagent.report import Report

CONNECTIONS_COUNT = 64  # a job's commands come one or a few at a time; above this the longest silent one is dropped
STOP_LIMIT_S = 10.0


class Listener:
    """Accepts connections and answers requests until stopped.

    `admit(head)` returns None to go on or the answer that refuses the request before its body is read;
    `answer(head, body)` returns the answer. Both are called on many threads at once.
    """

    def __init__(
        self,
        listener: "_socket.socket",
        path: str,
        admit: Callable[[RequestHead], Optional[Answer]],
        answer: Callable[[RequestHead, bytes], Answer],
        report: Report,
    ) -> None:
        self._listener, self._path, self._report = listener, path, report
        self._admit, self._answer = admit, answer
        self._changed = threading.Condition()
        self._open: Dict[Connection, None] = {}
        self._silent: Dict[Connection, None] = {}  # of the open ones, those without a whole head, oldest first
        self._stopping = False
        self._thread = threading.Thread(target=self._accept_all, name="local-api", daemon=True)

    def start(self) -> None:
        """Begin to accept, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections, let requests under way end for at most STOP_LIMIT_S, then cut what is left."""
        deadline = time.monotonic() + STOP_LIMIT_S
        self._stopping = True
        self._wake()
        self._thread.join(STOP_LIMIT_S)
        self._listener.close()
        with self._changed:
            for connection in self._silent:
                connection.abort()
            while self._open and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            for connection in self._open:
                connection.abort()

    def _wake(self) -> None:
        # Only a connection ends accept() on every system; shutting the listener down does so on Linux alone.
        try:
            local_socket.connect(self._path, 1.0).close()
        except OSError:
            pass

    def _accept_all(self) -> None:
        while not self._stopping:
            try:
                connection = Connection(local_socket.accept(self._listener))
            except OSError as problem:
                if self._stopping:
                    return
                self._report("warn", f"The job's local socket could not accept a connection: {problem}")
                with self._changed:
                    self._changed.wait(1.0)  # out of descriptors, say: one that ends wakes us
                continue
            self._make_room()
            self._begin(connection)

    def _make_room(self) -> None:
        with self._changed:
            while len(self._open) >= CONNECTIONS_COUNT and not self._stopping:
                victim = next(iter(self._silent), None)
                if victim is not None:
                    del self._silent[victim]
                    victim.abort()
                self._changed.wait(1.0)

    def _begin(self, connection: Connection) -> None:
        with self._changed:
            self._open[connection] = None
            self._silent[connection] = None
        try:
            threading.Thread(target=self._serve, args=(connection,), name="local-api-client", daemon=True).start()
        except RuntimeError as problem:
            self._report("warn", f"The job's local socket dropped a connection: {problem}")
            self._end(connection)

    def _serve(self, connection: Connection) -> None:
        try:
            while not self._stopping and self._serve_one(connection):
                pass
        except OSError:
            pass  # the client went away or was too slow; it knows
        except Exception as problem:  # the edge of one connection: whatever is wrong must not end the service
            self._report("error", "A request to the job's local socket failed by an internal error")
            sys.excepthook(type(problem), problem, problem.__traceback__)
        finally:
            self._end(connection)

    def _serve_one(self, connection: Connection) -> bool:
        """Answer one request; return whether the connection stays open."""
        with self._changed:
            self._silent[connection] = None
        try:
            head = connection.read_head()
            with self._changed:
                self._silent.pop(connection, None)
            if head is None:
                return False
            refusal = self._admit(head)
            if refusal is None:
                body = connection.read_body(head)
                keep_alive = head.keep_alive and not self._stopping
                connection.send(self._answer_or_apology(head, body), keep_alive=keep_alive)
                return keep_alive
        except BadRequest as problem:
            refusal = error_answer(problem.status, str(problem))
        connection.send(refusal, keep_alive=False)
        connection.linger()
        return False

    def _answer_or_apology(self, head: RequestHead, body: bytes) -> Answer:
        try:
            return self._answer(head, body)
        except Exception as problem:  # the edge of one request: the client is told, the job goes on
            self._report("error", f"{head.method} {head.target} on the job's local socket failed by an internal error")
            sys.excepthook(type(problem), problem, problem.__traceback__)
            return error_answer(500, f"internal error: {type(problem).__name__}")

    def _end(self, connection: Connection) -> None:
        with self._changed:
            self._open.pop(connection, None)
            self._silent.pop(connection, None)
            connection.close()
            self._changed.notify_all()
