"""Unix sockets on Windows: the system has them since 2018, Python does not offer them.

The promises are in local_socket.py.
"""

import _socket

from bkagent.errors import AgentError

_ABSENT = "this Python offers no Unix sockets on Windows"


def available() -> bool:
    return False


def longest_path_bytes() -> int:
    return 107


def own_folder(path: str) -> None:
    raise AgentError(_ABSENT)


def listen(path: str, backlog_count: int) -> "_socket.socket":
    raise OSError(_ABSENT)


def accept(listener: "_socket.socket") -> "_socket.socket":
    raise OSError(_ABSENT)


def connect(path: str, timeout_s: float) -> "_socket.socket":
    raise OSError(_ABSENT)
