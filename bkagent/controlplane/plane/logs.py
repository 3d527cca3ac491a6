"""Logs of jobs: a file holds the bytes, a table says which of them have arrived."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import Iterator, List, Mapping, Optional, Tuple

from bkagent.controlplane.errors import Conflict, Forbidden, InvalidRequest, NotFound, Rejected
from bkagent.controlplane.plane.chunk_commits import ChunkCommits
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Event
from bkagent.controlplane.scheduling import limits, states
from bkagent.controlplane.store import chunks, job_status
from bkagent.controlplane.store.chunks import ChunkRow
from bkagent.controlplane.store.job_status import JobStatus
from bkagent.controlplane.store.log_file import LogFile
from bkagent.wire.digits import is_whole

MOST_OPEN = 512
LATE_LOG_S = 60.0
# An agent that was given up may be cut off for days and still have the log: nothing that a job printed is lost.
LOST_LOG_S = 7 * 24 * 3600.0
# Other states than these take chunks, final ones too: an agent that had been given up may still have some to send.
_NEVER_RAN = (
    "waiting", "blocked", "limited", "scheduled", "assigned", "skipped", "broken", "waiting_failed", "blocked_failed",
)  # fmt: skip


class Logs:
    """Keeps what jobs print, in a file per job in `folder`."""

    def __init__(self, ledger: Ledger, folder: str) -> None:
        self._ledger, self._folder = ledger, folder
        self._db = ledger.db
        self._files: "OrderedDict[str, LogFile]" = OrderedDict()
        self._commits = ChunkCommits(ledger)
        self._files_lock = threading.Lock()

    def accepts(self, job_id: str) -> bool:
        """Say whether a job may add to its log: until a minute after its end.

        If its agent was given up, until that agent reports the job's end, for a week at most.
        Raises NotFound.
        """
        return self.is_open(self._status(job_id))

    def is_open(self, job: JobStatus) -> bool:
        """Say the same of a job whose status is known."""
        limit_s = LOST_LOG_S if job.reason in states.GIVEN_UP_REASONS else LATE_LOG_S
        return not job.final or self._ledger.clock() - (job.finished_at or 0.0) <= limit_s

    def append(
        self, job_id: str, sequence: int, offset: int, size: int, chunk: bytes, agent_id: Optional[str] = None
    ) -> bool:
        """Keep a chunk of a job's log, in any order; say whether it is new.

        The same chunk again changes nothing. Raises InvalidRequest if `size` is not the size of the data, Conflict if
        the chunk contradicts another one, Forbidden if another agent has the job by now, Rejected beyond the limits and
        for a job whose log is closed.
        """
        _check_chunk(sequence, offset, size, chunk)
        with self._locked_file(job_id) as file:
            with self._db.lock:  # taken once for both
                job = self._status(job_id)
                known_chunk = chunks.get(self._db, job_id, sequence)
            self._check_job(job, agent_id)
            if known_chunk is not None:
                if known_chunk != (offset, size):
                    raise Conflict(
                        f"chunk {sequence} was already sent with offset {known_chunk[0]} and size {known_chunk[1]}"
                    )
                return False
            if file.extents.overlaps(offset, size):
                raise Conflict(f"bytes {offset} to {offset + size} of the log were already sent in another chunk")
            file.write(offset, chunk)
            self._commits.add(ChunkRow(job_id, sequence, offset, size))
            readable_before = file.extents.contiguous
            file.extents.add(offset, size)
            # Who subscribes later reads the log from its beginning.
            if file.extents.contiguous > readable_before and self._ledger.feed.has_subscribers:
                is_next = (readable_before, file.extents.contiguous) == (offset, offset + size)
                self._publish(file, job, readable_before, chunk if is_next else None)
        return True

    def _check_job(self, job: JobStatus, agent_id: Optional[str]) -> None:
        """Raise Rejected or Forbidden where this agent (None: any) may not add to the log of this job."""
        if job.type != "script" or job.state in _NEVER_RAN:
            raise Rejected(f"the job is {self._ledger.job(job.id).shown_state}; it has no log")
        if agent_id not in (None, job.agent_id):
            raise Forbidden("the job is not this agent's")
        if not self.is_open(job):
            raise Rejected("the job has ended; its log is closed")

    def _publish(self, file: LogFile, job: JobStatus, start: int, chunk: Optional[bytes]) -> None:
        """Tell subscribers what has become readable from `start` on, in pieces of at most a chunk.

        `chunk`: all of it, if it is one chunk.
        """
        if chunk is not None:
            self._ledger.feed.publish(Event("log", job.build_id, job.id, offset=start, data=chunk))
            return
        while True:
            chunk = file.read(start, limits.CHUNK_BYTES, whole=False)
            if not chunk:
                return
            self._ledger.feed.publish(Event("log", job.build_id, job.id, offset=start, data=chunk))
            start += len(chunk)

    def _status(self, job_id: str) -> JobStatus:
        job = job_status.TABLE.get(self._db, job_id)
        if job is None:
            raise NotFound("No job found")
        return job

    def read(self, job_id: str, offset: int = 0, size: Optional[int] = None) -> bytes:
        """Return the log from `offset` on, at most `size` bytes (None: to the end).

        What comes after a gap is returned only once the job has ended. Raises NotFound.
        """
        whole = self._status(job_id).final
        return self._file(job_id).read(max(0, offset), size, whole=whole)

    def size(self, job_id: str) -> int:
        """Return how many bytes `read` could return. Raises NotFound."""
        whole = self._status(job_id).final
        return self._file(job_id).size(whole=whole)

    def delete(self, job_id: str) -> None:
        """Delete what a job printed. Raises Rejected while it may still print."""
        if not self._status(job_id).final:
            raise Rejected("the log of a job that has not ended cannot be deleted")
        self.erase(job_id)

    def erase(self, job_id: str) -> None:
        """Delete what a job printed, whatever its state. Raises PlaneError where the file cannot be removed."""
        with self._locked_file(job_id) as file, self._ledger.change():
            chunks.forget(self._db, job_id)
            file.erase()

    def put_header_times(self, job_id: str, times: Mapping[str, str]) -> None:
        """Keep when the header lines of a log were printed: index to RFC 3339 time. Raises Rejected."""
        with self._ledger.change():
            self._ledger.job(job_id)
            for index, at in times.items():
                if not is_whole(index, 9) or int(index) > limits.HEADER_TIMES_PER_JOB or len(at) > 64:
                    raise Rejected("header times are RFC 3339 times under the index of their line")
                chunks.put_header_time(self._db, job_id, int(index), at)

    def header_times(self, job_id: str) -> List[Tuple[int, str]]:
        """Return (index, RFC 3339 time) of every header line, in order."""
        return chunks.header_times(self._db, job_id)

    @contextmanager
    def _locked_file(self, job_id: str) -> Iterator[LogFile]:
        """Hold the lock of a job's log file, which is open in no other object meanwhile."""
        while True:
            file = self._file(job_id)
            with file.lock:
                if not file.closed:
                    yield file
                    return

    def _file(self, job_id: str) -> LogFile:
        with self._files_lock:
            if job_id not in self._files:
                self._status(job_id)
                path = os.path.join(self._folder, f"{job_id}.log")
                self._files[job_id] = LogFile(path, chunks.extents(self._db, job_id))
                self._close_oldest()
            self._files.move_to_end(job_id)
            return self._files[job_id]

    def _close_oldest(self) -> None:
        """Close the files beyond MOST_OPEN that nothing uses now; they are opened again on demand."""
        for job_id in list(self._files)[: max(0, len(self._files) - MOST_OPEN)]:
            file = self._files[job_id]
            if file.lock.acquire(blocking=False):
                file.closed = True
                del self._files[job_id]
                file.lock.release()


def _check_chunk(sequence: int, offset: int, size: int, chunk: bytes) -> None:
    if size != len(chunk) or size < 1:
        raise InvalidRequest(f"the chunk has {len(chunk)} bytes, but its size is given as {size}")
    if size > limits.CHUNK_BYTES or sequence < 0 or sequence > limits.CHUNKS_PER_JOB:
        raise Rejected(f"a chunk has at most {limits.CHUNK_BYTES} bytes, a job at most {limits.CHUNKS_PER_JOB} chunks")
    if offset < 0 or offset + size > limits.LOG_BYTES:
        raise Rejected(f"the log of a job has at most {limits.LOG_BYTES} bytes")
