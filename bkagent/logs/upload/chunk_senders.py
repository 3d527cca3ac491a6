"""Threads that compress and send the chunks of one log, several side by side."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Optional, Tuple

from bkagent.errors import AgentError, Refused, Unavailable, Unreachable
from bkagent.logs.upload.shared_backoff import SharedBackoff
from bkagent.spool.journal import Chunk, Journal
from bkagent.system import freed_memory
from bkagent.system.plain_file import open_plain
from bkagent.wire.gzip_body import compressor
from bkagent.wire.log_events import EventReport

Send = Callable[[int, int, int, bytes], None]
CallNow = Callable[[str, Callable[[], None]], None]
_READ_BYTES = 256 * 1024
_KEPT_BYTES = 3 * _READ_BYTES  # what a thread needs for a chunk: a block of it, and zlib's state, which is as large


def call_on_own_thread(name: str, task: Callable[[], None]) -> None:
    """Call a task on a thread for it alone."""
    threading.Thread(target=task, name=name, daemon=True).start()


class GivenUp(Refused):
    """The control plane refuses a chunk; no more of this log is sent. `chunks_failed_count` chunks never arrived."""

    def __init__(self, message: str, status: int, chunks_failed_count: int) -> None:
        super().__init__(message, status)
        self.chunks_failed_count = chunks_failed_count


class ChunkSenders:
    """Sends what is `put`, each chunk until it is acknowledged. `ring` is called when the state has changed.

    `call_now` is what has a task run on another thread, whose name is for reports.
    """

    def __init__(
        self,
        log_path: str,
        journal: Journal,
        send: Send,
        backoff: SharedBackoff,
        ring: Callable[[], None],
        report: EventReport,
        call_now: CallNow = call_on_own_thread,
    ) -> None:
        self._log_path, self._journal, self._send, self._backoff = log_path, journal, send, backoff
        self._ring, self._report, self._call_now = ring, report, call_now
        self._changed = threading.Condition()
        self._waiting: Deque[Tuple[Chunk, int]] = deque()
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._failure: Optional[Exception] = None
        self.in_flight = 0  # chunks that were put and not acknowledged

    def put(self, chunk: Chunk, level: int = 6) -> None:
        """Send a chunk, compressed at a zlib level. Returns at once."""
        with self._changed:
            self._waiting.append((chunk, level))
            self.in_flight += 1
            if self._idle < len(self._waiting):
                self._threads += 1
                if self._threads == 2:  # much is printed
                    freed_memory.keep(_KEPT_BYTES)
                self._call_now("log-chunks", self._work)
            self._changed.notify()

    def check(self) -> None:
        """Raise what made a thread stop: GivenUp, another AgentError, a file's OSError, RuntimeError for a defect."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Stop. A request that is under way goes on in its thread; its chunk counts as unacknowledged."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._backoff.wake()
        self._journal.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while not self._waiting and not self._closed:
                    self._changed.wait()
                self._idle -= 1
                if self._closed:
                    return
                chunk, level = self._waiting.popleft()
            if not self._deliver_or_fail(chunk, level):
                return
            with self._changed:
                self.in_flight -= 1
                self._tell()

    def _deliver_or_fail(self, chunk: Chunk, level: int) -> bool:
        """Send a chunk; false when this thread is to end. Whatever ends it otherwise, `check` raises to the caller."""
        problem: Exception = RuntimeError("a thread that sends log chunks broke off")
        is_delivered = False
        try:
            is_delivered = self._deliver(chunk, gzip_chunk(self._log_path, chunk, level))
        except Refused as refusal:
            problem = GivenUp(str(refusal), refusal.status, len(self._journal.unacknowledged()))
        except (AgentError, OSError) as trouble:
            problem = trouble
        finally:
            if not is_delivered:
                self._fail(problem)
        return is_delivered

    def _deliver(self, chunk: Chunk, body: bytes) -> bool:
        """Send until it is acknowledged; false when closed before."""
        if self._backoff.hold(lambda: self._closed):
            return False
        tries = 0
        while not self._closed:
            try:
                self._send(chunk.sequence, chunk.offset, chunk.size, body)
            except Unreachable as problem:
                tries += 1
                if tries == 1:
                    text = f"log chunk {chunk.sequence} will be sent again: {problem}"
                    self._report("warn", text, "log.chunk_retried")
                wish_s = problem.retry_after_s if isinstance(problem, Unavailable) else None
                if self._backoff.wait(lambda: self._closed, tries, wish_s or 0.0):
                    return False
                continue
            self._backoff.over()
            self._journal.acknowledge(chunk.sequence)
            return True
        return False

    def _fail(self, problem: Exception) -> None:
        with self._changed:
            if self._failure is None and not self._closed:
                self._failure = problem
            self._tell()

    def _tell(self) -> None:
        """Ring, unless the bell may be gone. Called with the lock held: `close` waits for it."""
        if not self._closed:
            self._ring()


def gzip_chunk(path: str, chunk: Chunk, level: int) -> bytes:
    """Return a piece of a file, compressed for the wire. Raises OSError when the file ends before it."""
    packer = compressor(level)
    pieces = []
    with open(path, "rb", buffering=0, opener=open_plain) as file:
        file.seek(chunk.offset)
        remaining = chunk.size
        while remaining:
            data = file.read(min(remaining, _READ_BYTES))
            if not data:
                raise OSError(f"{path} ends before byte {chunk.offset + chunk.size}")
            remaining -= len(data)
            pieces.append(packer.compress(data))
    pieces.append(packer.flush())
    return b"".join(pieces)
