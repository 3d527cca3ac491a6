"""The jobs that wait for an agent, kept in memory. Hold the store's lock while using them."""

from __future__ import annotations

from typing import Callable, Iterator, Optional

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.job_queue import JobQueue, Rules
from bkagent.controlplane.store import jobs


class RunnableJobs:
    """Keeps their order."""

    def __init__(self, ledger: Ledger) -> None:
        self._db = ledger.db
        self._queue: Optional[JobQueue] = None
        ledger.watch_jobs(self)

    def walk(self, is_wanted: Callable[[Rules], bool]) -> Iterator[Job]:
        """Yield the jobs, the first to be handed out first, but none whose rules are not wanted (any more).

        No job may change until the walk is over.
        """
        if self._queue is None:
            self._queue = JobQueue()
            for id, rules, key in jobs.runnable(self._db):
                self._queue.put(id, rules, key)
        for id in self._queue.walk(is_wanted):
            job = jobs.TABLE.get(self._db, id)
            assert job is not None and job.state == "scheduled"
            yield job

    def job_changed(self, job: Job) -> None:
        """Take in a job that has begun to wait for an agent, or take out one that does not wait any more."""
        if self._queue is None:
            return
        if job.state == "scheduled":
            self._queue.put(job.id, job.agent_query_rules, jobs.dispatch_key(self._db, job.id))
        else:
            self._queue.remove(job.id)

    def forget(self, build_id: str) -> None:
        """Forget all: jobs of other builds stand between those of one."""
        self._queue = None
