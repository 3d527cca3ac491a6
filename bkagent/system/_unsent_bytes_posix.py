"""By what Linux and macOS know of a socket; FreeBSD and others are not asked."""

from __future__ import annotations

import _socket as socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_SO_NWRITE = 0x1024  # sys/socket.h of macOS: bytes in the send buffer


def unacknowledged_bytes(connection: socket.socket) -> Optional[int]:
    """Return what is in the send buffer: it is kept there until it is acknowledged."""
    try:
        if sys.platform.startswith("linux"):
            import fcntl
            import struct
            import termios

            # SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ.
            return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
        if sys.platform == "darwin":
            return connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    except OSError:
        pass
    return None
