"""Many small requests over a few kept-alive connections, by one thread that never waits for one of them alone.

A thread for each connection spends more time on handing over the interpreter than on a request of some kilobytes. Here
the caller's thread sends, and reads answers as they come, whenever it calls `turn`. Only the plain course is taken:
whatever else happens to a request (a connection that fails, an answer of another kind) is given back to the caller, to
be sent by `Pool.request_url`, which knows all the rest.
"""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import selectors
import threading
import time
from collections import deque

from bkagent.errors import AgentError
from bkagent.transport.client import small_answer
from bkagent.transport.client.address import Address
from bkagent.transport.client.http_client import Lent, Pool
from bkagent.transport.client.small_answer import NotSmall, SmallAnswer

try:
    from _socket import socketpair  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # Windows, where `socket` makes do with a connection
    from socket import socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Deque, List, Optional, Set, Tuple

    Answered = Callable[[Optional[SmallAnswer]], None]

REQUEST_LIMIT_BYTES = 128 * 1024
_BLOCK_BYTES = 64 * 1024
_FIRST_COUNT = 4  # connections to begin with: few enough for any server's queue of new ones
_NEAR_COUNT = 16  # once it has answered: enough to give a server nearby much to do at a time
_SLOW_S = 0.005  # where nothing comes for so long, the server is far, and more connections help
_CHECK_S = 1.0  # how often silences are looked for
_WOULD_WAIT = (BlockingIOError, InterruptedError)


class _Request:
    __slots__ = ("data", "answered")

    def __init__(self, data: bytes, answered: Answered) -> None:
        self.data, self.answered = data, answered


class _Channel:
    """One connection, and the request that it carries."""

    __slots__ = ("lent", "socket", "request", "unsent", "received", "since", "is_proven", "is_tls")

    def __init__(self, lent: Lent, connected: socket.socket) -> None:
        self.lent, self.socket = lent, connected
        self.request: Optional[_Request] = None
        self.unsent: Optional[memoryview] = None
        self.received = b""
        self.since = 0.0
        self.is_proven = not lent.is_new  # it has carried an answer before
        self.is_tls = hasattr(connected, "do_handshake")


