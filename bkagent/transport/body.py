"""Bodies of requests: bytes, or a part of a file between two byte strings. Both can be sent again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import FileIO
from typing import TYPE_CHECKING, Callable, Union

from bkagent.errors import AgentError

if TYPE_CHECKING:
    import socket

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class FileBody:
    """`size` bytes of a file from `offset` on, with `before` and `after` around them (a form, say)."""

    path: str
    size: int
    offset: int = 0
    before: bytes = b""
    after: bytes = b""

    def __len__(self) -> int:
        return len(self.before) + self.size + len(self.after)

    def between(self, before: bytes, after: bytes) -> FileBody:
        """Return a body with the same bytes of the file between others."""
        return replace(self, before=before, after=after)


Body = Union[bytes, FileBody]


def send(body: Body, to: socket.socket, time_left: Callable[[], float]) -> None:
    """Write a whole body. Raises the socket's OSError, and AgentError for a file that is shorter than promised."""
    if isinstance(body, bytes):
        _send_bytes(memoryview(body), to, time_left)
        return
    _send_bytes(memoryview(body.before), to, time_left)
    _send_file(body, to, time_left)
    _send_bytes(memoryview(body.after), to, time_left)


def _send_bytes(view: memoryview, to: socket.socket, time_left: Callable[[], float]) -> None:
    for start in range(0, len(view), _BLOCK_BYTES):
        to.settimeout(time_left())
        to.sendall(view[start : start + _BLOCK_BYTES])


def _send_file(body: FileBody, to: socket.socket, time_left: Callable[[], float]) -> None:
    left, block = body.size, memoryview(bytearray(min(_BLOCK_BYTES, body.size)))
    with _open(body) as file:
        while left:
            got = _read(file, block[: min(left, len(block))], body.path)
            to.settimeout(time_left())
            to.sendall(block[:got])
            left -= got


def _open(body: FileBody) -> FileIO:
    try:
        file = FileIO(body.path)
        file.seek(body.offset)
        return file
    except OSError as problem:
        raise AgentError(f"cannot read {body.path}: {problem.strerror or problem}") from problem


def _read(file: FileIO, into: memoryview, path: str) -> int:
    try:
        got = file.readinto(into)
    except OSError as problem:
        raise AgentError(f"cannot read {path}: {problem.strerror or problem}") from problem
    if not got:
        raise AgentError(f"{path} has become shorter while it was sent")
    return got
