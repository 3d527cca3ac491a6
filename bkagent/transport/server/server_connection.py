"""One accepted connection: reads requests with limits of size and time, writes answers."""

from __future__ import annotations

import _socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Iterator, Optional, cast

from bkagent.transport.server.answer import BODILESS, Answer, Blocks, FilePart, Stream, encode_head
from bkagent.transport.server.request_head import LIMIT_BYTES, BadRequest, RequestHead, parse_head

if TYPE_CHECKING:
    import socket

    from bkagent.system.local_socket import Connection

IDLE_LIMIT_S = 120.0  # a kept-alive connection may be silent this long; the reference's client gives up after 90 s
HEAD_LIMIT_S = 30.0  # from its first byte a head must be whole within this, however it dribbles
STALL_LIMIT_S = 60.0  # a body or an answer that does not move for this long is given up
SLOWEST_BYTES_PER_S = 8 * 1024  # a body as a whole may not be slower
_BLOCK_BYTES = 256 * 1024
DRAIN_BYTES = 64 * 1024  # how much of an unread body is read and discarded, and for how long
DRAIN_S = 2.0
_LINE_BYTES = 1024
_COLLECTED_BYTES = 16 * 1024


class ServerConnection:
    """Reads and writes one client's socket. Every method may raise OSError (gone, or too slow: TimeoutError).

    began           when it was accepted
    waiting_since   when the server began to wait for the client: for a request, for a body, for an answer to be
                    taken; None while it is the server's turn
    aborted         whether it was ended by another thread
    may_wait        whether a call waits for the client. Where it may not, what has not come counts as too slow, what is
                    not taken at once goes to `unsent`, and `linger` sets `is_parting`
    unsent          what is still to be sent
    is_parting      whether the client is to be lingered for once everything is sent
    drain_bytes     how much `linger` reads of a client that is still sending
    peer, local     addresses of the client, and of this machine as the client called it; "" for a local socket
    """

    def __init__(
        self, client: "Connection", peer: str = "", local: str = "", *, drain_bytes: int = DRAIN_BYTES
    ) -> None:
        self._socket, self.peer, self.local, self.drain_bytes = client, peer, local, drain_bytes
        self._pending = bytearray()
        self._timeout_s = -1.0  # as set last
        self.waiting_since: Optional[float] = time.monotonic()
        self.began = self.waiting_since
        self.aborted = False
        self.may_wait = True
        self.unsent = memoryview(b"")
        self.is_parting = False
        self.owner = ""  # of the token that the last request has shown
        self.on_owner: Callable[[str], None] = lambda owner: None  # told when it changes

    @property
    def pending(self) -> bytearray:
        """What has come and was not read yet, to be looked at."""
        return self._pending

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 once it is closed."""
        return self._socket.fileno()

    def collect(self) -> bool:
        """Add to `pending` what has come; return whether the client is still there. Never waits."""
        self._limit(0)
        try:
            block = self._socket.recv(_COLLECTED_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._pending += block
        return bool(block)

    def read_head(self) -> Optional[RequestHead]:
        """Return the next request, or None when the client has closed or kept silent. Raises BadRequest."""
        with self.waiting():
            return self._read_head()

    def _read_head(self) -> Optional[RequestHead]:
        deadline = time.monotonic() + HEAD_LIMIT_S
        if not self._pending:
            try:
                if not self._receive(time.monotonic() + (IDLE_LIMIT_S if self.owner else HEAD_LIMIT_S)):
                    return None
            except TimeoutError:
                return None
            deadline = time.monotonic() + HEAD_LIMIT_S
        searched = 0
        while True:
            end = self._pending.find(b"\r\n\r\n", max(0, searched - 3), LIMIT_BYTES + 4)
            if end >= 0:
                head = bytes(self._pending[:end])
                del self._pending[: end + 4]
                return parse_head(head.lstrip(b"\r\n"))
            searched = len(self._pending)
            if searched > LIMIT_BYTES:
                raise BadRequest(431, f"a request head may have at most {LIMIT_BYTES} bytes")
            try:
                received = self._receive(deadline)
            except TimeoutError:
                raise BadRequest(408, f"the request head took longer than {HEAD_LIMIT_S:g} s") from None
            if not received:
                if not self._pending.strip():
                    return None
                raise BadRequest(400, "the request ended inside its head")

    def set_owner(self, owner: str) -> None:
        """Note whose token the present request has shown, "" for none."""
        if owner != self.owner:
            self.owner = owner
            self.on_owner(owner)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Record that the server waits for the client, for the duration of the block."""
        began = self.waiting_since = time.monotonic()
        try:
            yield
        finally:
            if self.waiting_since == began:  # else this is the end of a body that a handler left, found late
                self.waiting_since = None

    def send_continue(self) -> None:
        """Tell the client to go on with the body; not needed when it has begun already."""
        if not self._pending:
            self._limit(STALL_LIMIT_S)
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, size: int, deadline: float) -> bytes:
        """Return between 1 and `size` bytes of a body. Raises BadRequest when the client ends it early."""
        if not self._pending:
            self._body_receive(deadline)
        if len(self._pending) <= size:
            taken = bytes(self._pending)
            self._pending.clear()
        else:
            taken = bytes(memoryview(self._pending)[:size])
            del self._pending[:size]
        return taken

    def take_line(self, deadline: float) -> bytes:
        """Return one short line of a chunked body without its end."""
        while True:
            end = self._pending.find(b"\r\n", 0, _LINE_BYTES)
            if end >= 0:
                line = bytes(self._pending[:end])
                del self._pending[: end + 2]
                return line
            if len(self._pending) >= _LINE_BYTES:
                raise BadRequest(400, "a chunk line is too long")
            self._body_receive(deadline)

    def discard(self, most_bytes: int) -> int:
        """Read and forget what has come; return how much that was, 0 at the end. Raises BlockingIOError."""
        self._pending.clear()
        self._limit(0)
        return len(self._socket.recv(min(most_bytes, _BLOCK_BYTES)))

    def send(self, answer: Answer, *, keep_alive: bool, with_body: bool) -> bool:
        """Write one answer; return whether the connection can go on. `with_body` is false for HEAD.

        Of a stream that is the head alone.
        """
        with self.waiting():
            return self._send(answer, keep_alive, with_body)

    def send_now(self, data: bytes) -> None:
        """Send as much as the client takes at once, after what is `unsent`; the rest is `unsent` then."""
        self._limit(0)
        sent_bytes = 0
        if not self.unsent:
            try:
                sent_bytes = cast("socket.socket", self._socket).send(data)
            except BlockingIOError:
                pass
        if sent_bytes < len(data):
            self.unsent = memoryview(bytes(self.unsent) + data[sent_bytes:])
            self.send_on()

    def send_on(self) -> None:
        """Send of what is `unsent` as much as the client takes at once."""
        self._limit(0)
        client = cast("socket.socket", self._socket)
        try:
            while self.unsent:
                self.unsent = self.unsent[client.send(self.unsent) :]
        except BlockingIOError:
            pass

    def _send(self, answer: Answer, keep_alive: bool, with_body: bool) -> bool:
        body = answer.body
        if isinstance(body, Stream):
            self._write(encode_head(answer, length=None, keep_alive=False), STALL_LIMIT_S)
            return False
        if isinstance(body, FilePart):
            with body.file:
                self._send_head(answer, body.count, keep_alive)
                return (not with_body or self._send_file(body)) and keep_alive
        if isinstance(body, Blocks):
            self._send_head(answer, body.count, keep_alive)
            return (not with_body or self._send_blocks(body)) and keep_alive
        head = encode_head(answer, length=len(body), keep_alive=keep_alive)
        # Head and body leave together: one segment for the usual short answer.
        data = head + body if with_body and answer.status not in BODILESS else head
        self._write(data, STALL_LIMIT_S + len(body) / SLOWEST_BYTES_PER_S)
        return keep_alive

    def _write(self, data: bytes, limit_s: float) -> None:
        if not self.may_wait:
            return self.send_now(data)
        self._limit(limit_s)
        self._socket.sendall(data)
        return None

    def _send_head(self, answer: Answer, length: int, keep_alive: bool) -> None:
        self._write(encode_head(answer, length=length, keep_alive=keep_alive), STALL_LIMIT_S)

    def _send_file(self, part: FilePart) -> bool:
        """Send a part of a file; return whether all of it was there. Each block must be taken in its time."""
        client = cast("socket.socket", self._socket)  # over TCP alone: the C module's own sends no files
        end, at = part.offset + part.count, part.offset
        while at < end:
            deadline = time.monotonic() + STALL_LIMIT_S
            self._limit(STALL_LIMIT_S)
            sent = client.sendfile(part.file, at, min(_BLOCK_BYTES, end - at))
            if not sent:
                return False
            if time.monotonic() > deadline:  # within a block the time starts again with each piece
                raise TimeoutError("the client was too slow")
            at += sent
        return True

    def _send_blocks(self, body: Blocks) -> bool:
        """Send at most the promised bytes; return whether there were enough."""
        left = body.count
        for block in body.blocks:
            block = block[:left]
            self._limit(STALL_LIMIT_S + len(block) / SLOWEST_BYTES_PER_S)
            self._socket.sendall(block)
            left -= len(block)
            if not left:
                break
        return left == 0

    def linger(self) -> None:
        """Wait a little for a client that is still sending, so that it reads its answer instead of a reset."""
        if not self.may_wait:
            self.is_parting = True
            return
        with self.waiting():
            self.end_writing()
            deadline, left_bytes = time.monotonic() + DRAIN_S, self.drain_bytes
            while left_bytes > 0:
                self._pending.clear()
                received = self._receive(deadline, left_bytes)
                if not received:
                    return
                left_bytes -= received

    def end_writing(self) -> None:
        """Tell the client that nothing more comes."""
        self._socket.shutdown(1)  # SHUT_WR

    def client_is_connected(self) -> bool:
        """Return whether the client has not closed its end. Never waits; only while no other thread reads or writes."""
        if self._pending:
            return True
        self._limit(0.0)
        try:
            return bool(self._socket.recv(1, _socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def abort(self) -> None:
        """End the connection from another thread; the reading one sees the end of the stream."""
        self.aborted = True
        try:
            self._socket.shutdown(2)  # SHUT_RDWR
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _body_receive(self, deadline: float) -> None:
        try:
            received = self._receive(min(deadline, time.monotonic() + STALL_LIMIT_S))
        except TimeoutError:
            raise BadRequest(408, "the request body came too slowly") from None
        if not received:
            raise BadRequest(400, "the request ended inside its body")

    def _receive(self, deadline: float, most_bytes: int = _BLOCK_BYTES) -> int:
        left_s = deadline - time.monotonic() if self.may_wait else 0
        if left_s <= 0 and self.may_wait:
            raise TimeoutError("the client was too slow")
        self._limit(left_s)
        try:
            block = self._socket.recv(most_bytes)
        except (_socket.timeout, BlockingIOError):
            raise TimeoutError("the client was too slow") from None  # one and the same class only since 3.10
        self._pending += block
        return len(block)

    def _limit(self, timeout_s: float) -> None:
        if timeout_s != self._timeout_s:
            self._timeout_s = timeout_s
            self._socket.settimeout(timeout_s)
