"""Steps of builds, as their documents describe them and as their jobs stand."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.parsed_uploads import ParsedUpload, ParsedUploads
from bkagent.controlplane.records import Job, StepEntry
from bkagent.controlplane.scheduling import step_state
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.store import jobs, steps, uploads
from bkagent.pipeline.model import notifications
from bkagent.pipeline.model.steps import Step


class Steps:
    """Reads the steps of builds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._db = ledger.db
        self._parsed_uploads = ParsedUploads(ledger)

    def get(self, build_id: str, id_or_key: str) -> StepEntry:
        """Return a step of a build by id or key. Raises NotFound."""
        entry = steps.named(self._db, build_id, id_or_key)
        if entry is None:
            raise NotFound("No step found")
        return entry

    def document(self, step_id: str) -> Mapping[str, Any]:
        """Return a step as it was uploaded. Raises NotFound."""
        with self._db.lock:
            entry = steps.TABLE.get(self._db, step_id)
            if entry is None:
                raise NotFound("No step found")
            return self._parsed_uploads.get(entry.upload_id).step(entry.at).document

    def state(self, entry: StepEntry) -> Tuple[str, str]:
        """Return the state and the outcome of a step (of a group: of all its steps)."""
        own = jobs.of_step(self._db, entry.build_id, entry.id)
        return step_state.state_of(own), step_state.outcome_of(own)

    def of_job(self, job: Job) -> Step:
        """Return the step that a job runs."""
        return self.with_upload(job)[0]

    def with_upload(self, job: Job) -> Tuple[Step, ParsedUpload]:
        """Return the step that a job runs, and the upload that it came with."""
        entry = steps.TABLE.get(self._db, job.step_id)
        assert entry is not None
        upload = self._parsed_uploads.get(entry.upload_id)
        return upload.step(entry.at), upload

    def nodes(self, build_id: str) -> List[StepNode]:
        """Return the steps of a build with their jobs, in order, for scheduling."""
        jobs_by_step: Dict[str, List[Job]] = {}
        slots: Dict[str, str] = {}
        for job in jobs.of_build(self._db, build_id):
            slots[job.id] = job.slot_id
            if not job.retried:
                jobs_by_step.setdefault(job.step_id, []).append(job)
        uploaders = uploads.uploaders(self._db, build_id)
        nodes = []
        for entry in steps.of_build(self._db, build_id):
            upload = self._parsed_uploads.get(entry.upload_id)
            own_jobs = tuple(jobs_by_step.get(entry.id, ()))
            uploader_slot = slots.get(uploaders[entry.upload_id], "")
            nodes.append(StepNode(entry, upload.step(entry.at), upload.group(entry.at), own_jobs, uploader_slot))
        return nodes

    def unsent_notifications(self, build_id: str) -> List[str]:
        """Return a sentence for each `notify` of a build's pipelines, which this control plane does not carry out."""
        with self._db.lock:
            upload_ids = uploads.mentioning(self._db, build_id, "notify")
            return notifications.lines(self._parsed_uploads.get(id).pipeline for id in upload_ids)
