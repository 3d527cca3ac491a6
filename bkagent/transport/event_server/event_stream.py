"""A stream of events to one client. It costs a thread only while a piece of it is made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bkagent.transport.event_server.event_loop import READ, WRITE, EventHandler
from bkagent.transport.server import server_connection

if TYPE_CHECKING:
    from bkagent.transport.event_server.event_service import EventService, ServedConnection
    from bkagent.transport.server.answer import EventSource

_IGNORED_BYTES = 4096  # of what a client sends while it listens


class EventStream(EventHandler):
    """Sends what a source has, a piece at a time, as fast as the client takes it, after the head of its answer."""

    def __init__(
        self, service: EventService, conversation: ServedConnection, source: EventSource, is_known: bool
    ) -> None:
        self._service, self._conversation = service, conversation
        self._connection, self._loop, self._source = conversation.connection, service.loop, source
        self._is_known = is_known
        self._is_told = self._is_due = self._is_reading = False
        self._is_over = self._is_stopped = False

    def fileno(self) -> int:
        """See EventHandler."""
        return self._connection.fileno()

    def begin(self) -> None:
        """Take the connection over, and send the first piece."""
        self._loop.hand_over(self._conversation, self, READ)
        self._connection.may_wait = False
        self._connection.waiting_since = time.monotonic()
        self._service.members[self] = None
        self._source.begin(self._tell)
        self._is_told = True
        self._after_piece(True)
        if self._service.stopping:
            self.stop()

    def stop(self) -> None:
        """End the stream, whatever is still to be sent."""
        self._is_over = self._is_stopped = True
        if not self._is_reading:
            self._end()

    def on_event(self, events: int) -> None:
        """See EventHandler."""
        try:
            if events & READ and not self._connection.discard(_IGNORED_BYTES):
                return self.stop()
        except BlockingIOError:
            pass
        except OSError:
            return self.stop()
        if events & WRITE:
            self._send_on()
        return None

    def on_late(self) -> None:
        """See EventHandler."""
        if self._connection.unsent and not self._is_reading:
            return self.stop()  # the client does not keep up
        self._loop.set_end(self, time.monotonic() + self._source.heartbeat_s)
        self._is_due = self._is_told = True
        return self._feed()

    def _tell(self) -> None:
        if not self._is_told:
            self._is_told = True
            self._loop.post(self._feed)

    def _send_on(self) -> None:
        try:
            self._connection.send_on()
        except OSError:
            return self.stop()
        if not self._connection.unsent:
            self._after_piece(True)
        return None

    def _feed(self) -> None:
        """Have the next piece made, unless that is being done, or the last one is not sent yet."""
        if not self._is_reading and not self._is_over and not self._connection.unsent:
            self._is_reading, self._is_told = True, False
            self._service.work(self._read, self._end)

    def _read(self) -> None:
        """Make a piece and send what the client takes at once, on a thread."""
        is_due, self._is_due = self._is_due, False
        piece = None
        try:
            piece = self._source.read(is_due)
            if piece:
                self._connection.send_now(piece)
        except OSError:
            piece = None  # the client has gone
        except Exception as problem:  # the edge of one stream
            self._service.answering.report_defect(problem)
        self._is_over = self._is_over or piece is None
        self._loop.post(lambda: self._after_reading(bool(piece)))

    def _after_reading(self, has_sent: bool) -> None:
        self._is_reading = False
        if self._is_stopped:
            return self._end()
        return self._after_piece(has_sent)

    def _after_piece(self, has_sent: bool) -> None:
        """Wait for the client to take the rest of a piece, or for news; after a piece there may be more at once."""
        if self._connection.unsent:
            self._loop.watch(self, READ | WRITE)
            self._loop.set_end(self, time.monotonic() + server_connection.STALL_LIMIT_S)
            return None
        if self._is_over:
            return self._end()
        self._loop.watch(self, READ)
        if has_sent:
            self._loop.set_end(self, time.monotonic() + self._source.heartbeat_s)
        if has_sent or self._is_told:
            self._feed()
        return None

    def _end(self) -> None:
        if self in self._service.members:
            del self._service.members[self]
            self._service.end_stream(self._is_known)
            self._source.close()
            self._loop.release(self)
            self._conversation.close()
