"""Answers that are not known yet, since they wait for something other than the client."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from bkagent.transport.server.answer import Answer

_CONNECTED_CHECK_S = 5.0  # how soon it is noticed that a client has gone which a thread waits for


class Later:
    """What a handler returns in place of an answer.

    deadline_s  by `time.monotonic()`: when `expire` is called at the latest, None for never
    """

    deadline_s: Optional[float] = None

    def on_known(self, tell: Callable[[], None]) -> None:
        """Have `tell()` called once the answer is known: now, or later on any thread, which it must not hold up."""
        raise NotImplementedError

    def expire(self) -> None:
        """Be known now, or very soon: the deadline is over. Never waits."""
        raise NotImplementedError

    def take(self) -> Answer:
        """Return the answer, be it that the wait was in vain; called once, when it is known. Raises HttpError."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Forget it, in place of `take`: the client has gone. May be called before it is known, and after."""
        raise NotImplementedError

    @property
    def outlives_server(self) -> bool:
        """Return whether a server that stops closes the connection, in place of `expire`: the client asks another."""
        return False


def wait_for(later: Later, is_connected: Callable[[], bool]) -> Answer:
    """Return the answer once it is known, its deadline is over, or the client has gone. Raises HttpError."""
    known = threading.Event()
    later.on_known(known.set)
    while not known.is_set():
        left_s = _CONNECTED_CHECK_S if later.deadline_s is None else later.deadline_s - time.monotonic()
        if left_s <= 0 or not (known.wait(min(left_s, _CONNECTED_CHECK_S)) or is_connected()):
            later.expire()
            break
    known.wait()
    return later.take()
