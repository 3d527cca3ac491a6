"""One accepted connection: reads requests with limits of size and time, writes answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Tuple

from bkagent.localapi.request_head import BODY_LIMIT_BYTES, parse_head
from bkagent.transport.request_head import LIMIT_BYTES, BadRequest, RequestHead
from bkagent.wire import json_text

if TYPE_CHECKING:
    import _socket

HEAD_LIMIT_S = 30.0  # an idle kept-alive connection is closed after this; a dribbled head ends with it too
BODY_LIMIT_S = 60.0
ANSWER_LIMIT_S = 60.0
_BLOCK_BYTES = 256 * 1024
_LINGER_BYTES = 1024 * 1024
_LINGER_S = 2.0

_REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large", 421: "Misdirected Request",
    422: "Unprocessable Entity", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway", 505: "HTTP Version Not Supported",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What goes back to a client. `headers` are pairs without Content-Length."""

    status: int
    body: bytes = b""
    headers: Tuple[Tuple[str, str], ...] = ()


def json_answer(status: int, document: object) -> Answer:
    """Return an answer that carries JSON."""
    return Answer(status, json_text.dumps(document).encode("ascii") + b"\n", (("Content-Type", "application/json"),))


def error_answer(status: int, message: str) -> Answer:
    """Return an answer in the one shape that errors have here."""
    return json_answer(status, {"error": message})


class Connection:
    """Reads and writes one client's socket. Every method may raise OSError (gone, or too slow: TimeoutError)."""

    def __init__(self, socket: "_socket.socket") -> None:
        self._socket = socket
        self._pending = bytearray()

    def read_head(self) -> Optional[RequestHead]:
        """Return the next request, or None when the client has closed. Raises BadRequest."""
        deadline = time.monotonic() + HEAD_LIMIT_S
        searched = 0
        while True:
            end = self._pending.find(b"\r\n\r\n", max(0, searched - 3), LIMIT_BYTES + 4)
            if end >= 0:
                head = bytes(self._pending[:end])
                del self._pending[: end + 4]
                return parse_head(head)
            searched = len(self._pending)
            if searched > LIMIT_BYTES:
                raise BadRequest(431, f"a request head may have at most {LIMIT_BYTES} bytes")
            if not self._receive(deadline):
                if self._pending.strip():
                    raise BadRequest(400, "the request ended inside its head")
                return None

    def read_body(self, head: RequestHead) -> bytes:
        """Return the body that belongs to `head`, at most BODY_LIMIT_BYTES long. Raises BadRequest."""
        deadline = time.monotonic() + BODY_LIMIT_S
        if head.expects_continue and not self._pending:
            self._socket.settimeout(ANSWER_LIMIT_S)
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.body_bytes is not None:
            return self._take(head.body_bytes, deadline)
        return self._read_chunks(deadline)

    def _read_chunks(self, deadline: float) -> bytes:
        body = bytearray()
        while True:
            size = _chunk_size(self._line(deadline))
            if size == 0:
                while self._line(deadline):
                    pass
                return bytes(body)
            if len(body) + size > BODY_LIMIT_BYTES:
                raise BadRequest(413, f"a request body may have at most {BODY_LIMIT_BYTES} bytes")
            body += self._take(size, deadline)
            if self._take(2, deadline) != b"\r\n":
                raise BadRequest(400, "a chunk is longer than it says")

    def send(self, answer: Answer, *, keep_alive: bool) -> None:
        """Write one answer, head and body together."""
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if answer.status != 204:
            lines.append(f"Content-Length: {len(answer.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        self._socket.settimeout(ANSWER_LIMIT_S)
        self._socket.sendall("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + answer.body)

    def linger(self) -> None:
        """Wait a little for a client that is still sending, so that it reads its answer instead of a reset."""
        self._socket.shutdown(1)  # SHUT_WR
        deadline, left_bytes = time.monotonic() + _LINGER_S, _LINGER_BYTES
        while left_bytes > 0:
            self._pending.clear()
            got = self._receive(deadline)
            if not got:
                return
            left_bytes -= got

    def abort(self) -> None:
        """End the connection from another thread; the reading one sees the end of the stream."""
        try:
            self._socket.shutdown(2)  # SHUT_RDWR
        except OSError:
            pass

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _receive(self, deadline: float) -> int:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the client was too slow")
        self._socket.settimeout(left_s)
        block = self._socket.recv(_BLOCK_BYTES)
        self._pending += block
        return len(block)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._pending) < size:
            if not self._receive(deadline):
                raise BadRequest(400, "the request ended inside its body")
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def _line(self, deadline: float) -> bytes:
        while True:
            end = self._pending.find(b"\r\n", 0, 1024)
            if end >= 0:
                line = bytes(self._pending[:end])
                del self._pending[: end + 2]
                return line
            if len(self._pending) > 1024:
                raise BadRequest(400, "a chunk line is too long")
            if not self._receive(deadline):
                raise BadRequest(400, "the request ended inside its body")


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise BadRequest(400, "a chunk must start with its size in hexadecimal digits")
    return int(digits, 16)
