"""Jobs as people change them: cancel, unblock, retry, reprioritize."""

from __future__ import annotations

from typing import Any, Collection, List, Mapping, Optional

from bkagent.controlplane.errors import InvalidRequest, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.meta_data import MetaData
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import Job, StepEntry, new_id
from bkagent.controlplane.scheduling import block_answers, retries, states
from bkagent.controlplane.store import jobs
from bkagent.pipeline.model.rules import Retry
from bkagent.pipeline.model.steps import CommandStep, ManualStep


class Jobs:
    """Reads jobs, and does with them what people ask for."""

    def __init__(self, ledger: Ledger, steps: Steps, scheduler: Scheduler, meta_data: MetaData) -> None:
        self._ledger, self._steps, self._scheduler, self._meta_data = ledger, steps, scheduler, meta_data
        self._db = ledger.db

    def get(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        return self._ledger.job(job_id)

    def of_build(self, build_id: str, *, retried: bool = True) -> List[Job]:
        """Return the jobs of a build in order; without `retried` only the newest attempts."""
        return [job for job in jobs.of_build(self._db, build_id) if retried or not job.retried]

    def cancel(self, job_id: str, *, reason: str = "") -> Job:
        """Cancel one job. Raises Rejected for one that has ended."""
        with self._ledger.change():
            job = self._ledger.job(job_id)
            if job.final:
                raise Rejected(f"the job is {job.shown_state} and cannot be cancelled")
            self._scheduler.cancel(job, reason or "the job was cancelled")
            self._scheduler.advance(job.build_id)
            return self._ledger.job(job_id)

    def cancel_step(self, build_id: str, id_or_key: str) -> StepEntry:
        """Cancel every job of a step that has not ended. Raises NotFound."""
        with self._ledger.change():
            entry = self._steps.get(build_id, id_or_key)
            for job in jobs.of_step(self._db, build_id, entry.id):
                self._scheduler.cancel(job, "the step was cancelled")
            self._scheduler.advance(build_id)
            return entry

    def unblock(self, job_id: str, *, fields: Optional[Mapping[str, Any]] = None, unblocker: str = "") -> Job:
        """Let a build go on after a block or input step; the answers become meta-data.

        Raises InvalidRequest for a job of another type, Rejected for answers that are missing or wrong.
        """
        answered = self._ledger.job(job_id)
        if answered.type == "manual" and answered.state == "blocked":
            block_answers.check_formats(self._manual_step(answered).fields, fields or {})
        with self._ledger.change() as now:
            job = self._ledger.job(job_id)
            if job.type != "manual":
                raise InvalidRequest("This job type cannot be unblocked")
            build = self._ledger.build_alone(job.build_id)
            if build.cancel_requested:
                raise Rejected("Jobs from canceled builds cannot be unblocked")
            if job.state != "blocked":
                raise Rejected(f"the job is {job.shown_state}; only a blocked one can be unblocked")
            answers = block_answers.check(self._manual_step(job).fields, fields or {})
            self._meta_data.put(build.id, answers)
            self._ledger.set_job(job, state="unblocked", unblocked_at=now, unblocked_by=unblocker, fields=answers)
            self._scheduler.advance(build.id)
            return self._ledger.job(job_id)

    def questions(self, job_id: str) -> ManualStep:
        """Return the step of a job that waits for a person. Raises InvalidRequest for a job of another type."""
        with self._db.lock:
            job = self._ledger.job(job_id)
            if job.type != "manual":
                raise InvalidRequest("This job type cannot be unblocked")
            return self._manual_step(job)

    def _manual_step(self, job: Job) -> ManualStep:
        step = self._steps.of_job(job)
        assert isinstance(step, ManualStep)
        return step

    def retry(self, job_id: str) -> Job:
        """Run a failed, timed out or canceled job again; return the new job. Raises InvalidRequest or Rejected."""
        with self._ledger.change():
            job = self._ledger.job(job_id)
            if self._ledger.build_alone(job.build_id).cancel_requested:
                raise Rejected("Jobs from canceled builds cannot be retried")
            step = self._steps.of_job(job)
            retries.check_manual(step.retry if isinstance(step, CommandStep) else Retry(), job)
            attempt = self.add_attempt(job, "manual")
            self._scheduler.advance(job.build_id)
            return self._ledger.job(attempt.id)

    def retry_all(self, build_id: str, shown_states: Collection[str]) -> int:
        """Run the jobs of a build again that have one of these states and whose steps permit it; return how many.

        "soft_failed" stands for those that failed softly, "failed" for the others. Raises Rejected in a canceled build.
        """
        count = 0
        with self._ledger.change():
            if self._ledger.build_alone(build_id).cancel_requested:
                raise Rejected("Jobs from canceled builds cannot be retried")
            for job in self.of_build(build_id, retried=False):
                state = "soft_failed" if job.soft_failed else job.shown_state
                step = self._steps.of_job(job) if state in shown_states else None
                if not isinstance(step, CommandStep) or not step.retry.manual_allowed or job.passed:
                    continue
                self.add_attempt(job, "manual")
                count += 1
            if count:
                self._scheduler.advance(build_id)
        return count

    def add_attempt(self, job: Job, kind: str, rule: int = retries.NO_RULE) -> Job:
        """Add a job that does the work of this one again. `kind` is "automatic" (by this `rule`) or "manual"."""
        attempt = retries.next_attempt(job, new_id(), self._ledger.clock(), kind, rule)
        self._ledger.add_job(attempt)
        self._ledger.set_job(job, retried=True, retried_in_job_id=attempt.id)
        return attempt

    def reprioritize(self, job_id: str, priority: int) -> Job:
        """Give a job that has not started another priority; higher is sooner. Raises Rejected."""
        with self._ledger.change():
            job = self._ledger.job(job_id)
            if job.type != "script" or job.state not in states.NOT_STARTED:
                raise Rejected("Only command jobs that have not started can be reprioritized")
            return self._ledger.set_job(job, priority=priority)
