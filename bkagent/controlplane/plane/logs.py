"""The part of the control plane that keeps what jobs print."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, List, Mapping, Optional, Tuple

from bkagent.controlplane.errors import BadRequest, Conflict, Rejected
from bkagent.controlplane.plane.ledger import PlaneState
from bkagent.controlplane.records import Event
from bkagent.controlplane.scheduling import limits, states
from bkagent.controlplane.store import chunks
from bkagent.controlplane.store.log_file import LogFile

MOST_OPEN = 512
LATE_LOG_S = 60.0
# An agent that was given up may be cut off for days and still have the log: nothing that a job printed is lost.
LOST_LOG_S = 7 * 24 * 3600.0
# A job that ended may still have a part of its log on the way, from an agent that had been given up.
_NEVER_RAN = (
    "waiting",
    "blocked",
    "limited",
    "scheduled",
    "assigned",
    "skipped",
    "broken",
    "waiting_failed",
    "blocked_failed",
)


class PlaneLogs(PlaneState):
    """Logs. A file holds the bytes, a table says which of them are there."""

    def takes_log(self, job_id: str) -> bool:
        """Say whether a job may add to its log: until a minute after its end.

        Where its agent was given up it may until that agent has come back and told of the end, for a week at most.
        Raises NotFound.
        """
        job = self.job(job_id)
        limit_s = LOST_LOG_S if job.reason == states.LOST_REASON else LATE_LOG_S
        return not job.final or self._clock() - (job.finished_at or 0.0) <= limit_s

    def append_chunk(self, job_id: str, sequence: int, offset: int, size: int, data: bytes) -> bool:
        """Keep a chunk of a job's log, in whatever order they come; say whether it is new.

        The same chunk again changes nothing. Raises BadRequest where `size` is not that of the data, Conflict where
        it contradicts what is there, Rejected beyond the limits.
        """
        if size != len(data) or size < 1:
            raise BadRequest(f"the chunk has {len(data)} bytes, but its size is given as {size}")
        if size > limits.CHUNK_BYTES or sequence < 0 or sequence > limits.CHUNKS_PER_JOB:
            raise Rejected(
                f"a chunk has at most {limits.CHUNK_BYTES} bytes, a job at most {limits.CHUNKS_PER_JOB} chunks"
            )
        if offset < 0 or offset + size > limits.LOG_BYTES:
            raise Rejected(f"the log of a job has at most {limits.LOG_BYTES} bytes")
        job = self.job(job_id)  # type: ignore[attr-defined]
        if job.type != "script" or job.state in _NEVER_RAN:
            raise Rejected(f"the job is {job.shown_state}; it has no log")
        with self._held_log(job_id) as log:
            known = chunks.get(self._db, job_id, sequence)
            if known is not None:
                if known != (offset, size):
                    raise Conflict(f"chunk {sequence} was already sent with offset {known[0]} and size {known[1]}")
                return False
            if log.extents.overlaps(offset, size):
                raise Conflict(f"bytes {offset} to {offset + size} of the log were already sent in another chunk")
            log.write(offset, data)
            before = log.extents.contiguous
            with self._change():
                chunks.add(self._db, job_id, sequence, offset, size)
            log.extents.add(offset, size)
            after = log.extents.contiguous
            if after > before:
                self._publish(
                    log, job_id, job.build_id, before, data if (before, after) == (offset, offset + size) else None
                )
        return True

    def _publish(self, log: LogFile, job_id: str, build_id: str, start: int, data: Optional[bytes]) -> None:
        """Tell what has become readable from `start` on, in pieces of at most a chunk."""
        if data is not None:
            self._feed.publish(Event("log", build_id, job_id, offset=start, data=data))
            return
        while True:
            data = log.read(start, limits.CHUNK_BYTES, whole=False)
            if not data:
                return
            self._feed.publish(Event("log", build_id, job_id, offset=start, data=data))
            start += len(data)

    def read_log(self, job_id: str, offset: int = 0, size: Optional[int] = None) -> bytes:
        """Return the log from `offset` on, at most `size` bytes (None: to the end).

        What comes after a gap is given only once the job has ended.
        """
        whole = self.job(job_id).final
        return self._log(job_id).read(max(0, offset), size, whole=whole)

    def log_size(self, job_id: str) -> int:
        """Return how many bytes `read_log` could give."""
        whole = self.job(job_id).final
        return self._log(job_id).size(whole=whole)

    def log_path(self, job_id: str) -> str:
        """Return the file of a job's log, bytes at their offsets; it is not there while nothing was printed."""
        self.job(job_id)
        return self._log(job_id).path

    def delete_log(self, job_id: str) -> None:
        """Forget what a job printed. Raises Rejected while it may still print."""
        if not self.job(job_id).final:
            raise Rejected("the log of a job that has not ended cannot be deleted")
        with self._held_log(job_id) as log, self._change():
            chunks.forget(self._db, job_id)
            log.erase()

    def put_header_times(self, job_id: str, times: Mapping[str, str]) -> None:
        """Keep when the header lines of a log were printed: index to RFC 3339 time. Raises Rejected."""
        with self._change():
            self.job(job_id)
            for index, at in times.items():
                is_number = index.isascii() and index.isdigit() and len(index) < 10
                if not is_number or int(index) > limits.HEADER_TIMES_PER_JOB or len(at) > 64:
                    raise Rejected("header times are RFC 3339 times under the index of their line")
                chunks.put_header_time(self._db, job_id, int(index), at)

    def header_times(self, job_id: str) -> List[Tuple[int, str]]:
        """Return (index, RFC 3339 time) of every header line, in order."""
        return chunks.header_times(self._db, job_id)

    @contextmanager
    def _held_log(self, job_id: str) -> Iterator[LogFile]:
        """Hold a log's lock; nobody else has the same log open under another object then."""
        while True:
            log = self._log(job_id)
            with log.lock:
                if not log.closed:
                    yield log
                    return

    def _log(self, job_id: str) -> LogFile:
        with self._logs_lock:
            if job_id not in self._logs:
                path = os.path.join(self.folder, "logs", f"{job_id}.log")
                self._logs[job_id] = LogFile(path, chunks.extents(self._db, job_id))
                self._forget_ended()
            self._logs.move_to_end(job_id)
            return self._logs[job_id]

    def _forget_ended(self) -> None:
        """Close what nobody writes to any more; it is read from the table again when somebody asks."""
        for job_id in list(self._logs)[: max(0, len(self._logs) - MOST_OPEN)]:
            log = self._logs[job_id]
            if log.lock.acquire(blocking=False):
                log.closed = True
                del self._logs[job_id]
                log.lock.release()
