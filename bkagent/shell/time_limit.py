"""Stop the commands of a session after a time, as a cancelled job would."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator

from bkagent.shell.cancellation import Cancellation
from bkagent.shell.session import Session


class Limit:
    """A limit that is at work. `outer` is what cancels the job itself."""

    def __init__(self, outer: Cancellation) -> None:
        self.outer = outer
        self.inner = Cancellation(outer.signal_name, outer.signal_grace_s, outer.cleanup_grace_s)

    @property
    def expired(self) -> bool:
        """Whether the time was what stopped the commands."""
        return self.inner.requested and not self.outer.requested


@contextmanager
def time_limit(session: Session, seconds: float) -> Iterator[Limit]:
    """Stop the commands inside once `seconds` have passed: they fail as they do when the job is cancelled."""
    limit = Limit(session.cancellation)
    unsubscribe = limit.outer.on_request(limit.inner.request)
    timer = threading.Timer(seconds, limit.inner.request)
    timer.daemon = True
    timer.start()
    session.cancellation = limit.inner
    try:
        yield limit
    finally:
        session.cancellation = limit.outer
        timer.cancel()
        unsubscribe()
