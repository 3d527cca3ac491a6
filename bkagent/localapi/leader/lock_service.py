"""The locks of a machine as the process that leads has them: table, journal, watches and routes together."""

from __future__ import annotations

import threading
import time
from typing import Callable

from bkagent.localapi.leader.holder_watch import HolderWatch
from bkagent.localapi.leader.lock_journal import LockJournal
from bkagent.localapi.leader.lock_routes import LockRoutes
from bkagent.localapi.leader.lock_table import WAITERS_COUNT, LockTable
from bkagent.system import local_socket
from bkagent.system.boot import boot_id
from bkagent.system.descriptors import descriptors_count
from bkagent.wire.log_events import EventReport

_WAITING_THREADS_COUNT = 256  # where each waits on a thread of the server
_OTHER_DESCRIPTORS_COUNT = 256


class LockService:
    """Answers requests; only the process that holds the kernel lock of the leader may make one.

    answer(request)   the answer to any request for the leader's socket; on many threads
    """

    def __init__(self, folder: str, report: EventReport, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Go on with what the journal in the folder of the sockets has. Leads only after `lead`."""
        self._clock_ns = clock_ns
        self._due_set = threading.Event()
        self._closed = False
        journal = LockJournal.open(folder, boot_id(), report)
        self._table = LockTable(
            journal,
            HolderWatch(report).watch,
            on_due=self._due_set.set,
            clock_ns=clock_ns,
            waiters_count=_waiters_count(),
        )
        self.answer = LockRoutes(self._table, clock_ns=clock_ns).answer
        threading.Thread(target=self._expire, name="lock-expiry", daemon=True).start()

    def lead(self) -> None:
        """Serve clients from now on: before they are told to come here."""
        self._table.lead()

    def follow(self) -> None:
        """Serve clients no longer, since another program leads: all locks but those of jobs that run are forgotten."""
        self._table.follow()

    def close(self) -> None:
        """Serve clients no longer. The journal has everything when this returns."""
        self._table.close()
        self._closed = True
        self._due_set.set()

    def _expire(self) -> None:
        while not self._closed:
            self._due_set.clear()
            due_ns = self._table.expire()
            self._due_set.wait(None if due_ns is None else max(0.0, (due_ns - self._clock_ns()) / 1e9))


def _waiters_count() -> int:
    """Return how many clients may wait: each has a connection, and its job may have a watch."""
    if not local_socket.IS_SELECTABLE:
        return _WAITING_THREADS_COUNT
    return min(WAITERS_COUNT, max(0, descriptors_count() - _OTHER_DESCRIPTORS_COUNT) // 2)
