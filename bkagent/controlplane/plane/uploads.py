"""Uploads: documents whose steps are put into builds."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Collection, List, Mapping, Optional, Tuple

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.pipelines import Pipelines
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.records import Build, Job, PipelineEntry, Upload, new_id
from bkagent.controlplane.scheduling import condition_values, limits, states, unsupported
from bkagent.controlplane.scheduling.expand import Target, expand
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.store import builds, jobs, steps, uploads
from bkagent.pipeline import decodable, go_json
from bkagent.pipeline.conditional import regex
from bkagent.pipeline.conditional.regex import Answers
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model import graph, notifications, steps_reader
from bkagent.pipeline.model.steps import Pipeline

MOST_UUID_CHARACTERS = 200

# Returns a sentence for each thing in a pipeline to refuse.
Refusals = Callable[[Pipeline], List[str]]


class Uploads:
    """Checks documents and adds their steps to builds."""

    def __init__(
        self, ledger: Ledger, pipelines: Pipelines, scheduler: Scheduler, organization: str, also_refused: Refusals
    ) -> None:
        self._ledger, self._pipelines, self._scheduler = ledger, pipelines, scheduler
        self._db = ledger.db
        self._organization = organization
        self._also_refused = also_refused

    def apply(self, job_id: str, document: Any, *, uuid: str, replace: bool = False) -> Upload:
        """Add the steps of a document to a job's build, after the job's step. Repeating a `uuid` changes nothing.

        Raises Rejected with one sentence for what is wrong with it.
        """
        if not uuid or len(uuid) > MOST_UUID_CHARACTERS:
            raise Rejected(f"an upload has a uuid of at most {MOST_UUID_CHARACTERS} characters")
        document = as_sent(document)
        build = self._ledger.build(self._ledger.job(job_id).build_id)
        entry = self._pipelines.get(build.pipeline_slug)
        answers = self.try_conditions(build, entry, self.check(document, ()))
        with self._ledger.change():
            job = self._ledger.job(job_id)
            applied = uploads.TABLE.first(
                self._db, "build_id = ? AND job_id = ? AND uuid = ?", (job.build_id, job_id, uuid)
            )
            if applied is not None:
                return applied
            build = self._ledger.build(job.build_id)
            if job.final or build.cancel_requested:
                raise Rejected("You can only change the pipeline of a running build")
            if uploads.TABLE.count(self._db, "build_id = ?", (build.id,)) > limits.UPLOADS_PER_BUILD:
                raise Rejected(f"a build has at most {limits.UPLOADS_PER_BUILD} uploads")
            if replace:
                self._remove_unstarted(build.id)
            pipeline = self.check(document, frozenset(steps.keys(self._db, build.id)))
            upload = self.add_steps(build, pipeline, document, uuid=uuid, uploader=job, answers=answers)
            self._scheduler.advance(build.id)
            return upload

    def status(self, job_id: str, uuid: str) -> Upload:
        """Return what became of an upload. Raises NotFound."""
        upload = uploads.TABLE.first(self._db, "job_id = ? AND uuid = ?", (job_id, uuid))
        if upload is None or not job_id:
            raise NotFound("No pipeline upload found")
        return upload

    def check(self, document: Any, keys: Collection[str]) -> Pipeline:
        """Return a document as a pipeline. `keys` are those that its steps may depend on besides their own.

        Raises Rejected with a sentence for each thing that is wrong or unsupported.
        """
        try:
            pipeline = steps_reader.read(document)
            decodable.check(pipeline)
            notifications.check(pipeline)
            if sum(len(step.depends_on or ()) for step, _ in pipeline.walk()) > limits.DEPENDENCIES_PER_UPLOAD:
                raise Rejected(f"the steps name more than {limits.DEPENDENCIES_PER_UPLOAD} dependencies")
            graph.check(pipeline, keys, unknown_allowed=True)
        except PipelineError as error:
            raise Rejected(str(error)) from None
        refusals = unsupported.refusals(pipeline) + self._also_refused(pipeline)
        if refusals:
            raise Rejected("\n".join(refusals))
        return pipeline

    def try_conditions(self, build: Build, entry: PipelineEntry, pipeline: Pipeline) -> Answers:
        """Return the answers of the regular expressions in a pipeline's conditions, tried before the store is locked.

        Raises Rejected where they take too long, or for what else is wrong with its steps.
        """
        build = dataclasses.replace(build, pipeline_env={**build.pipeline_env, **pipeline.env})
        conditions = condition_values.values(build, entry, self._organization)
        target = Target(build.id, "", conditions, build.branch, 0.0, 0.0, new_id)
        try:
            with regex.limit_time(limits.CONDITIONS_S) as answers:
                expand(pipeline, target)
                return dict(answers)
        except PipelineError as error:
            raise Rejected(str(error)) from None

    def add_steps(
        self, build: Build, pipeline: Pipeline, document: Any, *, uuid: str, uploader: Optional[Job] = None,
        answers: Optional[Answers] = None,
    ) -> Upload:  # fmt: skip
        """Add a checked document's steps and jobs to a build, within a change of the ledger. Raises Rejected."""
        now = self._ledger.clock()
        document = document if isinstance(document, Mapping) else {"steps": document}
        upload = Upload(new_id(), build.id, uploader.id if uploader else "", uuid, "applied", "", now, dict(document))
        env = {**build.pipeline_env, **pipeline.env}
        build = dataclasses.replace(builds.TABLE.change(self._db, build, pipeline_env=env), meta_data=build.meta_data)
        target = self._target(build, upload.id, uploader, now, sum(1 for _ in pipeline.walk()))
        try:
            with regex.limit_time(limits.KNOWN_CONDITIONS_S, answers):
                entries, new_jobs = expand(pipeline, target)
        except PipelineError as error:
            raise Rejected(str(error)) from None
        if jobs.TABLE.count(self._db, "build_id = ?", (build.id,)) + len(new_jobs) > limits.JOBS_PER_BUILD:
            raise Rejected(f"a build has at most {limits.JOBS_PER_BUILD} jobs")
        uploads.TABLE.add(self._db, upload)
        for entry in entries:
            steps.TABLE.add(self._db, entry)
        walk = tuple(pipeline.walk())
        slot = uploader.slot_id if uploader is not None else ""
        nodes = [StepNode(entry, *walk[entry.at], uploader_slot=slot) for entry in entries]
        self._scheduler.add_steps(build.id, nodes)
        for job in new_jobs:
            self._ledger.add_job(job)
        return upload

    def _target(self, build: Build, upload_id: str, uploader: Optional[Job], now: float, count: int) -> Target:
        entry = self._pipelines.get(build.pipeline_slug)
        conditions = condition_values.values(build, entry, self._organization)
        step_id = uploader.step_id if uploader is not None else ""
        before, spacing = self._make_room(build.id, step_id, count)
        scheduled_at = jobs.end_of_queue(self._db, now) if uploader is None else uploader.scheduled_at
        return Target(
            build.id, upload_id, conditions, build.branch, now, scheduled_at or now, new_id, uploaded_by=step_id,
            position=before + spacing, spacing=spacing,
        )  # fmt: skip

    def _make_room(self, build_id: str, step_id: str, count: int) -> Tuple[int, int]:
        """Return the position before that of so many new steps, and how far apart they shall stand."""
        before, behind = steps.room_after(self._db, build_id, step_id)
        if behind is None:
            return before, steps.SPACING
        if behind - before <= count:
            steps.shift(self._db, build_id, behind, (count + 1) * steps.SPACING)
            self._ledger.forget_jobs(build_id)
            behind += (count + 1) * steps.SPACING
        return before, (behind - before) // (count + 1)

    def _remove_unstarted(self, build_id: str) -> None:
        """Delete the steps whose jobs have neither started nor ended by running, as if they had never been uploaded."""
        build_jobs = jobs.of_build(self._db, build_id)
        started = {job.step_id for job in build_jobs if job.state not in states.NOT_STARTED | {"broken", "skipped"}}
        entries = steps.of_build(self._db, build_id)
        groups = {entry.group_id for entry in entries if entry.id in started}
        for entry in entries:
            if entry.id not in started and entry.id not in groups:
                steps.remove(self._db, entry.id)
        self._ledger.forget_jobs(build_id)


def as_sent(document: Any) -> Any:
    """Return a document as it reads after a round trip through the JSON of an upload. Raises Rejected."""
    if unsupported.too_deep(document):
        raise Rejected(f"the pipeline is nested deeper than {unsupported.DEEPEST} levels")
    try:
        return go_json.as_sent(document)
    except PipelineError as error:
        raise Rejected(f"the pipeline: {error}") from None
