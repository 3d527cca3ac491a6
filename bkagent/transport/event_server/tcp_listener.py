"""Where a server over TCP takes its connections from."""

from __future__ import annotations

import socket
from typing import Optional

from bkagent.errors import ConfigError
from bkagent.transport.server.server_connection import ServerConnection

BACKLOG_COUNT = 1024  # the system may allow fewer


class TcpListener:
    """A listening socket.

    address, port   where it listens, as the system says
    """

    name = "the server"

    def __init__(self, host: str, port: int) -> None:
        """Listen at `host` (port 0: any that is free). Raises ConfigError when that is not available."""
        self._socket = _listen(host, port)
        self._socket.setblocking(False)
        self.address, self.port = self._socket.getsockname()[:2]

    def accept(self) -> Optional[ServerConnection]:
        """Return a connection that has come, None for one whose client has gone already. Never waits.

        Raises BlockingIOError where none has come, and OSError.
        """
        client = self._socket.accept()[0]
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return ServerConnection(client, client.getpeername()[0], client.getsockname()[0])
        except OSError:
            client.close()
            return None

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Refuse new connections."""
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise ConfigError(f"cannot listen on {host}: {problem.strerror or problem}") from None
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # where "reuse" would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG_COUNT)
    except OSError as problem:
        listener.close()
        raise ConfigError(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
    return listener
