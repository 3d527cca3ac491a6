"""The connections of a request loop to one server, and the small requests that wait for them or are under way.

Only the plain course is taken: whatever else happens to a request (a connection that fails, an answer of another kind)
is given back to the caller, to be sent by `Pool.request_url`, which knows all the rest.
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Deque, List, Optional, Set

    Answered = Callable[[Optional[SmallAnswer]], None]
    Deliver = Callable[[Answered, Optional[SmallAnswer]], None]

REQUEST_LIMIT_BYTES = 128 * 1024
_BLOCK_BYTES = 64 * 1024
_FIRST_COUNT = 4  # connections to begin with: few enough for any server's queue of new ones
_NEAR_COUNT = 16  # once it has answered: enough to give a server nearby much to do at a time
SLOW_S = 0.005  # where no answer comes for so long, the server is far, and more connections help
_GROWTH = 3  # how many times as many are opened each time
_WOULD_WAIT = (BlockingIOError, InterruptedError)


class _Request:
    __slots__ = ("data", "answered")

    def __init__(self, data: bytes, answered: Answered) -> None:
        self.data, self.answered = data, answered


class Channel:
    """One connection, and the request that it carries."""

    __slots__ = ("line", "lent", "socket", "request", "unsent", "received", "since", "is_proven", "is_tls")

    def __init__(self, line: RequestLine, lent: Lent, connected: socket.socket) -> None:
        self.line, self.lent, self.socket = line, lent, connected
        self.request: Optional[_Request] = None
        self.unsent: Optional[memoryview] = None
        self.received = b""
        self.since = 0.0
        self.is_proven = not lent.is_new  # it has carried an answer before
        self.is_tls = hasattr(connected, "do_handshake")


class RequestLine:
    """Talks to one server, that of the first request, by at most `connections_limit` connections.

    A request fails after a silence of `silence_limit_s`. Made by a loop, whose thread alone calls its methods.
    """

    def __init__(
        self,
        pool: Pool,
        connections_limit: int,
        silence_limit_s: float,
        selector: selectors.BaseSelector,
        wake: Callable[[], None],
        deliver: Deliver,
    ) -> None:
        """`deliver` is given what those who asked have to hear; `wake` ends a turn of the loop, from any thread."""
        self._pool, self._selector, self._wake, self._deliver = pool, selector, wake, deliver
        self._address: Optional[Address] = None
        self._limit, self._silence_limit_s = connections_limit, silence_limit_s
        self._queue: Deque[_Request] = deque()
        self._idle: List[Channel] = []
        self._channels: Set[Channel] = set()
        self._block = bytearray(_BLOCK_BYTES)
        self._opened: Deque[Optional[Lent]] = deque()
        self._opening_count = 0
        self._more_count = _FIRST_COUNT
        self._has_answered, self._heard_s = False, time.monotonic()
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_usable = True

    def put(self, address: Address, data: bytes, answered: Answered) -> bool:
        """Send a request, whole as it is in `data`, at one of the next turns; return False if that cannot be done here.

        `answered` hears of its answer, or gets None where the request must be sent in another way.
        """
        if self._address is None:
            self._address, self._is_usable = address, self._pool.is_direct(address)
            self._heard_s = time.monotonic()
        if not self._is_usable or address.origin != self._address.origin or len(data) > REQUEST_LIMIT_BYTES:
            return False
        self._queue.append(_Request(data, answered))
        return True

    @property
    def open_count(self) -> int:
        """The requests that have not been answered."""
        return len(self._queue) + len(self._channels) - len(self._idle)

    @property
    def may_grow(self) -> bool:
        """Whether requests wait for more connections than there are, or are being opened."""
        return bool(self._queue) and len(self._channels) + self._opening_count < self._limit

    def grow_if_far(self, now_s: float) -> None:
        """Open more connections where no answer has come for a while: the server is far."""
        if self.may_grow and now_s - self._heard_s >= SLOW_S:
            self._heard_s = now_s
            self._open(self._more_count)
            self._more_count *= _GROWTH

    def connect(self) -> None:
        """Open a connection here while there is none, for a caller who has nothing to do before it is there.

        A thread that has just been started is behind all others on a busy machine.
        """
        if not self._queue or not self._is_usable or self._channels or self._opening_count:
            return
        self._opening_count += 1
        self._open(_FIRST_COUNT - 1)
        self._open_one()
        self.hear()

    def handle(self, channel: Channel, events: int) -> None:
        """Go on with a connection that can be written to or read."""
        if events & selectors.EVENT_WRITE and channel.unsent is not None:
            self._send(channel)
        if events & selectors.EVENT_READ and channel in self._channels:
            self._receive(channel)

    def close(self) -> None:
        """Give the connections back, and close those that still wait for an answer."""
        self._is_usable = False
        with self._lock:
            self._is_closed = True
        self.hear()
        for channel in list(self._channels):
            self._part(channel, reusable=channel.request is None)

    # Connections

    def send_waiting(self) -> None:
        """Send what can be sent."""
        while self._queue:
            if not self._is_usable:
                self._deliver(self._queue.popleft().answered, None)
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
                self._wake()
            elif lent is not None:
                self._pool.take_back(lent, reusable=True)

    def hear(self) -> None:
        """Take in connections that have been opened."""
        while self._opened:
            lent = self._opened.popleft()
            self._opening_count -= 1
            if lent is not None:
                self._adopt(lent)
                continue
            # One too many: to try for more again and again would keep both sides busy.
            self._limit = len(self._channels) + self._opening_count
            if not self._limit:
                self._is_usable = False

    def _adopt(self, lent: Lent) -> None:
        connected = lent.connection.begin_nonblocking()
        channel = Channel(self, lent, connected)
        self._channels.add(channel)
        self._idle.append(channel)
        self._selector.register(connected, selectors.EVENT_READ, channel)

    def _part(self, channel: Channel, reusable: bool) -> None:
        self._channels.discard(channel)
        if channel in self._idle:
            self._idle.remove(channel)
        self._selector.unregister(channel.socket)
        self._pool.take_back(channel.lent, reusable)

    def _lose(self, channel: Channel, *, may_resend: bool) -> None:
        """Drop a connection; its request goes by another one if the server has only ended an idle connection."""
        request, is_proven = channel.request, channel.is_proven
        self._part(channel, reusable=False)
        if request is None:
            return
        if may_resend and is_proven and not channel.received:
            self._queue.appendleft(request)
        else:
            self._deliver(request.answered, None)

    def check_silences(self) -> None:
        """Drop the connections whose answers do not come."""
        now = time.monotonic()
        for channel in list(self._channels):
            if channel.request is not None and now - channel.since > self._silence_limit_s:
                self._lose(channel, may_resend=False)

    # Requests

    def _send(self, channel: Channel) -> None:
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

    def _receive(self, channel: Channel) -> None:
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

    def _read(self, channel: Channel) -> Optional[SmallAnswer]:
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

    def _answer(self, channel: Channel, answer: SmallAnswer) -> None:
        request, channel.request = channel.request, None
        assert request is not None
        channel.is_proven = self._has_answered = True
        self._heard_s = channel.since
        if answer.keeps and channel.unsent is None:
            self._idle.append(channel)
        else:
            self._part(channel, reusable=False)
        self._deliver(request.answered, answer)


def _would_wait(problem: OSError) -> bool:
    return isinstance(problem, _WOULD_WAIT) or type(problem).__name__ in ("SSLWantReadError", "SSLWantWriteError")
