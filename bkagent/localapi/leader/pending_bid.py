"""A bid for a key while it waits in the table of locks: an answer that comes later, and needs no thread until then."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from bkagent.localapi.leader.bids import WAITING, Bid
from bkagent.localapi.leader.lock_table import LockTable, NotLeading, Outcome
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later


class PendingBid(Later):
    """Asks for a key. `conclude(leave)` makes the answer of what `leave()` returns or raises."""

    def __init__(
        self,
        table: LockTable,
        key: str,
        bid: Bid,
        wait_s: Optional[float],
        is_connected: Callable[[], bool],
        conclude: Callable[[Callable[[], Outcome]], Answer],
    ) -> None:
        """Enter the queue of a key for `wait_s` (None: for ever, 0: not at all). Raises NotLeading and NoRoom."""
        self._table, self._key, self._conclude = table, key, conclude
        self._lock = threading.Lock()
        self._tell: Optional[Callable[[], None]] = None
        self._is_known = False
        self.deadline_s = None if wait_s is None else time.monotonic() + wait_s
        self._waiter = table.enter(key, bid, is_connected, self._note_verdict, may_wait=wait_s != 0)
        self.is_over = self._waiter.verdict != WAITING or wait_s == 0

    def on_known(self, tell: Callable[[], None]) -> None:
        """See Later."""
        with self._lock:
            self._tell, is_known = tell, self._is_known
        if is_known:
            tell()

    def expire(self) -> None:
        """See Later."""
        self._note_verdict()

    def take(self) -> Answer:
        """See Later."""
        return self._conclude(lambda: self._table.leave(self._key, self._waiter))

    def give_up(self) -> None:
        """See Later."""
        try:
            self._table.leave(self._key, self._waiter)
        except NotLeading:
            pass

    @property
    def outlives_server(self) -> bool:
        """Return that a client whose connection is closed asks the next leader."""
        return True

    def _note_verdict(self) -> None:
        with self._lock:
            self._is_known, tell = True, self._tell
        if tell is not None:
            tell()
