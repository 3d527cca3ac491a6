"""One step of scheduling: everything that follows from the present states of a build's jobs."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.plane.watchers.build_graphs import BuildGraphs
from bkagent.controlplane.plane.watchers.concurrency_groups import ConcurrencyGroups
from bkagent.controlplane.records import Event, Job
from bkagent.controlplane.scheduling import build_state, ordering
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.store import agents, builds


class Scheduler:
    """Releases, fails, cancels and requeues jobs. Its callers hold a change of the ledger."""

    def __init__(self, ledger: Ledger, steps: Steps) -> None:
        self._ledger, self._steps = ledger, steps
        self._db = ledger.db
        self._graphs = BuildGraphs(ledger, steps)
        self._groups = ConcurrencyGroups(ledger)

    def add_steps(self, build_id: str, nodes: Sequence[StepNode]) -> None:
        """Take in steps that have been added to a build, before their jobs."""
        self._ledger.note_foresight()
        self._graphs.add_steps(build_id, nodes)

    def advance(self, build_id: str) -> None:
        """Let everything follow from the present states of a build's jobs."""
        is_canceled = self._ledger.build_alone(build_id).cancel_requested
        while not is_canceled:
            graph = self._graphs.get(build_id)
            self._ledger.note_foresight()
            for change in ordering.advance(self._steps.nodes(build_id)) if graph.has_circle else graph.advance():
                self._ledger.set_job(
                    self._ledger.job(change.job_id), state=change.state, broken_reason=change.broken_reason,
                    reason=change.reason,
                )  # fmt: skip
            to_cancel = graph.to_cancel()
            for job_id in to_cancel:
                self.cancel(self._ledger.job(job_id), "the build is failing")
            if not to_cancel:
                break
        for job_id in self._groups.admitted():
            self._ledger.set_job(self._ledger.job(job_id), state="scheduled")
        self.settle(build_id)

    def cancel(self, job: Job, reason: str) -> Job:
        """Cancel a job, at once or through its agent; one that has ended stays as it is."""
        now = self._ledger.clock()
        if job.state in ("accepted", "running", "timing_out"):
            return self._ledger.set_job(job, state="canceling", cancel_requested_at=now, reason=reason)
        if job.state == "assigned":
            self.free_agent(job)
        if job.final or job.state == "canceling":
            return job
        return self._ledger.set_job(job, state="canceled", cancel_requested_at=now, reason=reason, agent_id="")

    def requeue(self, job: Job) -> None:
        """Take back a job that was offered to an agent or accepted by it, for any agent to get."""
        self.free_agent(job)
        self._ledger.set_job(job, state="scheduled", agent_id="", assigned_at=None, accepted_at=None)

    def free_agent(self, job: Job) -> None:
        """Note that the agent of this job has no job any more."""
        agent = agents.TABLE.get(self._db, job.agent_id) if job.agent_id else None
        if agent is not None and agent.job_id == job.id:
            self._ledger.set_agent(agent, job_id="")

    def settle(self, build_id: str) -> None:
        """Let a build's state follow from its jobs."""
        build = self._ledger.build_alone(build_id)
        graph = self._graphs.get(build_id)
        begun_at = build.started_at if build.started_at is not None else graph.started_at
        state, blocked = build_state.state_of(build, graph.tally, has_begun=begun_at is not None)
        now = max(self._ledger.clock(), build.created_at, begun_at or 0.0)  # the clock may have been set back
        changes: Dict[str, Any] = {"state": state, "blocked": blocked, "started_at": begun_at}
        if state in ("failing", "failed") and build.failing_at is None:
            changes["failing_at"] = now
        ended = state in build_state.FINAL and not blocked
        if ended and build.finished_at is None:
            changes["finished_at"] = now
        elif not ended:
            changes["finished_at"] = None
        changed = builds.TABLE.change(self._db, build, **changes)
        if (changed.state, changed.blocked) != (build.state, build.blocked):
            self._ledger.tell(Event("build", build.id, state="blocked" if changed.blocked else changed.state))
        if ended:
            self._graphs.forget(build_id)
