"""Unix sockets by the C module `_socket`; the promises are in local_socket.py."""

import _socket
import os
import stat
import sys
import time

from bkagent.errors import AgentError

assert sys.platform != "win32"

_FULL_PAUSE_S = 0.005


def available() -> bool:
    """Say whether there are Unix sockets here."""
    return hasattr(_socket, "AF_UNIX")


def longest_path_bytes() -> int:
    """Return the longest path of a socket, in bytes."""
    # sun_path holds 108 bytes on Linux and 104 elsewhere, one of them for the closing NUL.
    return 107 if sys.platform == "linux" else 103


def own_folder(path: str) -> None:
    """Make the folder, or check that it is ours alone. Raises AgentError."""
    try:
        _make(path)
        found = os.lstat(path)
    except OSError as problem:
        raise AgentError(f"cannot make the folder {path}: {problem.strerror or problem}") from problem
    if not stat.S_ISDIR(found.st_mode):
        raise AgentError(f"{path} is not a folder")
    if found.st_uid != os.geteuid():
        raise AgentError(f"the folder {path} belongs to user {found.st_uid}, not to user {os.geteuid()}")
    if found.st_mode & 0o077:
        try:
            os.chmod(path, 0o700)
        except OSError as problem:
            raise AgentError(f"cannot close the folder {path} to other users: {problem.strerror}") from problem


def _make(path: str) -> None:
    """Make a folder and its missing parents, all of them 0700 (os.makedirs leaves parents to the umask)."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent in ("", path):
            raise
        _make(parent)
        _make(path)


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


def _connect(connection: "_socket.socket", path: str, until: float) -> None:
    """Connect, waiting for room among those who wait to be accepted: the system does not wait for that itself."""
    while True:
        try:
            return connection.connect(path)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
        time.sleep(_FULL_PAUSE_S)


def connect(path: str, timeout_s: float) -> "_socket.socket":
    """Return a socket connected to `path`. Raises OSError."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        _connect(connection, path, time.monotonic() + timeout_s)
    except OSError:
        connection.close()
        raise
    return connection
