"""What the connections of an event server share: the loop, threads for work, the table of connections."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Callable, Dict, Optional, Protocol

from bkagent.transport.event_server.event_loop import EventHandler, EventLoop
from bkagent.transport.work_threads import WorkThreads

if TYPE_CHECKING:
    from bkagent.report import Report
    from bkagent.transport.server.answering import Answering
    from bkagent.transport.server.connection_table import ConnectionTable
    from bkagent.transport.server.request_head import RequestHead
    from bkagent.transport.server.server_connection import ServerConnection

WORKERS_COUNT = 8  # the store and Python itself let one work at a time: more would wait for each other
QUICK_COUNT = 2  # which no long answer keeps from answering what is quick
TRANSFERS_COUNT = 512  # bodies and files that are read and sent by a thread each
STREAMS_COUNT = 1024  # as many connections may be streams, which never end by themselves
STRANGERS_STREAMS_COUNT = 16  # those of clients that have shown no token, which take no place of the others'

BeginInstant = Callable[["RequestHead"], Optional[Callable[[], None]]]
Step = Callable[[], None]  # what comes next for a connection, on the loop's thread


class Member(Protocol):
    """What is told when the server stops."""

    def stop(self) -> None:
        """Wait no longer for anything but what is under way."""
        ...


class ServedConnection(EventHandler):
    """A connection for those who have it for a while."""

    connection: ServerConnection

    def run(self, make_step: Callable[[], Step], *, may_wait: bool = False) -> None:
        """Call `make_step` on this thread, where it may wait for the client or not, and then take that step."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection."""
        raise NotImplementedError


class EventService:
    """Passed to every conversation.

    begin_instant   returns what ends the turn of a request that is answered on the loop's thread, None for others
    is_quick        says of a request's head whether threads answer it that answer nothing else
    """

    def __init__(
        self, name: str, answering: Answering, table: ConnectionTable, report: Report,
        begin_instant: BeginInstant, is_quick: Callable[[RequestHead], bool],
    ) -> None:  # fmt: skip
        self.answering, self.table, self.begin_instant = answering, table, begin_instant
        self._is_quick = is_quick
        self._name, self._report = name, report
        self.loop = EventLoop(answering.report_defect)
        self.stopping = False
        self.members: Dict[Member, None] = {}
        self.on_room: Callable[[], None] = lambda: None  # told when a connection has ended
        self._workers = WorkThreads(WORKERS_COUNT, WORKERS_COUNT)
        self._quick = WorkThreads(QUICK_COUNT, QUICK_COUNT)
        self._transfers = WorkThreads(TRANSFERS_COUNT)
        self._transferring: Dict[Callable[[], None], ServerConnection] = {}
        self._lock = threading.Lock()
        self._streams_count = {True: 0, False: 0}  # of those who have shown a token, and of those who have not

    def work(self, work: Callable[[], None], instead: Callable[[], None], head: Optional[RequestHead] = None) -> None:
        """Have a thread do what does not wait for a client, such as to answer the request with this head.

        Does `instead` where none can be started.
        """

        def run() -> None:
            try:
                work()
            except Exception as problem:  # the edge of one piece of work
                self.answering.report_defect(problem)

        self._put(self._quick if head is not None and self._is_quick(head) else self._workers, run, instead)

    def transfer(self, conversation: ServedConnection, make_step: Callable[[], Step]) -> None:
        """Have a thread do what waits for a client. Where too many wait already, one of them makes room."""
        if self._transfers.is_full:
            self.table.displace(list(self._transferring.values()))

        def run() -> None:
            self._transferring[run] = conversation.connection
            try:
                conversation.run(make_step, may_wait=True)
            finally:
                del self._transferring[run]

        self._put(self._transfers, run, conversation.close)

    def forget(self, connection: ServerConnection) -> None:
        """Close a connection and serve it no longer."""
        self.table.remove(connection)
        self.on_room()

    def admit_stream(self, is_known: bool) -> bool:
        """Count another stream, unless there are too many."""
        with self._lock:
            limit = STREAMS_COUNT if is_known else STRANGERS_STREAMS_COUNT
            is_free = self._streams_count[is_known] < limit and not self.stopping
            self._streams_count[is_known] += is_free
        return is_free

    def end_stream(self, is_known: bool) -> None:
        """Count a stream no longer."""
        with self._lock:
            self._streams_count[is_known] -= 1

    def close_threads(self) -> None:
        """Let the threads end when they have done what is under way."""
        for threads in (self._workers, self._quick, self._transfers):
            threads.close()

    def _put(self, threads: WorkThreads, work: Callable[[], None], instead: Callable[[], None]) -> None:
        try:
            threads.put(work)
        except RuntimeError as problem:
            self._report("warn", f"{self._name} dropped a connection, as no thread can be started: {problem}")
            instead()
