"""A limit on how long a connection may stand still while a body is sent and until its answer comes.

A slow line is not a line that stands still. A system takes megabytes into its send buffer at once, and at 10 KB/s
nothing more for minutes then, so that neither a write nor the answer shows that bytes arrive. The buffer does: it
holds what the other side has not acknowledged.
"""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import time

from bkagent.system.unsent_bytes import unacknowledged_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_LOOKS_COUNT = 8  # within the limit


class SendLimit:
    """Asked after each `look_s` seconds in which nothing could be written or read."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s, self.look_s = limit_s, limit_s / _LOOKS_COUNT
        self._moved_at = time.monotonic()
        self._unacknowledged: Optional[int] = None

    def note_written(self) -> None:
        """Note that the system has taken bytes."""
        self._moved_at, self._unacknowledged = time.monotonic(), None

    def check(self, connection: socket.socket) -> None:
        """Raise socket.timeout if nothing has been acknowledged for the limit."""
        now, unacknowledged = time.monotonic(), unacknowledged_bytes(connection)
        before, self._unacknowledged = self._unacknowledged, unacknowledged
        if unacknowledged is not None and before is not None and unacknowledged < before:
            self._moved_at = now
        elif now - self._moved_at >= self._limit_s:
            raise socket.timeout("timed out")
