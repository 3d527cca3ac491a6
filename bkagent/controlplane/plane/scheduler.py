"""One step of scheduling: everything that follows from the present states of a build's jobs."""

from __future__ import annotations

from typing import Any, Dict, List

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import Build, Event, Job
from bkagent.controlplane.scheduling import build_state, concurrency, ordering, states
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.store import agents, builds, jobs
from bkagent.pipeline.model.steps import CommandStep


class Scheduler:
    """Releases, fails, cancels and requeues jobs. Its callers hold a change of the ledger."""

    def __init__(self, ledger: Ledger, steps: Steps) -> None:
        self._ledger, self._steps = ledger, steps
        self._db = ledger.db

    def advance(self, build_id: str) -> Build:
        """Let everything follow from the present states of a build's jobs; return the build as it is then."""
        build = self._ledger.build(build_id)
        while not build.cancel_requested:
            nodes = self._steps.nodes(build_id)
            current = {job.id: job for node in nodes for job in node.jobs}
            for change in ordering.advance(nodes):
                self._ledger.set_job(
                    current[change.job_id], state=change.state, broken_reason=change.broken_reason, reason=change.reason
                )
            if not self._cancel_for_failing(nodes, build_id):
                break
        self._admit(build_id)
        return self.settle(build_id)

    def _cancel_for_failing(self, nodes: List[StepNode], build_id: str) -> bool:
        """Cancel the jobs whose steps ask for it once another job has failed; say whether there were any."""
        asking = {node.id for node in nodes if isinstance(node.step, CommandStep) and node.step.cancel_on_build_failing}
        build_jobs = jobs.of_build(self._db, build_id) if asking else []
        if not any(states.counts_against(job) for job in build_jobs if not job.retried):
            return False
        canceled = [job for job in build_jobs if job.step_id in asking and not job.final and job.state != "canceling"]
        for job in canceled:
            self.cancel(job, "the build is failing")
        return bool(canceled)

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

    def _admit(self, build_id: str) -> None:
        """Let jobs of any build into their concurrency groups where there is a slot."""
        queued_or_holding = sorted(states.HOLDING | concurrency.QUEUED)
        for group in jobs.limited_groups(self._db):
            for job in concurrency.admitted(jobs.of_concurrency_group(self._db, group, queued_or_holding)):
                self._ledger.set_job(job, state="scheduled")
                if job.build_id != build_id:
                    self.settle(job.build_id)

    def settle(self, build_id: str) -> Build:
        """Let a build's state follow from its jobs; return the build as it is then."""
        build = self._ledger.build(build_id)
        build_jobs = jobs.of_build(self._db, build_id)
        state, blocked = build_state.state_of(build, build_jobs)
        now = self._ledger.clock()
        changes: Dict[str, Any] = {"state": state, "blocked": blocked}
        started = [job.started_at for job in build_jobs if job.started_at is not None]
        if started and build.started_at is None:
            changes["started_at"] = min(started)
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
        return changed
