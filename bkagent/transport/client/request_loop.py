"""Many small requests over a few kept-alive connections, by one thread that never waits for one of them alone.

A thread for each connection spends more time on handing over the interpreter than on a request of some kilobytes. Here
the caller's thread sends, and reads answers as they come, whenever it calls `turn`. Each server has a line of its own.
"""

from __future__ import annotations

import selectors
import time
from collections import deque

from bkagent.system.descriptors import descriptors_count
from bkagent.transport.client.request_line import SLOW_S, RequestLine

try:
    from _socket import socketpair  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # Windows, where `socket` makes do with a connection
    from socket import socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Deque, List, Optional, Tuple

    from bkagent.transport.client.http_client import Pool
    from bkagent.transport.client.request_line import Answered
    from bkagent.transport.client.small_answer import SmallAnswer

_ALARM_BYTES = 4096
_DESCRIPTORS_SHARE = 3  # connections to one server take a third of what may be open at most
_CHECK_S = 1.0  # how often silences are looked for


class RequestLoop:
    """All methods but `wake` belong to one thread."""

    def __init__(self) -> None:
        self._lines: List[RequestLine] = []
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socketpair()
        for end in (self._alarm, self._bell):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._delivery: Deque[Tuple[Answered, Optional[SmallAnswer]]] = deque()  # what those who asked have to hear
        self._checked_s = time.monotonic()

    def add_line(self, pool: Pool, connections_limit: int, silence_limit_s: float) -> RequestLine:
        """Return a new line to a server, of fewer connections where the process would have no room for its files."""
        most_count = max(1, min(connections_limit, descriptors_count() // _DESCRIPTORS_SHARE))
        line = RequestLine(pool, most_count, silence_limit_s, self._selector, self.wake, self._keep)
        self._lines.append(line)
        return line

    @property
    def open_count(self) -> int:
        """The requests whose answers have not been heard."""
        return len(self._delivery) + sum(line.open_count for line in self._lines)

    def wake(self) -> None:
        """End a turn that waits, from any thread."""
        try:
            self._bell.send(b"!")
        except OSError:
            pass  # full, so that it will wake; or closed

    def turn(self, wait_s: float) -> None:
        """Send what can be sent, and take what has come, after at most `wait_s` if nothing has yet."""
        self._send_waiting()
        if self._delivery:
            wait_s = 0.0
        growing = [line for line in self._lines if line.may_grow] if wait_s >= SLOW_S else []
        for key, events in self._selector.select(SLOW_S if growing else wait_s):
            channel = key.data
            if channel is None:
                self._hear()
            else:
                channel.line.handle(channel, events)
        now_s = time.monotonic()
        self._check_silences(now_s)
        # All that can go goes first, so that the server has work while the answers are dealt with, and wakes but once.
        self._send_waiting()
        for line in growing:
            line.grow_if_far(now_s)
        self._deliver()

    def close(self) -> None:
        """Give the connections back, and close those that still wait for an answer."""
        for line in self._lines:
            line.close()
        self._deliver()
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    def _send_waiting(self) -> None:
        for line in self._lines:
            line.send_waiting()

    def _hear(self) -> None:
        try:
            while len(self._alarm.recv(_ALARM_BYTES)) == _ALARM_BYTES:
                pass
        except (BlockingIOError, InterruptedError):
            pass
        for line in self._lines:
            line.hear()

    def _check_silences(self, now_s: float) -> None:
        if now_s - self._checked_s >= _CHECK_S:
            self._checked_s = now_s
            for line in self._lines:
                line.check_silences()

    def _keep(self, answered: Answered, answer: Optional[SmallAnswer]) -> None:
        self._delivery.append((answered, answer))

    def _deliver(self) -> None:
        for _ in range(len(self._delivery)):  # one by one: should one of those who asked fail, the others still hear
            answered, answer = self._delivery.popleft()
            answered(answer)
