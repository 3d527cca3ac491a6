"""Uploads a job's log from its spool entry, while the job prints and until every byte is acknowledged."""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Optional

from bkagent.errors import WireError
from bkagent.logs.upload.chunk_pacing import ChunkPacing
from bkagent.logs.upload.chunk_senders import CallNow, ChunkSenders, Send, call_on_own_thread
from bkagent.logs.upload.shared_backoff import SharedBackoff
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.background_sync import BackgroundSync, CallLater
from bkagent.spool.background_sync import call_on_own_thread as call_later_on_own_thread
from bkagent.spool.journal import Chunk, Journal
from bkagent.system.durable import is_full, sync_path
from bkagent.system.plain_file import open_plain
from bkagent.wire.log_events import EventReport

_LOOK_AT_STOP_S = 1.0  # an Event cannot be waited for together with the bell; `nudge` makes a stop prompt

# A job that prints much rings far more often than there is something to send, or something new to look at. After some
# rounds close together the rings are left to gather for a moment.
_MOST_CLOSE_ROUNDS = 8
_GATHER_S = 0.005
_FULL_DISK_PAUSE_S = 1.0
_MOST_LOST_BYTES = 1024**3  # when the machine loses power: far more than a job prints between two syncs


class Uploader:
    """Uploads the log of an entry that the caller owns. `send` makes one try: send(sequence, offset, size, gzipped).

    What `send` raises decides: after Unreachable and Unavailable the chunk is tried again without end, after Refused
    nothing more is sent. `backoff` may be shared with others who talk to the same endpoint. `watch` is called with the
    size of the log whenever it may have grown. `call_later` has the journal brought to the disk, `call_now` has chunks
    sent. Who knows the end of the job's process and rings the entry then says so by `is_rung_at_end`; else a thread
    waits for it.
    """

    def __init__(
        self,
        entry: AgentEntry,
        send: Send,
        report: EventReport,
        *,
        backoff: Optional[SharedBackoff] = None,
        watch: Optional[Callable[[int], None]] = None,
        call_later: CallLater = call_later_on_own_thread,
        call_now: CallNow = call_on_own_thread,
        is_rung_at_end: bool = False,
    ) -> None:
        self._entry, self._send, self._report, self._watch = entry, send, report, watch
        self._backoff = backoff or SharedBackoff()
        self._told_of_size = self._told_of_full_disk = False
        self._call_later, self._call_now = call_later, call_now
        self._is_rung_at_end, self._has_started = is_rung_at_end, False
        self.complete = False  # whether the job has ended and every byte is acknowledged

    def run(self, stop: threading.Event) -> None:
        """Upload until `complete` or `stop` is set.

        May be called again, for lines that were added after the end. Raises GivenUp, OSError, WireError.
        """
        self._bell = bell = self._entry.listener()
        try:
            journal = Journal(self._entry.chunks_path)
            senders = ChunkSenders(
                self._entry.log_path, journal, self._send, self._backoff, bell.ring, self._report, self._call_now
            )  # fmt: skip
            self._syncing = BackgroundSync(lambda: self._sync(journal), self._call_later)
            try:
                self._upload(journal, senders, stop)
            finally:
                self._syncing.close()
                senders.close()
        finally:
            bell.close()

    def nudge(self) -> None:
        """Make `run` look at `stop` now."""
        self._entry.ring()

    def _upload(self, journal: Journal, senders: ChunkSenders, stop: threading.Event) -> None:
        job = self._entry.job
        pace = ChunkPacing(job.chunk_max_bytes, job.chunk_interval_s)
        self._fill(journal)
        again = journal.unacknowledged()
        if any(chunk.size > job.chunk_max_bytes for chunk in again):
            raise WireError(f"{self._entry.chunks_path} has a chunk of more than {job.chunk_max_bytes} bytes")
        close_rounds_count = 0
        while not stop.is_set():
            looked_at = time.monotonic()
            close_rounds_count += 1
            senders.check()
            ended = self._has_ended()  # before the size: what the job printed last is in it then
            size = self._entry.log_size()
            self._warn_of_size(size, job.log_max_bytes)
            if self._watch is not None:
                self._watch(size)
            while again and senders.in_flight < pace.most_in_flight:
                senders.put(again.pop(0))
            while not again:
                take = pace.take(size - journal.next_offset, senders.in_flight, ended, time.monotonic())
                chunk = self._cut(journal, take, stop) if take else None
                if chunk is None:
                    break
                senders.put(chunk, level=1 if take == job.chunk_max_bytes else 6)
                if senders.in_flight == pace.most_in_flight:
                    close_rounds_count = 0  # the next ring may say that there is room for another
            unsent = size - journal.next_offset
            if ended and not again and not unsent and not senders.in_flight:
                self.complete = True
                return
            due_in_s = None if again else pace.due_in_s(unsent, senders.in_flight, time.monotonic())
            self._bell.wait(_LOOK_AT_STOP_S if due_in_s is None else min(_LOOK_AT_STOP_S, due_in_s))
            early_s = looked_at + _GATHER_S - time.monotonic()
            if early_s <= 0:
                close_rounds_count = 0
            elif close_rounds_count > _MOST_CLOSE_ROUNDS:
                stop.wait(early_s)

    def _cut(self, journal: Journal, size: int, stop: threading.Event) -> Optional[Chunk]:
        """Cut the next chunk, or wait a little where the disk has no room to write that down."""
        try:
            chunk = journal.cut(size)
            self._syncing.note_write()
            return chunk
        except OSError as problem:
            if not is_full(problem):
                raise
            if not self._told_of_full_disk:
                self._told_of_full_disk = True
                text = f"the log of job {self._entry.job_id} waits for room on the disk: {problem}"
                self._report("warn", text, "log.disk_full")
            stop.wait(_FULL_DISK_PAUSE_S)
            return None

    def _has_ended(self) -> bool:
        if self._has_started:
            return not self._entry.process.alive()
        if self._entry.process.ended():
            return True
        self._has_started = self._entry.process.started()
        if self._has_started and not self._is_rung_at_end:
            threading.Thread(target=self._ring_at_end, name="job-end", daemon=True).start()
        return False

    def _ring_at_end(self) -> None:
        self._entry.process.sleep_until_end()
        try:
            self._entry.ring()
        except OSError:
            pass  # the entry is gone already

    def _warn_of_size(self, size: int, limit: int) -> None:
        if limit and size > limit and not self._told_of_size:
            self._told_of_size = True
            text = f"the log of job {self._entry.job_id} exceeds {limit} bytes; the control plane may drop the rest"
            self._report("warn", text, "log.too_large")

    def _sync(self, journal: Journal) -> None:
        """Bring to the disk which chunks were cut, and before that what was cut.

        Chunks are sent without waiting for it. A loss of power loses the chunks cut in the last second, which are cut
        again from what the disk has of the log.
        """
        sync_path(self._entry.log_path)
        journal.sync()

    def _fill(self, journal: Journal) -> None:
        """Give a log that lost its end when the machine lost power its length back, so that offsets stay true."""
        missing = journal.next_offset - self._entry.log_size()
        if missing > _MOST_LOST_BYTES:
            raise WireError(f"{self._entry.chunks_path} has chunks of {missing} bytes behind the end of the log")
        if missing > 0 and not self._entry.process.alive():
            notice = b"\n[%d bytes of this log were lost in a power failure]\n" % missing
            with open(self._entry.log_path, "ab", buffering=0, opener=open_plain) as log:
                # The words come last: what was cut last is what is sent again.
                log.seek(0, os.SEEK_END)
                log.truncate(journal.next_offset - min(missing, len(notice)))
                log.write(notice[-missing:])
