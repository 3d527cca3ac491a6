"""Reads HTTP/1.1 answers from a socket: head, lengths, chunks, gzip; every size bounded.

Framing after RFC 9112, sections 6 and 7.
"""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import time
import zlib

from bkagent.transport.client.response import Headers
from bkagent.wire.digits import is_whole
from bkagent.wire.gzip_body import decompressor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Tuple

    Sink = Callable[[bytes], None]
    OpenSink = Callable[[int, Headers], Optional[Sink]]  # of an answer's status and headers; None keeps it in memory

HEAD_LIMIT_BYTES = 256 * 1024
BODY_LIMIT_BYTES = 256 * 1024 * 1024  # kept in memory; a sink takes any amount
_BLOCK_BYTES = 256 * 1024
_LULL_S, _GATHERING_S = 0.02, 0.1  # TLS has 16 KB at a time, and each call of a sink costs as much as to decrypt these
_KEPT_BLOCK_BYTES = 8 * 1024  # enough for most answers; each idle connection has one


class BadAnswer(OSError):
    """An answer that is not HTTP, or incomplete. `nothing`: not a byte of it arrived."""

    def __init__(self, message: str, nothing: bool = False) -> None:
        super().__init__(message)
        self.nothing = nothing


class AnswerReader:
    """Reads the answers of one connection, in turn. Methods raise OSError (gone, or too slow) or BadAnswer."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._pending = bytearray()
        self._block = bytearray(_KEPT_BLOCK_BYTES)
        self.reusable = True  # after a whole answer: whether the connection may carry another one

    def head(self, time_left: Callable[[], float]) -> Tuple[int, Headers]:
        """Return status and headers of the next answer that is not an interim one."""
        while True:
            status, headers, keeps = parse_head(self._head_bytes(time_left))
            if status >= 200:
                self.reusable = keeps
                return status, headers
            if status == 101:
                raise BadAnswer("the server switched protocols without being asked")

    def body(
        self, method: str, status: int, headers: Headers, time_left: Callable[[], float], sink: Optional[Sink]
    ) -> bytes:
        """Return the body, with gzip undone; pieces go to `sink` instead where there is one."""
        kept = bytearray()
        take: Sink = sink if sink is not None else _bounded(kept)
        if method == "HEAD" or status in (204, 304):
            return b""
        inflate = _Inflate(take) if (headers.get("content-encoding") or "").lower() in ("gzip", "x-gzip") else None
        target = inflate.feed if inflate else take
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked":
                raise BadAnswer(f"the server used an unsupported transfer encoding: {coding[:40]}")
            self._chunks(target, time_left)
        elif length is not None:
            self._exactly(_length(length), target, time_left)
        else:
            self.reusable = False
            self._to_the_end(target, time_left)
        if inflate:
            inflate.end()
        return bytes(kept)

    @property
    def has_pending(self) -> bool:
        """Whether there are bytes that belong to no answer yet."""
        return bool(self._pending)

    def idle_is_dead(self) -> bool:
        """Return whether an idle connection has ended (or sent unexpected bytes), without waiting."""
        if self._pending:
            return True
        self._source.settimeout(0.0)
        try:
            self._source.recv(1)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as problem:
            return type(problem).__name__ != "SSLWantReadError"
        return True

    def _head_bytes(self, time_left: Callable[[], float]) -> bytes:
        searched = 0
        while True:
            end = self._pending.find(b"\r\n\r\n", max(0, searched - 3))
            if 0 <= end <= HEAD_LIMIT_BYTES:
                head = bytes(self._pending[:end])
                del self._pending[: end + 4]
                return head
            searched = len(self._pending)
            if searched > HEAD_LIMIT_BYTES:
                raise BadAnswer("the head of the answer is too long")
            try:
                got = self._receive(time_left)
            except ConnectionError as problem:
                raise BadAnswer(problem.strerror or str(problem), nothing=not self._pending) from problem
            if not got:
                raise BadAnswer("unexpected EOF" if self._pending else "EOF", nothing=not self._pending)

    def _receive(self, time_left: Callable[[], float]) -> int:
        self._source.settimeout(time_left())
        got = self._source.recv_into(self._block)
        self._pending += memoryview(self._block)[:got]
        return got

    def _exactly(self, size: int, take: Sink, time_left: Callable[[], float]) -> None:
        if self._pending and size:
            taken = bytes(self._pending[:size])
            del self._pending[: len(taken)]
            size -= len(taken)
            take(taken)
        view = memoryview(self._block if size <= _KEPT_BLOCK_BYTES else bytearray(min(size, _BLOCK_BYTES)))
        while size:
            size -= self._gather(view[:size], take, time_left)

    def _gather(self, view: memoryview, take: Sink, time_left: Callable[[], float]) -> int:
        """Wait for bytes, and pass them on with what follows without a lull; return how many these were."""
        self._source.settimeout(time_left())
        got = self._source.recv_into(view)
        if not got:
            raise BadAnswer("unexpected EOF")
        passed_on_at = time.monotonic() + _GATHERING_S
        if got < len(view):  # a small answer comes whole
            self._source.settimeout(_LULL_S)
        try:
            while got < len(view) and time.monotonic() < passed_on_at:
                size = self._source.recv_into(view[got:])
                if not size:
                    break  # which is seen again when more is waited for
                got += size
        except socket.timeout:
            pass
        finally:
            take(bytes(view[:got]))
        return got

    def _to_the_end(self, take: Sink, time_left: Callable[[], float]) -> None:
        self._block = bytearray(_BLOCK_BYTES)  # the connection ends with this answer
        while True:
            if self._pending:
                take(bytes(self._pending))
                self._pending.clear()
            if not self._receive(time_left):
                return

    def _chunks(self, take: Sink, time_left: Callable[[], float]) -> None:
        while True:
            size = _chunk_size(self._line(time_left))
            if size == 0:
                for _ in range(100):
                    if not self._line(time_left):
                        return
                raise BadAnswer("the answer has too many trailer lines")
            self._exactly(size, take, time_left)
            if self._line(time_left):
                raise BadAnswer("a chunk of the answer is longer than it says")

    def _line(self, time_left: Callable[[], float]) -> bytes:
        while True:
            end = self._pending.find(b"\r\n", 0, 8192)
            if end >= 0:
                line = bytes(self._pending[:end])
                del self._pending[: end + 2]
                return line
            if len(self._pending) > 8192:
                raise BadAnswer("a chunk line of the answer is too long")
            if not self._receive(time_left):
                raise BadAnswer("unexpected EOF")


class _Inflate:
    """Undoes gzip on the way to a sink."""

    def __init__(self, take: Sink) -> None:
        self._take = take
        self._inflate = decompressor()
        self._fed = False

    def feed(self, data: bytes) -> None:
        self._fed = True
        try:
            while data:
                self._take(self._inflate.decompress(data, _BLOCK_BYTES))
                data = self._inflate.unconsumed_tail
        except zlib.error as problem:
            raise BadAnswer(f"the answer's gzip is damaged: {problem}") from problem

    def end(self) -> None:
        if self._fed and not self._inflate.eof:
            raise BadAnswer("unexpected EOF in the answer's gzip")


def _bounded(kept: bytearray) -> Sink:
    def take(data: bytes) -> None:
        if len(kept) + len(data) > BODY_LIMIT_BYTES:
            raise BadAnswer(f"the answer is longer than {BODY_LIMIT_BYTES} bytes")
        kept.extend(data)

    return take


def parse_head(head: bytes) -> Tuple[int, Headers, bool]:
    """Return (status, headers, whether the connection may carry another answer) of a head without its empty line.

    Raises BadAnswer for what is not HTTP/1. RFC 9112, sections 4, 5 and 9.3.
    """
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not is_whole(code) or rest[3:4] not in ("", " "):
        raise BadAnswer(f"malformed HTTP response: {lines[0][:80]!r}")
    pairs: List[Tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadAnswer(f"malformed header line in the answer: {line[:80]!r}")
        pairs.append((name, value.strip(" \t")))
    headers = Headers(pairs)
    words = [word.strip() for word in (headers.get("connection") or "").lower().split(",")]
    return int(code), headers, "close" not in words if version != "HTTP/1.0" else "keep-alive" in words


def _length(text: str) -> int:
    values = {value.strip() for value in text.split(",")}
    value = values.pop()
    if values or not is_whole(value):
        raise BadAnswer(f"the answer's length is not a number: {text[:40]!r}")
    return int(value)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
        raise BadAnswer("a chunk of the answer does not start with its size")
    return int(digits, 16)
