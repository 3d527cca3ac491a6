"""By sendfile(2)."""

from __future__ import annotations

import _socket as socket
import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

assert sys.platform != "win32"


def send_unread(connection: socket.socket, file: int, offset: int, size: int, patience_s: float) -> Optional[int]:
    """Send by the system; a file system that cannot, or a file that has ended, is left to who reads it."""
    connection.settimeout(patience_s)  # which leaves the socket non-blocking
    while True:
        try:
            return os.sendfile(connection.fileno(), file, offset, size) or None
        except BlockingIOError:
            _await_room(connection, patience_s)
        except ConnectionError:
            raise
        except OSError:
            return None


def _await_room(connection: socket.socket, patience_s: float) -> None:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLOUT)
    if not poller.poll(patience_s * 1000):
        raise socket.timeout("timed out")
