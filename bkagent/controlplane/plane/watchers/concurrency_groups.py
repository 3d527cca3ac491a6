"""The concurrency groups with jobs that hold slots or wait for them, kept in memory.

Hold the store's lock while using them.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Set

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.scheduling.concurrency import QUEUED, ConcurrencyGroup
from bkagent.controlplane.store import jobs


class ConcurrencyGroups:
    """Keeps them, and which of them have changed."""

    def __init__(self, ledger: Ledger) -> None:
        self._db = ledger.db
        self._groups: Optional[Dict[str, ConcurrencyGroup]] = None
        self._changed: Set[str] = set()
        ledger.watch_jobs(self)

    def admitted(self) -> List[str]:
        """Return the jobs, of any build, that get a slot in a group that has changed since this was asked."""
        if self._groups is None:
            self._groups = {}
            for job in jobs.in_concurrency_groups(self._db, sorted(states.HOLDING | QUEUED)):
                self.job_changed(job)
        changed = sorted(self._changed)
        self._changed.clear()
        return [id for name in changed for id in self._groups[name].admitted()]

    def job_changed(self, job: Job) -> None:
        """Take in a job as it is now."""
        name = job.concurrency_group
        if not name or self._groups is None:
            return
        group = self._groups.setdefault(name, ConcurrencyGroup())
        group.put(job)
        self._changed.add(name)
        if not len(group):
            del self._groups[name]
            self._changed.discard(name)

    def forget(self, build_id: str) -> None:
        """Forget all: jobs of other builds stand between those of one."""
        self._groups = None
        self._changed.clear()
