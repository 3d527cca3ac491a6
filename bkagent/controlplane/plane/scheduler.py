"""One step of scheduling: everything that follows from the present states of a build's jobs."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.plane.ledger import PlaneState
from bkagent.controlplane.records import Build, Event, Job
from bkagent.controlplane.scheduling import build_state, concurrency, ordering, states
from bkagent.controlplane.scheduling.nodes import Node, Walk
from bkagent.controlplane.store import agents, builds, jobs, steps, uploads
from bkagent.pipeline.model import steps_reader
from bkagent.pipeline.model.steps import Pipeline

MOST_MODELS = 256


class PlaneScheduling(PlaneState):
    """What comes next."""

    def _advance(self, build_id: str) -> Build:
        """Let everything follow from the present states of a build's jobs; return the build as it is then."""
        build = self.build(build_id)
        while True:
            nodes = self._nodes(build_id)
            current = {job.id: job for node in nodes for job in node.jobs}
            if build.cancel_requested:
                break
            changes = ordering.advance(nodes)
            for change in changes:
                self._set_job(
                    current[change.job_id], state=change.state, broken_reason=change.broken_reason, reason=change.reason
                )
            if not self._cancel_for_failing(nodes, build_id):
                break
        self._admit(build_id)
        return self._settle(build_id)

    def _cancel_for_failing(self, nodes: List[Node], build_id: str) -> bool:
        """Cancel the jobs that asked for it once another one has failed; say whether there were any."""
        asked = {node.id for node in nodes if getattr(node.step, "cancel_on_build_failing", False)}
        found = jobs.of_build(self._db, build_id) if asked else []
        if not any(states.counts_against(job) for job in found if not job.retried):
            return False
        canceled = [job for job in found if job.step_id in asked and not job.final and job.state not in ("canceling",)]
        for job in canceled:
            self._stop_job(job, "the build is failing")
        return bool(canceled)

    def _stop_job(self, job: Job, reason: str) -> Job:
        """Cancel a job that has not ended: at once, or through its agent."""
        now = self._clock()
        if job.state in ("accepted", "running", "timing_out"):
            return self._set_job(job, state="canceling", cancel_requested_at=now, reason=reason)
        if job.state == "assigned":
            self._free_agent(job)
        if job.final or job.state == "canceling":
            return job
        return self._set_job(job, state="canceled", cancel_requested_at=now, reason=reason, agent_id="")

    def _free_agent(self, job: Job) -> None:
        agent = agents.TABLE.get(self._db, job.agent_id) if job.agent_id else None
        if agent is not None and agent.job_id == job.id:
            self._set_agent(agent, job_id="")

    def _admit(self, build_id: str) -> None:
        """Let jobs into their concurrency groups where there is a slot, of whatever build they are."""
        wanted = sorted(states.HOLDING | concurrency.QUEUED)
        for group in jobs.limited_groups(self._db):
            for job in concurrency.admitted(jobs.of_concurrency_group(self._db, group, wanted)):
                self._set_job(job, state="scheduled")
                if job.build_id != build_id:
                    self._settle(job.build_id)

    def _settle(self, build_id: str) -> Build:
        """Let a build's state follow from its jobs."""
        build = self.build(build_id)
        found = jobs.of_build(self._db, build_id)
        state, blocked = build_state.state_of(build, found)
        now = self._clock()
        changes: Dict[str, Any] = {"state": state, "blocked": blocked}
        started = [job.started_at for job in found if job.started_at is not None]
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
            self._tell(Event("build", build.id, state="blocked" if changed.blocked else changed.state))
        return changed

    def _nodes(self, build_id: str) -> List[Node]:
        """Return the steps of a build with their jobs, in order."""
        by_step: Dict[str, List[Job]] = {}
        slots: Dict[str, str] = {}
        for job in jobs.of_build(self._db, build_id):
            slots[job.id] = job.slot_id
            if not job.retried:
                by_step.setdefault(job.step_id, []).append(job)
        uploaders = {
            str(id): slots.get(str(job_id), "")
            for id, job_id in self._db.rows("SELECT id, job_id FROM uploads WHERE build_id = ?", (build_id,))
        }
        nodes = []
        for entry in steps.of_build(self._db, build_id):
            step, group = self._model(entry.upload_id)[1][entry.at]
            nodes.append(Node(entry, step, group, tuple(by_step.get(entry.id, ())), uploaders[entry.upload_id]))
        return nodes

    def _model(self, upload_id: str) -> Tuple[Pipeline, Walk]:
        """Return an uploaded document as a pipeline, and its steps in order."""
        if upload_id not in self._models:
            found = uploads.TABLE.get(self._db, upload_id)
            if found is None:
                raise NotFound("No upload found")
            pipeline = steps_reader.read(found.document)
            self._models[upload_id] = (pipeline, tuple(pipeline.walk()))
            if len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(upload_id)
        return self._models[upload_id]
