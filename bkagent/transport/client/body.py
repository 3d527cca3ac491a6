"""Bodies of requests: bytes, or a part of a file between two byte strings. Both can be sent again."""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
from functools import partial
from io import FileIO

from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Union

    from bkagent.transport.client.send_limit import SendLimit

    Sent = Callable[[int], None]
    Body = Union[bytes, "FileBody"]

# Each of the parts under way has a block: larger ones cost memory, and send no faster.
_BLOCK_BYTES = 256 * 1024
# The system sends a long file without its being read, but for the last bytes: these are so many, or what the buffers
# of both sides hold if that is more, so that when the file is looked at for the last time no byte is under way that a
# change would reach.
_READ_BYTES = 16 * 1024 * 1024
_UNREAD_BLOCK_BYTES = 4 * 1024 * 1024


class BodyWatch:
    """What looks on while a file is sent. May raise AgentError, which ends the request unfinished.

    needs_content  whether `read` has to see every byte
    """

    needs_content = False

    def opened(self, file: FileIO) -> None:
        """Look at the file before anything of it is read."""

    def read(self, block: memoryview) -> None:
        """Look at what is about to be written, where it was read for that."""

    def all_read(self, file: FileIO) -> None:
        """Look at the file when all of its bytes have been read, but the last ones are not written yet."""

    def sent(self, size: int) -> None:
        """Count bytes of the file that have just been written."""


class FileBody:
    """`size` bytes of a file from `offset` on, with `before` and `after` around them (a form, say).

    watch    looks on while they are sent
    content  of the whole file, where it is in memory: then the file itself is not read
    """

    __slots__ = ("path", "size", "offset", "before", "after", "watch", "content")

    def __init__(
        self,
        path: str,
        size: int,
        offset: int = 0,
        before: bytes = b"",
        after: bytes = b"",
        watch: Optional[BodyWatch] = None,
        content: Optional[bytes] = None,
    ) -> None:
        self.path, self.size, self.offset, self.before, self.after = path, size, offset, before, after
        self.watch, self.content = watch, content

    def __len__(self) -> int:
        return len(self.before) + self.size + len(self.after)

    def between(self, before: bytes, after: bytes) -> FileBody:
        """Return a body with the same bytes of the file between others."""
        return FileBody(self.path, self.size, self.offset, before, after, self.watch, self.content)

    def part(self, offset: int, size: int) -> FileBody:
        """Return a body with other bytes of the file between the same ones."""
        return FileBody(self.path, size, offset, self.before, self.after, self.watch, self.content)


def send(
    body: Body, to: socket.socket, time_left: Callable[[], float], limit: Optional[SendLimit] = None
) -> None:  # fmt: skip
    """Write a whole body, within `limit` where there is one, else within the time left for each block.

    Raises the socket's OSError, and AgentError for a file that is shorter than promised.
    """
    write = partial(_write, to=to, time_left=time_left) if limit is None else partial(_write_slowly, to=to, limit=limit)
    if isinstance(body, bytes):
        _send_bytes(memoryview(body), write)
        return
    _send_bytes(memoryview(body.before), write)
    _send_file(
        body, write, partial(_send_beginning, to=to, limit=limit) if limit is not None and _is_plain(to) else _read_all
    )
    _send_bytes(memoryview(body.after), write)


def _write(view: memoryview, sent: Sent, to: socket.socket, time_left: Callable[[], float]) -> None:
    to.settimeout(time_left())
    to.sendall(view)
    sent(len(view))


def _write_slowly(view: memoryview, sent: Sent, to: socket.socket, limit: SendLimit) -> None:
    """Write as fast as it goes, however slow that is. `sendall` would count the time of the whole block."""
    to.settimeout(limit.look_s)
    while view:
        try:
            size = to.send(view)
        except socket.timeout:
            limit.check(to)
            continue
        limit.note_written()
        sent(size)
        view = view[size:]


def _send_bytes(view: memoryview, write: Callable[[memoryview, Sent], None]) -> None:
    for start in range(0, len(view), _BLOCK_BYTES):
        write(view[start : start + _BLOCK_BYTES], _ignore)


def _ignore(size: int) -> None:
    """Count nothing: the bytes around a file are not the file's."""


def _is_plain(to: socket.socket) -> bool:
    """Return whether what is written is sent as it is, without TLS."""
    return type(to) is socket.socket


def _read_all(body: FileBody, watch: BodyWatch, file: FileIO) -> int:
    """Send nothing by the system: all is to be read."""
    return 0


def _send_beginning(body: FileBody, watch: BodyWatch, file: FileIO, to: socket.socket, limit: SendLimit) -> int:
    """Have the system send what is not to be read; return how many bytes these were, after which the file stands."""
    from bkagent.system import file_sending  # a short file needs none of it

    sent_bytes, unread_bytes = 0, body.size - max(_READ_BYTES, file_sending.buffered_limit_bytes())
    while sent_bytes < unread_bytes:
        block_bytes = min(_UNREAD_BLOCK_BYTES, unread_bytes - sent_bytes)
        try:
            size = file_sending.send_unread(to, file.fileno(), body.offset + sent_bytes, block_bytes, limit.look_s)
        except socket.timeout:
            limit.check(to)
            continue
        if size is None:
            break
        limit.note_written()
        watch.sent(size)
        sent_bytes += size
    file.seek(body.offset + sent_bytes)
    return sent_bytes


def _send_file(
    body: FileBody,
    write: Callable[[memoryview, Sent], None],
    send_beginning: Callable[[FileBody, BodyWatch, FileIO], int],
) -> None:
    if body.content is not None:
        write(memoryview(body.content)[body.offset : body.offset + body.size], (body.watch or BodyWatch()).sent)
        return
    left, block = body.size, memoryview(bytearray(min(_BLOCK_BYTES, body.size)))
    watch = body.watch or BodyWatch()
    with _open(body) as file:
        watch.opened(file)
        if left > _READ_BYTES and not watch.needs_content:
            left -= send_beginning(body, watch, file)
        if not left:
            watch.all_read(file)
        while left:
            got = _read(file, block[: min(left, len(block))], body.path)
            left -= got
            watch.read(block[:got])
            if not left:
                watch.all_read(file)
            write(block[:got], watch.sent)


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
