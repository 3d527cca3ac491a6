"""Unix sockets on Windows: the system has them since 2018, Python does not offer them.

The promises are in local_socket.py.
"""

import _socket

_ABSENT = "this Python offers no Unix sockets on Windows"


def available() -> bool:
    """Say whether there are Unix sockets here."""
    return False


def longest_path_bytes() -> int:
    """Return the longest path of a socket, in bytes."""
    return 107


def listen(path: str, backlog_count: int) -> "_socket.socket":
    """Return a socket that listens at `path`. Raises OSError."""
    raise OSError(_ABSENT)


def accept(listener: "_socket.socket") -> "_socket.socket":
    """Return the next connection. Raises OSError."""
    raise OSError(_ABSENT)


def connect(path: str, timeout_s: float) -> "_socket.socket":
    """Return a socket connected to `path`. Raises OSError."""
    raise OSError(_ABSENT)


def is_own_user(connection: "_socket.socket") -> bool:
    """Return whether the other end is this user; never asked, as there are no connections."""
    return False
