"""Select the jobs of a concurrency group that may go to an agent now."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.states import HOLDING

# Jobs in these states are in the queue; one that waits keeps its place, for a gate to close behind what is inside.
QUEUED = frozenset(("waiting", "limited"))


def admitted(jobs: Sequence[Job]) -> List[Job]:
    """Return the limited jobs that get a slot, first to last.

    `jobs` are those of one group that hold slots or queue, of all builds. An ordered job is let in when the slots
    held and the jobs queued ahead of it are fewer than its own limit; an eager one when the slots held are.
    """
    held = sum(1 for job in jobs if job.state in HOLDING)
    admissible = []
    ahead = 0
    for job in sorted((job for job in jobs if job.state in QUEUED), key=_queue_order):
        limit = job.concurrency_limit
        taken = held if job.concurrency_method == "eager" else held + ahead
        if job.state == "limited" and (limit is None or taken < limit):
            admissible.append(job)
            held += 1
        else:
            ahead += 1
    return admissible


def _queue_order(job: Job) -> Tuple[float, float, float, int, str]:
    # Eager jobs do not mind who came first, so among them the priority decides.
    first = -float(job.priority) if job.concurrency_method == "eager" else 0.0
    scheduled = job.created_at if job.scheduled_at is None else job.scheduled_at
    return (first, scheduled, job.created_at, job.sequence, job.id)
