"""An HTTP/1.1 server for thousands of connections: one thread waits for all of them, others work.

Connections without a request, with a part of one, with an answer that comes later, and event streams cost a descriptor
and some memory. A request that has come whole is answered by one of a few threads that wait for no client. Bodies and
files that are long are read and sent by a thread each.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Callable, Optional, Protocol, Union

from bkagent.transport.event_server.conversation import Conversation
from bkagent.transport.event_server.event_loop import READ, EventHandler
from bkagent.transport.event_server.event_service import BeginInstant, EventService
from bkagent.transport.server.answer import Answer, error_answer
from bkagent.transport.server.answering import Answering
from bkagent.transport.server.connection_table import ConnectionTable
from bkagent.transport.server.http_server import STOP_LIMIT_S
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError, RequestHead
from bkagent.transport.server.server_connection import ServerConnection

if TYPE_CHECKING:
    from bkagent.report import Report

_ACCEPTED_COUNT = 16  # so many new connections are taken before the others have their turn
_PAUSE_S = 1.0  # without room, or out of descriptors, say


class SelectableSource(Protocol):
    """Where connections come from that can be waited for. `name` stands in reports."""

    name: str

    def fileno(self) -> int:
        """Return the descriptor that is readable when a connection has come."""
        ...

    def accept(self) -> Optional[ServerConnection]:
        """Return a connection, None for one whose client has gone already. Raises BlockingIOError, and OSError."""
        ...

    def close(self) -> None:
        """Refuse new connections."""
        ...


class EventServer:
    """Answers requests until stopped. `answer`, `apology` and the limits are those of HttpServer.

    Where `begin_instant(head)` is not None, a request is answered on the thread that waits, and then that is called:
    such answers take no time, and on a busy machine another thread that is woken for them may get its turn tens of
    milliseconds later. Those of which `is_quick(head)` is true wait for no others.
    """

    def __init__(
        self,
        listener: SelectableSource,
        answer: Callable[[Request], Union[Answer, Later]],
        report: Report,
        *,
        apology: Callable[[HttpError], Answer] = error_answer,
        stop_limit_s: float = STOP_LIMIT_S,
        table: Optional[ConnectionTable] = None,
        begin_instant: BeginInstant = lambda head: None,
        is_quick: Callable[[RequestHead], bool] = lambda head: False,
    ) -> None:
        self._listener, self._stop_limit_s = listener, stop_limit_s
        answering = Answering(answer, apology, report, listener.name)
        table = table or ConnectionTable()
        self._service = EventService(listener.name, answering, table, report, begin_instant, is_quick)
        self._accepting = _Accepting(self._service, listener, report)
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="http-server", daemon=True)

    def start(self) -> None:
        """Begin to accept, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections, end streams, let requests under way end for a while, then cut what is left."""
        began = time.monotonic()
        if not self._thread.is_alive():
            self._listener.close()
            self._service.loop.close()
            return
        self._service.loop.post(self._stop_waiting)
        self._accepting.closed.wait(self._stop_limit_s)
        self._service.table.drain(began, self._stop_limit_s, self._stop_limit_s)
        self._service.close_threads()
        self._service.loop.post(self._end)
        self._thread.join(self._stop_limit_s)

    def _run(self) -> None:
        self._accepting.resume()
        while not self._ended:
            self._service.loop.step()
        for connection in self._service.table.all():
            self._service.table.remove(connection)
        self._service.loop.close()

    def _stop_waiting(self) -> None:
        self._service.stopping = True
        self._accepting.close()
        for member in list(self._service.members):
            member.stop()

    def _end(self) -> None:
        self._ended = True


class _Accepting(EventHandler):
    """Takes new connections while there is room for them."""

    def __init__(self, service: EventService, listener: SelectableSource, report: Report) -> None:
        self._service, self._listener, self._report = service, listener, report
        self.closed = threading.Event()
        self._at_once_count = 1  # grows while more come than were taken: to find that none is left costs as much
        service.on_room = self.resume

    def fileno(self) -> int:
        """See EventHandler."""
        return self._listener.fileno()

    def on_event(self, events: int) -> None:
        """See EventHandler."""
        room_count = self._service.table.room_count
        if not room_count:
            return self._pause()
        at_once_count, self._at_once_count = self._at_once_count, min(_ACCEPTED_COUNT, 2 * self._at_once_count)
        for _ in range(min(at_once_count, room_count)):
            try:
                connection = self._listener.accept()
            except BlockingIOError:
                self._at_once_count = 1
                return None
            except OSError as problem:
                self._report("warn", f"{self._listener.name} could not accept a connection: {problem}")
                return self._pause()
            if connection is not None:
                self._service.table.add(connection)
                Conversation(self._service, connection).begin()
        return None

    def on_late(self) -> None:
        """See EventHandler."""
        self.resume()

    def resume(self) -> None:
        """Go on."""
        if not self.closed.is_set():
            self._service.loop.watch(self, READ)

    def close(self) -> None:
        """Refuse new connections."""
        self._service.loop.watch(self, 0)
        self._listener.close()
        self.closed.set()

    def _pause(self) -> None:
        self._service.table.displace()
        self._service.loop.watch(self, 0)
        self._service.loop.set_end(self, time.monotonic() + _PAUSE_S)
