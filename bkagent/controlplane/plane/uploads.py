"""The part of the control plane that puts the steps of documents into builds, and finds them there."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.scheduler import PlaneScheduling
from bkagent.controlplane.records import Build, Event, Job, PipelineEntry, StepEntry, Upload
from bkagent.controlplane.scheduling import condition_values, limits, states, step_state, unsupported
from bkagent.controlplane.scheduling.expand import Target, expand
from bkagent.controlplane.store import builds, jobs, pipelines, steps, uploads
from bkagent.pipeline import decodable, go_json
from bkagent.pipeline.conditional import regex
from bkagent.pipeline.conditional.regex import Answers
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model import graph, notifications, steps_reader
from bkagent.pipeline.model.steps import Pipeline

MOST_UUID_CHARACTERS = 200


class PlaneSteps(PlaneScheduling):
    """Steps of builds."""

    def pipeline(self, slug: str) -> PipelineEntry:
        """Return a pipeline. Raises NotFound."""
        found = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
        if found is None:
            raise NotFound("No pipeline found")
        return found

    def step(self, build_id: str, id_or_key: str) -> StepEntry:
        """Return a step of a build by id or key. Raises NotFound."""
        found = steps.named(self._db, build_id, id_or_key)
        if found is None:
            raise NotFound("No step found")
        return found

    def steps_of_build(self, build_id: str) -> List[StepEntry]:
        """Return the steps of a build in order, groups before their steps."""
        return steps.of_build(self._db, build_id)

    def not_notified(self, build_id: str) -> List[str]:
        """Return a sentence for each place of a build's pipelines whose `notify` is not carried out."""
        with self._db.lock:
            rows = self._db.rows(
                "SELECT id FROM uploads WHERE build_id = ? AND instr(document, 'notify') ORDER BY created_at, rowid",
                (build_id,),
            )
            return notifications.lines(self._model(id)[0] for (id,) in rows)

    def step_document(self, step_id: str) -> Mapping[str, Any]:
        """Return a step as it was uploaded. Raises NotFound."""
        with self._db.lock:
            found = steps.TABLE.get(self._db, step_id)
            if found is None:
                raise NotFound("No step found")
            return self._model(found.upload_id)[1][found.at][0].document

    def step_state(self, entry: StepEntry) -> Tuple[str, str]:
        """Return the state and the outcome of a step (of a group: of all its steps)."""
        found = [job for job in jobs.of_build(self._db, entry.build_id) if entry.id in (job.step_id, job.group_id)]
        return step_state.state_of(found), step_state.outcome_of(found)

    def _step_of(self, job: Job) -> Any:
        entry = steps.TABLE.get(self._db, job.step_id)
        assert entry is not None
        return self._model(entry.upload_id)[1][entry.at][0]

    def upload_pipeline(self, job_id: str, document: Any, *, uuid: str, replace: bool = False) -> Upload:
        """Add the steps of a document to a job's build, after the job's step. Repeating a `uuid` changes nothing.

        Raises Rejected with one sentence for what is wrong with it.
        """
        if not uuid or len(uuid) > MOST_UUID_CHARACTERS:
            raise Rejected(f"an upload has a uuid of at most {MOST_UUID_CHARACTERS} characters")
        document = as_sent(document)
        build = self.build(self.job(job_id).build_id)
        answers = self._try_conditions(build, self.pipeline(build.pipeline_slug), self._checked(document, ()))
        with self._change():
            job = self.job(job_id)
            known = uploads.TABLE.first(
                self._db, "build_id = ? AND job_id = ? AND uuid = ?", (job.build_id, job_id, uuid)
            )
            if known is not None:
                return known
            build = self.build(job.build_id)
            if job.final or build.cancel_requested:
                raise Rejected("You can only change the pipeline of a running build")
            if uploads.TABLE.count(self._db, "build_id = ?", (build.id,)) > limits.UPLOADS_PER_BUILD:
                raise Rejected(f"a build takes at most {limits.UPLOADS_PER_BUILD} uploads")
            if replace:
                self._remove_unstarted(build.id)
            keys = [entry.key for entry in steps.of_build(self._db, build.id) if entry.key]
            pipeline = self._checked(document, keys)
            upload = self._add_steps(build, pipeline, document, uuid=uuid, uploader=job, answers=answers)
            self._advance(build.id)
            return upload

    def upload_status(self, job_id: str, uuid: str) -> Upload:
        """Return what became of an upload. Raises NotFound."""
        found = uploads.TABLE.first(self._db, "job_id = ? AND uuid = ?", (job_id, uuid))
        if found is None or not job_id:
            raise NotFound("No pipeline upload found")
        return found

    def _try_conditions(self, build: Build, entry: PipelineEntry, pipeline: Pipeline) -> Answers:
        """Return what the regular expressions of a pipeline's conditions answer, tried before the store is held.

        Raises Rejected where they take too long, or for what else is wrong with its steps.
        """
        build = dataclasses.replace(build, pipeline_env={**build.pipeline_env, **pipeline.env})
        conditions = condition_values.values(build, entry, self.organization)
        target = Target(build.id, "", conditions, build.branch, 0.0, 0.0, self.new_id)
        try:
            with regex.limited(limits.CONDITIONS_S) as answers:
                expand(pipeline, target)
                return dict(answers)
        except PipelineError as wrong:
            raise Rejected(str(wrong)) from None

    def _checked(self, document: Any, keys: Sequence[str]) -> Pipeline:
        try:
            pipeline = steps_reader.read(document)
            decodable.check(pipeline)
            notifications.check(pipeline)
            if sum(len(step.depends_on or ()) for step, _ in pipeline.walk()) > limits.DEPENDENCIES_PER_UPLOAD:
                raise Rejected(f"the steps name more than {limits.DEPENDENCIES_PER_UPLOAD} dependencies")
            graph.check(pipeline, keys, unknown_allowed=True)
        except PipelineError as wrong:
            raise Rejected(str(wrong)) from None
        refused = unsupported.unsupported(pipeline) + self.also_refused(pipeline)
        if refused:
            raise Rejected("\n".join(refused))
        return pipeline

    def _add_steps(
        self, build: Build, pipeline: Pipeline, document: Any, *, uuid: str, uploader: Optional[Job] = None,
        answers: Optional[Answers] = None,
    ) -> Upload:  # fmt: skip
        now = self._clock()
        document = document if isinstance(document, Mapping) else {"steps": document}
        upload = Upload(
            self.new_id(), build.id, uploader.id if uploader else "", uuid, "applied", "", now, dict(document)
        )
        env = {**build.pipeline_env, **pipeline.env}
        build = dataclasses.replace(builds.TABLE.change(self._db, build, pipeline_env=env), meta_data=build.meta_data)
        conditions = condition_values.values(build, self.pipeline(build.pipeline_slug), self.organization)
        target = Target(
            build.id, upload.id, conditions, build.branch, now, now, self.new_id, position=self._end_position(build.id)
        )
        if uploader is not None:
            target = dataclasses.replace(
                target, uploaded_by=uploader.step_id, position=self._after(build.id, uploader.step_id),
                scheduled_at=uploader.scheduled_at or now,
            )  # fmt: skip
        try:
            with regex.limited(limits.KNOWN_CONDITIONS_S, answers):
                entries, made = expand(pipeline, target)
        except PipelineError as wrong:
            raise Rejected(str(wrong)) from None
        if jobs.TABLE.count(self._db, "build_id = ?", (build.id,)) + len(made) > limits.JOBS_PER_BUILD:
            raise Rejected(f"a build takes at most {limits.JOBS_PER_BUILD} jobs")
        self._make_room(build.id, target.position, len(entries))
        uploads.TABLE.add(self._db, upload)
        for entry in entries:
            steps.TABLE.add(self._db, entry)
        for job in made:
            jobs.TABLE.add(self._db, job)
            self._tell(Event("job", build.id, job.id, state=job.shown_state))
        return upload

    def _end_position(self, build_id: str) -> int:
        found = self._db.rows("SELECT max(position) FROM steps WHERE build_id = ?", (build_id,))
        return 0 if found[0][0] is None else int(found[0][0]) + 1

    def _after(self, build_id: str, step_id: str) -> int:
        """Return the place right after a step, or after its group: what is uploaded there belongs to no group."""
        listed = steps.of_build(self._db, build_id)
        (own,) = [entry for entry in listed if entry.id == step_id]
        return (
            max(
                entry.position
                for entry in listed
                if entry in (own,) or (own.group_id and entry.group_id == own.group_id)
            )
            + 1
        )

    def _make_room(self, build_id: str, position: int, count: int) -> None:
        for table, column in (("steps", "position"), ("jobs", "sequence")):
            self._db.rows(
                f"UPDATE {table} SET {column} = {column} + ? WHERE build_id = ? AND {column} >= ?",
                (count, build_id, position),
            )

    def _remove_unstarted(self, build_id: str) -> None:
        """Take away the steps of which nothing has started or ended by running; they never were."""
        listed = jobs.of_build(self._db, build_id)
        kept = {job.step_id for job in listed if job.state not in states.NOT_STARTED | {"broken", "skipped"}}
        entries = steps.of_build(self._db, build_id)
        groups = {entry.group_id for entry in entries if entry.id in kept}
        for entry in entries:
            if entry.id not in kept and entry.id not in groups:
                self._db.rows("DELETE FROM steps WHERE id = ?", (entry.id,))


def as_sent(document: Any) -> Any:
    """Return a document as the JSON of an upload brings it. Raises Rejected."""
    if unsupported.too_deep(document):
        raise Rejected(f"the pipeline is nested deeper than {unsupported.DEEPEST} levels")
    try:
        return go_json.as_sent(document)
    except PipelineError as wrong:
        raise Rejected(f"the pipeline: {wrong}") from None
