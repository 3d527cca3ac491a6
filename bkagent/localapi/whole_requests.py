"""A listener of a Unix socket that gives a connection out once its request has come, and holds it cheaply until then.

One thread looks after all connections that send nothing, or slowly: each costs a descriptor. Requests that need not
wait for anything are answered on that thread as well: on a busy machine another one that is woken for them may get its
turn tens of milliseconds later.
"""

from __future__ import annotations

import selectors
import time
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from bkagent.localapi.socket_listener import SocketListener
from bkagent.system.descriptors import descriptors_count
from bkagent.transport.request_head import BadRequest, RequestHead, parse_head
from bkagent.transport.server_connection import HEAD_LIMIT_S, ServerConnection

if TYPE_CHECKING:
    import _socket

_LONGEST_BYTES = 64 * 1024  # what is longer is read by a thread of its own, which knows the limits
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
        self._held_most = min(_HELD_COUNT, descriptors_count() // 2)

    def accept(self) -> Optional[ServerConnection]:
        """Return a connection whose request has come, or None for one that has gone. Raises OSError."""
        while True:
            if self._ready:
                return self._examine(self._ready.pop())
            self._end_late()
            for key, _ in self._selector.select(self._patience_s()):
                if key.fd == self._listening_fd:
                    return self._receive(self._accept_new())
                if key.fd in self._held:
                    return self._receive(self._let_go(key.fd))

    def _hold(self, connection: ServerConnection) -> None:
        """Look after a connection until it sends its next request."""
        while len(self._held) >= self._held_most:
            self._end(next(iter(self._held)))
        fd = connection.fileno()
        self._held[fd] = connection, time.monotonic() + HEAD_LIMIT_S
        self._selector.register(fd, selectors.EVENT_READ)

    def close(self) -> None:
        """Refuse new connections, and end those that are held."""
        for fd in list(self._held):
            self._end(fd)
        for connection in self._ready:
            connection.close()
        self._selector.close()
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
        if connection.pending:
            self._ready.append(connection)
        else:
            self._hold(connection)

    def _patience_s(self) -> Optional[float]:
        for _, deadline in self._held.values():
            return max(0.0, deadline - time.monotonic())
        return None

    def _end_late(self) -> None:
        while self._patience_s() == 0.0:
            self._end(next(iter(self._held)))

    def _end(self, fd: int) -> None:
        self._let_go(fd).close()

    def _let_go(self, fd: int) -> ServerConnection:
        connection, _ = self._held.pop(fd)
        self._selector.unregister(fd)
        return connection
