"""The listener of a job's server: a Unix socket that only the same user can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from bkagent.system import local_socket
from bkagent.transport.server_connection import ServerConnection

if TYPE_CHECKING:
    import _socket

_DRAIN_BYTES = 1024 * 1024  # a command writes its whole request first: it shall read why that was refused


class SocketListener:
    """A Unix socket that listens at a path."""

    name = "the job's local socket"

    def __init__(self, path: str, listening: "_socket.socket") -> None:
        self._path, self._listening = path, listening

    def accept(self) -> Optional[ServerConnection]:
        """Return the next connection. Raises OSError."""
        return ServerConnection(local_socket.accept(self._listening), drain_bytes=_DRAIN_BYTES)

    def wake(self) -> None:
        """End an `accept` that waits on another thread."""
        # Only a connection ends accept() on every system; shutting the listener down does so on Linux alone.
        try:
            local_socket.connect(self._path, 1.0).close()
        except OSError:
            pass

    def close(self) -> None:
        """Refuse new connections."""
        self._listening.close()
