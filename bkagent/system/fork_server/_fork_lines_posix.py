"""The protocol on the lines of a fork server.

On the line of the warm process: READY, once; the other way FORK with four descriptors per request, the new process's
line and its three standard files. On the line of a new process: the length of the request, and the request; the other
way an error number (0 when it has started), then its process id, and its wait status when it has ended.
"""

import os
import sys

from bkagent.system.fork_server._fork_request import ForkRequest

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Mapping, Optional, Sequence, Tuple

READY, FORK = b"r", b"f"
FILES = 4
_NUMBER_BYTES = 8
_PIECE_BYTES = 1 << 20


def number(value: int) -> bytes:
    """Return a number as it goes over a line."""
    return value.to_bytes(_NUMBER_BYTES, "big")


def read_number(line: "_socket.socket") -> "Optional[int]":
    """Return the number that comes next, None where the line ends first. Raises OSError."""
    data = read(line, _NUMBER_BYTES)
    return None if data is None else int.from_bytes(data, "big")


def read(line: "_socket.socket", size: int) -> "Optional[bytes]":
    """Return the bytes that come next, None where the line ends first. Raises OSError."""
    pieces = []
    while size:
        piece = line.recv(min(size, _PIECE_BYTES))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def pack(words: "Sequence[bytes]", env: "Mapping[bytes, bytes]", cwd: bytes) -> bytes:
    """Return a request as it goes over a line. Its parts hold no NUL."""
    variables = [name + b"=" + value for name, value in env.items()]
    parts = [cwd, str(len(words)).encode(), *words, *variables]
    data = b"\0".join(parts)
    return number(len(data)) + data


def unpack(data: bytes) -> "Tuple[bytes, ForkRequest]":
    """Return the folder and the request."""
    cwd, _, rest = data.partition(b"\0")
    count, *texts = os.fsdecode(rest).split("\0")
    words, variables = texts[: int(count)], texts[int(count) :]
    env = {}
    for variable in variables:
        name, _, value = variable.partition("=")
        env[name] = value
    return cwd, ForkRequest(words, env)
