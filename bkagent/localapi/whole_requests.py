"""A listener of a Unix socket that gives a connection out once its request has come, and holds it cheaply until then.

One thread looks after all connections that send nothing, or slowly, and after those whose answers come later: each
costs a descriptor. Requests that need no long answer are answered on that thread as well: on a busy machine another one
that is woken for them may get its turn tens of milliseconds later.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Callable, Deque, Dict, List, Optional, Tuple

from bkagent.localapi.socket_listener import SocketListener
from bkagent.system.descriptors import descriptors_count
from bkagent.transport.later import Later
from bkagent.transport.request_head import BadRequest, HttpError, RequestHead, parse_head
from bkagent.transport.server_connection import HEAD_LIMIT_S, ServerConnection

if TYPE_CHECKING:
    import _socket

_LONGEST_BYTES = 64 * 1024  # what is longer is read by a thread of its own, which knows the limits
_BELL_BYTES = 4096
_SPARE_COUNT = 64  # how many entries of answered requests there may be among those that are due
_HELD_COUNT = 512  # of these, or of half of what may be open, the oldest is ended for another one


class WholeRequestListener(SocketListener):
    """`is_instant(head)` says which requests are answered from what has come, without waiting for anything."""

    def __init__(
        self, path: str, listening: _socket.socket, name: str, is_instant: Callable[[RequestHead], bool]
    ) -> None:
        super().__init__(path, listening, name, own_users_only=True)  # type: ignore[arg-type]
        self._is_instant = is_instant
        listening.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._listening_fd = listening.fileno()
        self._selector.register(self._listening_fd, selectors.EVENT_READ)
        # By descriptor, the oldest first: each with the moment when it is ended.
        self._held: Dict[int, Tuple[ServerConnection, float]] = {}
        self._ready: List[ServerConnection] = []  # those whose next request came along with their last one
        self._parked: Dict[int, ServerConnection] = {}  # by descriptor
        self._known: Deque[Tuple[ServerConnection, Later]] = deque()  # those of the parked whose answers are known
        self._due: List[Tuple[float, int, ServerConnection, Later]] = []  # a heap: when they must be answered
        self._parkings_count = 0
        self._others_first = False  # so that a thousand answers at once keep no ping waiting
        self._bell, self._ringer = socket.socketpair()  # for answers that become known on another thread
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread_id = 0
        self._held_most = min(_HELD_COUNT, descriptors_count() // 2)

    def accept(self) -> Optional[ServerConnection]:
        """Return a connection whose request, or answer, has come, or None for one that has gone. Raises OSError."""
        self._thread_id = threading.get_ident()
        while True:
            connection = None if self._others_first else self._next_answerable()
            if connection is not None:
                self._others_first = True
                return connection
            self._others_first = False
            if self._ready:
                return self._examine(self._ready.pop())
            self._end_late()
            for key, _ in self._selector.select(0 if self._known else self._patience_s()):
                if key.fd == self._listening_fd:
                    return self._receive(self._accept_new())
                if key.fd in self._held:
                    return self._receive(self._let_go(key.fd))
                if key.fd in self._parked:
                    self._look_at_parked(key.fd)
                elif key.fileobj is self._bell:
                    self._bell.recv(_BELL_BYTES)

    def _hold(self, connection: ServerConnection) -> None:
        """Look after a connection until it sends its next request."""
        while len(self._held) >= self._held_most:
            self._end(next(iter(self._held)))
        fd = connection.fileno()
        self._held[fd] = connection, time.monotonic() + HEAD_LIMIT_S
        self._selector.register(fd, selectors.EVENT_READ)

    def close(self) -> None:
        """Refuse new connections, and end those that are held, with their answers where those are known."""
        for connection, later in self._known:
            if _is_parked(connection, later):
                _answer_at_last(connection, later)
        for fd in list(self._held):
            self._end(fd)
        for connection in (*self._ready, *self._parked.values()):
            connection.close()
        self._selector.close()
        self._bell.close()
        self._ringer.close()
        super().close()

    def _accept_new(self) -> Optional[ServerConnection]:
        try:
            return super().accept()
        except BlockingIOError:
            return None
        except OSError:
            if not self._held:
                raise
            self._end(next(iter(self._held)))  # out of descriptors, say
            return None

    def _receive(self, connection: Optional[ServerConnection]) -> Optional[ServerConnection]:
        """Return the connection if its request is whole; hold it if more must come."""
        if connection is None:
            return None
        if not connection.collect():
            connection.close()
            return None
        return self._examine(connection)

    def _examine(self, connection: ServerConnection) -> Optional[ServerConnection]:
        connection.hold = None
        pending = connection.pending
        end = pending.find(b"\r\n\r\n")
        if end < 0 and len(pending) < _LONGEST_BYTES:
            self._hold(connection)
            return None
        try:
            head = parse_head(pending[: max(0, end)].lstrip(b"\r\n"))
        except BadRequest:
            return connection  # which is what its thread will say
        if head.body_bytes is None or head.expects_continue or end + 4 + head.body_bytes > _LONGEST_BYTES:
            return connection
        if len(pending) < end + 4 + head.body_bytes:
            self._hold(connection)
            return None
        connection.hold = self._take_back if self._is_instant(head) else None
        return connection

    def _take_back(self, connection: ServerConnection) -> None:
        if connection.parked is not None:
            self._park(connection, connection.parked.later)
        elif connection.pending:
            self._ready.append(connection)
        else:
            self._hold(connection)

    def _park(self, connection: ServerConnection, later: Later) -> None:
        """Hold a connection until its answer is known or due, or its client has gone."""
        self._parked[connection.fileno()] = connection
        self._selector.register(connection.fileno(), selectors.EVENT_READ)
        if later.deadline_s is not None:
            if len(self._due) > 2 * len(self._parked) + _SPARE_COUNT:
                self._due = [entry for entry in self._due if _is_parked(entry[2], entry[3])]
                heapq.heapify(self._due)
            self._parkings_count += 1
            heapq.heappush(self._due, (later.deadline_s, self._parkings_count, connection, later))
        later.on_known(lambda: self._note_known(connection, later))

    def _note_known(self, connection: ServerConnection, later: Later) -> None:
        self._known.append((connection, later))
        if threading.get_ident() != self._thread_id:
            try:
                self._ringer.send(b"!")
            except OSError:
                pass  # it has rung already, or the server has stopped

    def _next_answerable(self) -> Optional[ServerConnection]:
        """Return a connection whose later answer can be taken now."""
        while self._known:
            connection, later = self._known.popleft()
            if self._unpark(connection, later):
                return connection
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, connection, later = heapq.heappop(self._due)
            if self._unpark(connection, later):
                return connection
        return None

    def _unpark(self, connection: ServerConnection, later: Later) -> bool:
        """Hold a parked connection no longer; False if it has gone, or has been answered already."""
        if not _is_parked(connection, later):
            return False
        fd = connection.fileno()
        del self._parked[fd]
        self._unwatch(fd)
        return True

    def _look_at_parked(self, fd: int) -> None:
        connection = self._parked[fd]
        self._unwatch(fd)
        if connection.collect():
            return  # it sends its next request already, which is looked at after the answer
        del self._parked[fd]
        parked, connection.parked = connection.parked, None
        if parked is not None:
            parked.later.give_up()
        connection.close()

    def _unwatch(self, fd: int) -> None:
        try:
            self._selector.unregister(fd)
        except KeyError:
            pass

    def _patience_s(self) -> Optional[float]:
        ends = [entry[0] for entry in self._due[:1]]
        if self._held:
            ends.append(next(iter(self._held.values()))[1])
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _end_late(self) -> None:
        while self._held:
            fd, (_, deadline) = next(iter(self._held.items()))
            if deadline > time.monotonic():
                return
            self._end(fd)

    def _end(self, fd: int) -> None:
        self._let_go(fd).close()

    def _let_go(self, fd: int) -> ServerConnection:
        connection, _ = self._held.pop(fd)
        self._selector.unregister(fd)
        return connection


def _answer_at_last(connection: ServerConnection, later: Later) -> None:
    try:
        connection.send(later.take(), keep_alive=False, with_body=True)
    except (OSError, HttpError):
        pass


def _is_parked(connection: ServerConnection, later: Later) -> bool:
    return connection.parked is not None and connection.parked.later is later
