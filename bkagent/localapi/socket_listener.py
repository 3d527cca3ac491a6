"""The listener of a local server: a socket that only the same user can reach."""

from __future__ import annotations

from typing import Optional

from bkagent.system import local_socket
from bkagent.transport.server.server_connection import ServerConnection

_DRAIN_BYTES = 1024 * 1024  # a command writes its whole request first: it shall read why that was refused


class SocketListener:
    """A local socket that listens at a path. `own_users_only` closes connections of users but this one and root."""

    def __init__(
        self,
        path: str,
        listening: local_socket.Listener,
        name: str = "the job's local socket",
        *,
        own_users_only: bool = False,
    ) -> None:
        self.name = name
        self._path, self._listening, self._own_users_only = path, listening, own_users_only

    def accept(self) -> Optional[ServerConnection]:
        """Return the next connection, or None for one that was closed, being of another user. Raises OSError."""
        client = local_socket.accept(self._listening)
        if self._own_users_only and not local_socket.is_own_user(client):
            client.close()
            return None
        return ServerConnection(client, drain_bytes=_DRAIN_BYTES)

    def fileno(self) -> int:
        """Return the socket's descriptor; only where sockets are selectable."""
        return self._listening.fileno()  # type: ignore[attr-defined,unused-ignore,no-any-return]

    def wake(self) -> None:
        """End an `accept` that waits on another thread."""
        local_socket.end_accept(self._listening, self._path)

    def close(self) -> None:
        """Refuse new connections."""
        self._listening.close()
