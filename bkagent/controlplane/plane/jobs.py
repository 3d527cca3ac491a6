"""The part of the control plane through which people change single jobs: cancel, unblock, retry, reprioritise."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from bkagent.controlplane.errors import BadRequest, Rejected
from bkagent.controlplane.plane.builds import PlaneBuilds
from bkagent.controlplane.records import Event, Job, StepEntry
from bkagent.controlplane.scheduling import block_answers, retries, states
from bkagent.controlplane.store import jobs
from bkagent.pipeline.model.steps import CommandStep, ManualStep


class PlaneJobs(PlaneBuilds):
    """Jobs in the hands of people."""

    def cancel_job(self, job_id: str, *, reason: str = "") -> Job:
        """Cancel one job. Raises Rejected for one that has ended."""
        with self._change():
            job = self.job(job_id)
            if job.final:
                raise Rejected(f"the job is {job.shown_state} and cannot be canceled")
            self._stop_job(job, reason or "the job was canceled")
            self._advance(job.build_id)
            return self.job(job_id)

    def unblock_job(self, job_id: str, *, fields: Optional[Mapping[str, Any]] = None, unblocker: str = "") -> Job:
        """Let a build go on after a block or input step; the answers become meta-data.

        Raises BadRequest for a job of another type, Rejected for answers that are missing or wrong.
        """
        with self._change() as now:
            job = self.job(job_id)
            if job.type != "manual":
                raise BadRequest("This job type cannot be unblocked")
            build = self.build(job.build_id)
            if build.cancel_requested:
                raise Rejected("Jobs from canceled builds cannot be unblocked")
            if job.state != "blocked":
                raise Rejected(f"the job is {job.shown_state}; only a blocked one can be unblocked")
            step = self._step_of(job)
            assert isinstance(step, ManualStep)
            given = block_answers.checked(step.fields, fields or {})
            self.set_meta_data(build.id, given)
            self._set_job(job, state="unblocked", unblocked_at=now, unblocked_by=unblocker, fields=given)
            self._advance(build.id)
            return self.job(job_id)

    def retry_job(self, job_id: str) -> Job:
        """Run a job again that failed, timed out or was canceled; return the new job. Raises BadRequest or Rejected."""
        with self._change():
            job = self.job(job_id)
            if self.build(job.build_id).cancel_requested:
                raise Rejected("Jobs from canceled builds cannot be retried")
            step = self._step_of(job)
            retries.check_manual(step.retry if isinstance(step, CommandStep) else retries.Retry(), job)
            new = self._retry(job, "manual")
            self._advance(job.build_id)
            return self.job(new.id)

    def _retry(self, job: Job, kind: str, rule: int = retries.NO_RULE) -> Job:
        new = retries.next_attempt(job, self.new_id(), self._clock(), kind, rule)
        jobs.TABLE.add(self._db, new)
        jobs.TABLE.change(self._db, job, retried=True, retried_in_job_id=new.id)
        self._tell(Event("job", job.build_id, new.id, state=new.state))
        return new

    def reprioritize_job(self, job_id: str, priority: int) -> Job:
        """Give a job that has not started another priority; higher is sooner. Raises Rejected."""
        with self._change():
            job = self.job(job_id)
            if job.type != "script" or job.state not in states.NOT_STARTED:
                raise Rejected("Only command jobs that have not started can be reprioritized")
            return self._set_job(job, priority=priority)

    def cancel_step(self, build_id: str, id_or_key: str) -> StepEntry:
        """Cancel every job of a step that has not ended. Raises NotFound."""
        with self._change():
            entry = self.step(build_id, id_or_key)
            for job in jobs.of_build(self._db, build_id):
                if entry.id in (job.step_id, job.group_id):
                    self._stop_job(job, "the step was canceled")
            self._advance(build_id)
            return entry
