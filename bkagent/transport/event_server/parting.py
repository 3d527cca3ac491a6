"""The end of a connection whose client is still sending: it shall read its answer instead of a reset."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bkagent.transport.event_server.event_loop import READ, EventHandler
from bkagent.transport.server.server_connection import DRAIN_S

if TYPE_CHECKING:
    from bkagent.transport.event_server.event_service import EventService, ServedConnection


class Parting(EventHandler):
    """Reads and forgets what the client sends, for a short while."""

    def __init__(self, service: EventService, conversation: ServedConnection) -> None:
        self._conversation, self._connection, self._loop = conversation, conversation.connection, service.loop
        self._left_bytes = self._connection.drain_bytes

    def fileno(self) -> int:
        """See EventHandler."""
        return self._connection.fileno()

    def begin(self) -> None:
        """Take the connection over."""
        now = self._connection.waiting_since = time.monotonic()
        try:
            self._connection.end_writing()
        except OSError:
            return self._conversation.close()
        self._loop.hand_over(self._conversation, self, READ)
        self._loop.set_end(self, now + DRAIN_S)
        return None

    def on_event(self, events: int) -> None:
        """See EventHandler."""
        try:
            discarded_bytes = self._connection.discard(self._left_bytes)
        except BlockingIOError:
            return
        except OSError:
            discarded_bytes = 0
        self._left_bytes -= discarded_bytes
        if not discarded_bytes or self._left_bytes <= 0:
            self.on_late()

    def on_late(self) -> None:
        """See EventHandler."""
        self._loop.release(self)
        self._conversation.close()
