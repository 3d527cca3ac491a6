"""Unix sockets by the C module `_socket`; the promises are in local_socket.py."""

import _socket
import os
import sys
import time

from bkagent.errors import ConfigError
from bkagent.system import trusted_path

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

LIES_IN_FOLDER = True
IS_SELECTABLE = True
_FULL_PAUSE_S = 0.005
_XUCRED_BYTES = 76
# By system: level, option and size of the answer, and where the user's number is in that. Sources: unix(7) of Linux;
# LOCAL_PEERCRED and struct xucred of macOS and FreeBSD; LOCAL_PEEREID of NetBSD; SO_PEERCRED of OpenBSD.
_PEER_OPTIONS = {
    "linux": (_socket.SOL_SOCKET, getattr(_socket, "SO_PEERCRED", 17), 12, 4),
    "darwin": (0, 1, _XUCRED_BYTES, 4),
    "freebsd": (0, 1, _XUCRED_BYTES, 4),
    "netbsd": (0, 3, 12, 4),
    "openbsd": (0xFFFF, 0x1022, 12, 0),
}


def available() -> bool:
    """Say whether there are Unix sockets here."""
    return hasattr(_socket, "AF_UNIX")


def longest_path_bytes() -> int:
    """Return the longest path of a socket, in bytes."""
    # sun_path holds 108 bytes on Linux and 104 elsewhere, one of them for the closing NUL.
    return 107 if sys.platform == "linux" else 103


def new_address(folder: str, name: str) -> str:
    """Return the path of a socket that is called `name` in a folder."""
    return os.path.join(folder, name)


def listen(path: str, backlog_count: int) -> "_socket.socket":
    """Return a socket that listens at `path`. Raises OSError."""
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(backlog_count)
    except OSError:
        listener.close()
        raise
    return listener


def accept(listener: "_socket.socket") -> "_socket.socket":
    """Return the next connection. Raises OSError."""
    descriptor, _ = listener._accept()  # type: ignore[attr-defined]
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, descriptor)


def _connect(connection: "_socket.socket", path: str, deadline: float) -> None:
    """Connect, waiting for room among those who wait to be accepted: the system does not wait for that itself."""
    while True:
        try:
            return connection.connect(path)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_FULL_PAUSE_S)


def connect(path: str, timeout_s: float) -> "_socket.socket":
    """Return a socket connected to `path`. Raises OSError."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        _connect(connection, path, time.monotonic() + timeout_s)
        _check_peer(connection, path)
    except OSError:
        connection.close()
        raise
    return connection


def end_accept(listener: "_socket.socket", path: str) -> None:
    """End an `accept` that waits on another thread."""
    try:
        if sys.platform == "linux":
            listener.shutdown(_socket.SHUT_RDWR)
        else:  # only a connection does so on every system
            connect(path, 1.0).close()
    except OSError:
        pass


def is_own_user(connection: "_socket.socket") -> bool:
    """Return whether the other end is this user, or root; true where the system does not say."""
    return _peer(connection) in (None, 0, os.geteuid())


def exists(path: str) -> bool:
    """Return whether the socket is still there."""
    return os.path.exists(path)


def remove(path: str) -> None:
    """Remove a socket that nothing listens at any more. Raises OSError."""
    os.unlink(path)


def link_target(path: str) -> str:
    """Return where a symbolic link leads; "" where there is none, or something else in its place."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def link(path: str, target: str) -> None:
    """Make a symbolic link at `path` lead to `target`. Raises OSError."""
    from bkagent.system import unguessable

    aside = f"{path}-{unguessable.below(10**10)}"
    os.symlink(target, aside)
    try:
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise


def _check_peer(connection: "_socket.socket", path: str) -> None:
    """Raise PermissionError unless this user or root listens there, or the user whose folders lead to the socket.

    The latter is how root, in `sudo` say, or a container with other users speaks to the socket of a job.
    """
    peer = _peer(connection)
    if peer in (0, os.geteuid()):
        return
    try:
        if not trusted_path.follow(os.path.dirname(os.path.abspath(path)), peer=peer).is_open:
            return
        problem = "others can write to its folder"
    except (ConfigError, OSError) as error:
        problem = str(error)
    raise PermissionError(f"it is served by user {peer}, and {problem}: nothing was sent")


def _peer(connection: "_socket.socket") -> "Optional[int]":
    """Return the user at the other end; None where the system does not say."""
    option_of_system = _PEER_OPTIONS.get(sys.platform.rstrip("0123456789"))
    if option_of_system is None:
        return None
    level, option, length, at = option_of_system
    try:
        credentials = connection.getsockopt(level, option, length)
    except OSError:
        return None
    return int.from_bytes(credentials[at : at + 4], sys.byteorder)
