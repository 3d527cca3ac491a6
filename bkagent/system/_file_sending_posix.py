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

_SETTINGS = "/proc/sys/net/"
_UNKNOWN_LIMIT_BYTES = 64 * 1024 * 1024  # more than other systems have, and than Linux has by itself


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
        except (OSError, AttributeError):  # OpenBSD has no such call
            return None


def buffered_limit_bytes() -> int:
    """Return what Linux is set to, tcp(7) and socket(7): 10 MB up to 6.15, 36 MB from 6.16 on, more by administrators.

    A program that sets the size of a buffer gets twice of what it says, at most of the limit in `core`.
    """
    try:
        return sum(max(_setting(f"ipv4/tcp_{name}"), 2 * _setting(f"core/{name}_max")) for name in ("rmem", "wmem"))
    except (OSError, ValueError, IndexError):
        return _UNKNOWN_LIMIT_BYTES


def _setting(name: str) -> int:
    """Return the last number of a setting of the network, 0 where this network of a container does not show it."""
    try:
        with open(_SETTINGS + name, "rb") as file:
            return int(file.read().split()[-1])
    except FileNotFoundError:
        if name.startswith("core/"):
            return 0
        raise


def _await_room(connection: socket.socket, patience_s: float) -> None:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLOUT)
    if not poller.poll(patience_s * 1000):
        raise socket.timeout("timed out")