class RequestLoop:
    """All methods but `wake` belong to one thread.

    It talks to one server, that of the first request, by at most `connections_limit` connections. A request fails after
    a silence of `silence_limit_s`.
    """

    def __init__(self, pool: Pool, connections_limit: int, silence_limit_s: float) -> None:
        self._pool = pool
        self._address: Optional[Address] = None
        self._limit, self._silence_limit_s = connections_limit, silence_limit_s
        self._queue: Deque[_Request] = deque()
        self._idle: List[_Channel] = []
        self._channels: Set[_Channel] = set()
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socketpair()
        for end in (self._alarm, self._bell):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._block = bytearray(_BLOCK_BYTES)
        self._opened: Deque[Optional[Lent]] = deque()
        self._delivery: Deque[Tuple[_Request, Optional[SmallAnswer]]] = deque()  # what those who asked have to hear
        self._opening_count = 0
        self._more_count = _FIRST_COUNT
        self._has_answered = False
        self._lock = threading.Lock()
        self._is_closed = False
        self._checked_s = time.monotonic()
        self._is_usable = True

    def put(self, address: Address, data: bytes, answered: Answered) -> bool:
        """Send a request, whole as it is in `data`, at one of the next turns; return False if that cannot be done here.

        `answered` hears of its answer, or gets None where the request must be sent in another way.
        """
        if self._address is None:
            self._address, self._is_usable = address, self._pool.is_direct(address)
        if not self._is_usable or address.origin != self._address.origin or len(data) > REQUEST_LIMIT_BYTES:
            return False
        self._queue.append(_Request(data, answered))
        return True

    @property
    def open_count(self) -> int:
        """The requests that have not been answered."""
        return len(self._queue) + len(self._channels) - len(self._idle) + len(self._delivery)

    def wake(self) -> None:
        """End a turn that waits, from any thread."""
        try:
            self._bell.send(b"!")
        except OSError:
            pass  # full, so that it will wake; or closed

    def connect(self) -> None:
        """Open a connection here while there is none, for a caller who has nothing to do before it is there.

        A thread that has just been started is behind all others on a busy machine.
        """
        if not self._queue or not self._is_usable or self._channels or self._opening_count:
            return
        self._opening_count += 1
        self._open(_FIRST_COUNT - 1)
        self._open_one()
        self._hear()

    def turn(self, wait_s: float) -> None:
        """Send what can be sent, and take what has come, after at most `wait_s` if nothing has yet."""
        self._send_waiting()
        if self._delivery:
            wait_s = 0.0
        may_grow = bool(self._queue) and wait_s >= _SLOW_S and len(self._channels) + self._opening_count < self._limit
        ready = self._selector.select(_SLOW_S if may_grow else wait_s)
        if may_grow and not ready:
            self._open(self._more_count)
            self._more_count *= 2
        for key, events in ready:
            channel = key.data
            if channel is None:
                self._hear()
                continue
            if events & selectors.EVENT_WRITE and channel.unsent is not None:
                self._send(channel)
            if events & selectors.EVENT_READ and channel in self._channels:
                self._receive(channel)
        self._check_silences()
        # All that can go goes first, so that the server has work while the answers are dealt with, and wakes but once.
        self._send_waiting()
        self._deliver()

    def close(self) -> None:
        """Give the connections back, and close those that still wait for an answer."""
        self._is_usable = False
        with self._lock:
            self._is_closed = True
        self._hear()
        for channel in list(self._channels):
            self._part(channel, reusable=channel.request is None)
        self._deliver()
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    # Connections

    def _send_waiting(self) -> None:
        while self._queue:
            if not self._is_usable:
                self._delivery.append((self._queue.popleft(), None))
            elif self._idle:
                channel = self._idle.pop()
                channel.request = self._queue.popleft()
                channel.received, channel.since = b"", time.monotonic()
                self._send(channel)
            else:
                enough = _NEAR_COUNT if self._has_answered else _FIRST_COUNT
                self._open(enough - len(self._channels) - self._opening_count)
                return

    def _open(self, most_count: int) -> None:
        """Begin to open more connections, up to `most_count`."""
        have = len(self._channels) + self._opening_count
        without_connection = len(self._queue) - self._opening_count
        for _ in range(min(without_connection, self._limit - have, most_count)):
            self._opening_count += 1
            threading.Thread(target=self._open_one, name="connection-opener", daemon=True).start()

    def _open_one(self) -> None:
        """Open a connection, in a thread of its own as a rule: names, proxies and TLS make that wait."""
        lent: Optional[Lent] = None
        assert self._address is not None
        try:
            lent = self._pool.lend(self._address, self._silence_limit_s)
        except (AgentError, OSError):
            pass  # `Pool.request_url` will say what is wrong
        finally:  # also after a defect: without a word from here, turns would wait for this connection for ever
            with self._lock:
                is_late = self._is_closed
                if not is_late:
                    self._opened.append(lent)
            if not is_late:
                self.wake()
            elif lent is not None:
                self._pool.take_back(lent, reusable=True)

    def _hear(self) -> None:
        try:
            while len(self._alarm.recv(_BLOCK_BYTES)) == _BLOCK_BYTES:
                pass
        except _WOULD_WAIT:
            pass
        while self._opened:
            lent = self._opened.popleft()
            self._opening_count -= 1
            if lent is not None:
                self._adopt(lent)
            elif not self._channels and not self._opening_count:
                self._is_usable = False

    def _adopt(self, lent: Lent) -> None:
        connected = lent.connection.begin_nonblocking()
        channel = _Channel(lent, connected)
        self._channels.add(channel)
        self._idle.append(channel)
        self._selector.register(connected, selectors.EVENT_READ, channel)

    def _part(self, channel: _Channel, reusable: bool) -> None:
        self._channels.discard(channel)
        if channel in self._idle:
            self._idle.remove(channel)
        self._selector.unregister(channel.socket)
        self._pool.take_back(channel.lent, reusable)

    def _lose(self, channel: _Channel, *, may_resend: bool) -> None:
        """Drop a connection; its request goes by another one if the server has only ended an idle connection."""
        request, is_proven = channel.request, channel.is_proven
        self._part(channel, reusable=False)
        if request is None:
            return
        if may_resend and is_proven and not channel.received:
            self._queue.appendleft(request)
        else:
            self._delivery.append((request, None))

    def _check_silences(self) -> None:
        now = time.monotonic()
        if now - self._checked_s < _CHECK_S:
            return
        self._checked_s = now
        for channel in list(self._channels):
            if channel.request is not None and now - channel.since > self._silence_limit_s:
                self._lose(channel, may_resend=False)

    # Requests

    def _send(self, channel: _Channel) -> None:
        data = channel.unsent
        if data is None:
            assert channel.request is not None
            data = memoryview(channel.request.data)
        try:
            sent = channel.socket.send(data)
        except OSError as problem:
            if not _would_wait(problem):
                self._lose(channel, may_resend=True)
                return
            sent = 0
        was_waiting, channel.unsent = channel.unsent is not None, data[sent:] if sent < len(data) else None
        if (channel.unsent is not None) is not was_waiting:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.unsent is not None else 0)
            self._selector.modify(channel.socket, events, channel)

    def _receive(self, channel: _Channel) -> None:
        try:
            answer = self._read(channel)
        except NotSmall:
            # The next answer would be of that kind as well, and every request would be sent twice.
            self._is_usable = False
            self._lose(channel, may_resend=False)
        except OSError as problem:
            if not _would_wait(problem):
                self._lose(channel, may_resend=True)
        else:
            if answer is not None:
                self._answer(channel, answer)

    def _read(self, channel: _Channel) -> Optional[SmallAnswer]:
        """Return the answer if it is whole now. Raises OSError, one that would wait too."""
        while True:
            got = channel.socket.recv_into(self._block)
            if not got or channel.request is None:
                raise ConnectionResetError("the server has ended the connection")
            channel.received += bytes(memoryview(self._block)[:got])
            channel.since = time.monotonic()
            answer = small_answer.read(channel.received)
            if answer is not None or not channel.is_tls:  # TLS may hold more than the selector knows of
                return answer

    def _answer(self, channel: _Channel, answer: SmallAnswer) -> None:
        request, channel.request = channel.request, None
        assert request is not None
        channel.is_proven = self._has_answered = True
        if answer.keeps and channel.unsent is None:
            self._idle.append(channel)
        else:
            self._part(channel, reusable=False)
        self._delivery.append((request, answer))

    def _deliver(self) -> None:
        for _ in range(len(self._delivery)):  # one by one: should one of those who asked fail, the others still hear
            request, answer = self._delivery.popleft()
            request.answered(answer)


def _would_wait(problem: OSError) -> bool:
    return isinstance(problem, _WOULD_WAIT) or type(problem).__name__ in ("SSLWantReadError", "SSLWantWriteError")
