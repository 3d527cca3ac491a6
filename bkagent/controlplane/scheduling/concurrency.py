"""Select the jobs of a concurrency group that may go to an agent now."""

from __future__ import annotations

import bisect
from typing import Counter, Dict, List, NamedTuple, Optional, Set, Tuple

from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.states import HOLDING

# Jobs in these states are in the queue; one that waits keeps its place, for a gate to close behind what is inside.
QUEUED = frozenset(("waiting", "limited"))


class QueuedJob(NamedTuple):
    """A job in the queue of its group; sorts by its place there."""

    order: Tuple[float, float, float, int, int, str]
    id: str
    is_limited: bool
    is_eager: bool
    limit: Optional[int]


class ConcurrencyGroup:
    """The jobs of one group that hold slots or queue, of all builds.

    An ordered job is let in when the slots held and the jobs queued ahead of it are fewer than its own limit; an eager
    one when the slots held are.
    """

    def __init__(self) -> None:
        self._holding: Set[str] = set()
        self._known: Dict[str, QueuedJob] = {}
        self._queue: List[QueuedJob] = []
        self._eager: List[QueuedJob] = []  # those of the queue that could be let in
        self._limits: Counter[Tuple[bool, int]] = Counter()

    def __len__(self) -> int:
        return len(self._holding) + len(self._known)

    def put(self, job: Job) -> None:
        """Take in a job as it is now."""
        self._remove(job.id)
        if job.state in HOLDING:
            self._holding.add(job.id)
        if job.state not in QUEUED:
            return
        is_eager = job.concurrency_method == "eager"
        queued = QueuedJob(_order(job), job.id, job.state == "limited", is_eager, job.concurrency_limit)
        self._known[job.id] = queued
        bisect.insort(self._queue, queued)
        if queued.is_limited and is_eager:
            bisect.insort(self._eager, queued)
        if queued.is_limited and queued.limit is not None:
            self._limits[(is_eager, queued.limit)] += 1

    def _remove(self, id: str) -> None:
        self._holding.discard(id)
        queued = self._known.pop(id, None)
        if queued is None:
            return
        for queue in (self._queue, self._eager):
            at = bisect.bisect_left(queue, queued)
            if at < len(queue) and queue[at] == queued:
                del queue[at]
        if queued.is_limited and queued.limit is not None:
            limit = (queued.is_eager, queued.limit)
            self._limits[limit] -= 1
            if not self._limits[limit]:
                del self._limits[limit]

    def admitted(self) -> List[str]:
        """Return the limited jobs that get a slot, first to last."""
        held, ahead, at = len(self._holding), 0, 0
        ids: List[str] = []
        limit = max((limit for is_eager, limit in self._limits if not is_eager), default=0)
        while at < len(self._queue) and held + ahead < limit:  # beyond that no ordered job can be let in
            job = self._queue[at]
            if _has_slot(job, held if job.is_eager else held + ahead):
                ids.append(job.id)
                held += 1
            else:
                ahead += 1
            at += 1
        limit = max((limit for is_eager, limit in self._limits if is_eager), default=0)
        for job in self._eager[bisect.bisect_left(self._eager, self._queue[at]) :] if at < len(self._queue) else ():
            if held >= limit:
                break
            if _has_slot(job, held):
                ids.append(job.id)
                held += 1
        return ids


def _has_slot(job: QueuedJob, taken: int) -> bool:
    return job.is_limited and (job.limit is None or taken < job.limit)


def _order(job: Job) -> Tuple[float, float, float, int, int, str]:
    # Eager jobs do not mind who came first, so among them the priority decides.
    first = -float(job.priority) if job.concurrency_method == "eager" else 0.0
    scheduled = job.created_at if job.scheduled_at is None else job.scheduled_at
    return (first, scheduled, job.created_at, job.sequence, job.parallel_index or 0, job.id)
