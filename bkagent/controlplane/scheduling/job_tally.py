"""How many of a build's jobs are in which kind of state: what the state of a build follows from."""

from __future__ import annotations

from typing import Dict, Optional

from bkagent.controlplane.records import FINAL_STATES
from bkagent.controlplane.scheduling.graph.gates import CANCELED, FAILED
from bkagent.controlplane.scheduling.graph.graph_steps import GraphJob
from bkagent.controlplane.scheduling.states import ACTIVE


class JobTally:
    """Counts the jobs of a build that count, those that were not retried.

    live        have not ended
    active      are with an agent, or go to one by themselves
    held_back   wait for others
    failed      make the build fail
    ran         are no waits, and neither broken nor skipped
    """

    def __init__(self) -> None:
        self.live = self.active = self.held_back = self.failed = self.ran = 0
        self._asking: Dict[str, GraphJob] = {}

    @property
    def blocked_state(self) -> Optional[str]:
        """Return what the first block or input step asks for that waits for a person; None where none waits."""
        return min(self._asking.values(), key=lambda job: job.step.position).blocked_state if self._asking else None

    def add(self, job: GraphJob, by: int = 1) -> None:
        """Count a job."""
        self.live += by * (job.state not in FINAL_STATES)
        self.active += by * (job.state in ACTIVE)
        self.held_back += by * (job.state in ("waiting", "blocked"))
        self.failed += by * (job.outcome in (FAILED, CANCELED))
        self.ran += by * (job.type != "waiter" and job.state not in ("broken", "skipped"))
        if job.type == "manual" and job.state == "blocked" and by > 0:
            self._asking[job.id] = job

    def remove(self, job: GraphJob) -> None:
        """Count it no more."""
        self.add(job, -1)
        self._asking.pop(job.id, None)
