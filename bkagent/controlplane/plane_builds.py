"""The part of the control plane that makes builds and changes them: create, upload, cancel, unblock, retry."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from bkagent.controlplane.errors import BadRequest, NotFound, Rejected
from bkagent.controlplane.plane_state import PlaneState
from bkagent.controlplane.records import Build, Event, Job, PipelineEntry, StepEntry, Upload
from bkagent.controlplane.scheduling import answers, condition_values, limits, retries, states, support
from bkagent.controlplane.scheduling.expand import Target, expand
from bkagent.controlplane.store import builds, jobs, meta_data, pipelines, steps, uploads
from bkagent.pipeline import steps_graph, steps_reader
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.steps import CommandStep, ManualStep, Pipeline

_SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,99}", re.ASCII)
MOST_LISTED = 100


class PlaneBuilds(PlaneState):
    """Builds, and what changes them."""

    # Pipelines

    def ensure_pipeline(self, slug: str, *, name: str = "", repository: str = "", default_branch: str = "") -> PipelineEntry:
        """Return the pipeline of this slug, made or brought up to date with what is given. Raises Rejected."""
        if not _SLUG.fullmatch(slug):
            raise Rejected(f'"{slug[:120]}" cannot name a pipeline: letters, digits and "-" only, at most 100')
        with self._change() as now:
            found = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
            if found is None:
                found = PipelineEntry(self.new_id(), slug, name or slug, repository, default_branch or "main", now)
                pipelines.TABLE.add(self._db, found)
            given = {"name": name, "repository": repository, "default_branch": default_branch}
            return pipelines.TABLE.change(self._db, found, **{key: value for key, value in given.items() if value})

    def pipeline(self, slug: str) -> PipelineEntry:
        """Return a pipeline. Raises NotFound."""
        found = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
        if found is None:
            raise NotFound("No pipeline found")
        return found

    def pipelines(self) -> List[PipelineEntry]:
        """Return every pipeline, by name."""
        return pipelines.TABLE.all(self._db, "1 ORDER BY name, slug")

    # Builds

    def create_build(
        self,
        pipeline_slug: str,
        document: Any,
        *,
        branch: str = "main",
        commit: str = "HEAD",
        message: str = "",
        env: Optional[Mapping[str, str]] = None,
        repository: str = "",
        meta_data: Optional[Mapping[str, str]] = None,
        author: Optional[Mapping[str, str]] = None,
        creator: Optional[Mapping[str, str]] = None,
        source: str = "api",
        tag: str = "",
        pull_request: Optional[Mapping[str, Any]] = None,
        clean_checkout: bool = False,
        rebuilt_from: str = "",
    ) -> Build:
        """Make a build of a normalised document and start it.

        Raises Rejected with one sentence for what is wrong with the document, or not supported.
        """
        pipeline = self._checked(document, ())
        entry = self.ensure_pipeline(pipeline_slug, repository=repository)
        if not entry.repository:
            raise Rejected("a build needs a repository to check out: none was given, and its pipeline has none")
        if not branch or not commit:
            raise Rejected("a build needs a branch and a commit")
        with self._change() as now:
            build = Build(
                id=self.new_id(), number=pipelines.next_number(self._db, entry.slug), pipeline_slug=entry.slug,
                state="scheduled", branch=branch, commit=commit, message=message, repository=entry.repository,
                created_at=now, tag=tag, env=dict(env or {}), source=source, author=dict(author or {}),
                creator=dict(creator or {}), pull_request=dict(pull_request or {}), clean_checkout=clean_checkout,
                rebuilt_from=rebuilt_from, scheduled_at=now,
            )  # fmt: skip
            builds.TABLE.add(self._db, build)
            self.set_meta_data(build.id, meta_data or {})
            self._tell(Event("build", build.id, state=build.state))
            self._add_steps(build, pipeline, document, uuid=self.new_id())
            self._advance(build.id)
            return self.build(build.id)

    def builds(
        self, *, pipeline_slug: str = "", states: Sequence[str] = (), branch: str = "", commit: str = "",
        limit: int = 30, offset: int = 0,
    ) -> List[Build]:  # fmt: skip
        """Return builds, the newest first, at most MOST_LISTED of them; empty arguments leave nothing out."""
        where, values = self._build_condition(pipeline_slug, states, branch, commit)
        with self._db.lock:
            return builds.page(self._db, where, values, max(0, min(limit, MOST_LISTED)), max(0, offset))

    def builds_count(
        self, *, pipeline_slug: str = "", states: Sequence[str] = (), branch: str = "", commit: str = ""
    ) -> int:
        """Return how many builds `builds` could list."""
        return builds.TABLE.count(self._db, *self._build_condition(pipeline_slug, states, branch, commit))

    def _build_condition(self, pipeline_slug: str, wanted: Sequence[str], branch: str, commit: str) -> Any:
        parts, values = ["1"], []
        for column, value in (("pipeline_slug", pipeline_slug), ("branch", branch), ('"commit"', commit)):
            if value:
                parts.append(f"{column} = ?")
                values.append(value)
        words = [word for word in wanted if word != "blocked"][:50]
        if wanted:
            alternatives = [f"(blocked = 0 AND state IN ({', '.join('?' * len(words))}))"] if words else []
            alternatives += ["blocked = 1"] if "blocked" in wanted else []
            parts.append(f"({' OR '.join(alternatives)})")
            values += words
        return " AND ".join(parts), values

    def build_by_number(self, pipeline_slug: str, number: int) -> Build:
        """Return a build by its pipeline and number. Raises NotFound."""
        found = builds.TABLE.first(self._db, "pipeline_slug = ? AND number = ?", (pipeline_slug, number))
        if found is None:
            raise NotFound("No build found")
        return self.build(found.id)

    def build_document(self, build_id: str) -> Mapping[str, Any]:
        """Return the document that the build began with, for another build like it."""
        found = uploads.TABLE.first(self._db, "build_id = ? AND job_id = '' ORDER BY created_at", (build_id,))
        if found is None:
            raise NotFound("No build found")
        return found.document

    def jobs_of_build(self, build_id: str, *, retried: bool = True) -> List[Job]:
        """Return the jobs of a build in order; without `retried` only the newest attempts."""
        return [job for job in jobs.of_build(self._db, build_id) if retried or not job.retried]

    def cancel_build(self, build_id: str, *, reason: str = "") -> Build:
        """Cancel every job of a build that has not ended. Raises Rejected for one that has ended."""
        with self._change() as now:
            build = self.build(build_id)
            if build.finished:
                raise Rejected("Build can't be canceled because it's already finished.")
            builds.TABLE.change(self._db, build, cancel_requested=True, cancel_reason=reason, canceled_at=now)
            for job in jobs.of_build(self._db, build_id):
                self._stop_job(job, reason or "the build was canceled")
            return self._settled(build_id)

    def _settled(self, build_id: str) -> Build:
        self._advance(build_id)
        return self.build(build_id)

    # Steps added by jobs

    def upload_pipeline(self, job_id: str, document: Any, *, uuid: str, replace: bool = False) -> Upload:
        """Add the steps of a document to a job's build, after the job's step. Repeating a `uuid` changes nothing.

        Raises Rejected with one sentence for what is wrong with it.
        """
        with self._change():
            job = self.job(job_id)
            known = uploads.TABLE.first(self._db, "build_id = ? AND job_id = ? AND uuid = ?", (job.build_id, job_id, uuid))
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
            upload = self._add_steps(build, self._checked(document, keys), document, uuid=uuid, uploader=job)
            self._advance(build.id)
            return upload

    def upload_status(self, job_id: str, uuid: str) -> Upload:
        """Return what became of an upload. Raises NotFound."""
        found = uploads.TABLE.first(self._db, "job_id = ? AND uuid = ?", (job_id, uuid))
        if found is None or not job_id:
            raise NotFound("No pipeline upload found")
        return found

    def _checked(self, document: Any, keys: Sequence[str]) -> Pipeline:
        try:
            pipeline = steps_reader.read(document)
            steps_graph.check(pipeline, keys, unknown_allowed=True)
        except PipelineError as wrong:
            raise Rejected(str(wrong)) from None
        except RecursionError:
            raise Rejected("the pipeline is nested too deeply") from None
        refused = support.unsupported(pipeline)
        if refused:
            raise Rejected("\n".join(refused))
        return pipeline

    def _add_steps(
        self, build: Build, pipeline: Pipeline, document: Any, *, uuid: str, uploader: Optional[Job] = None
    ) -> Upload:
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
        return max(entry.position for entry in listed if entry in (own,) or (own.group_id and entry.group_id == own.group_id)) + 1

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

    # Single jobs

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
            given = answers.checked(step.fields, fields or {})
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

    # Steps

    def step(self, build_id: str, id_or_key: str) -> StepEntry:
        """Return a step of a build by id or key. Raises NotFound."""
        found = steps.named(self._db, build_id, id_or_key)
        if found is None:
            raise NotFound("No step found")
        return found

    def steps_of_build(self, build_id: str) -> List[StepEntry]:
        """Return the steps of a build in order, groups before their steps."""
        return steps.of_build(self._db, build_id)

    def step_document(self, step_id: str) -> Mapping[str, Any]:
        """Return a step as it was uploaded. Raises NotFound."""
        with self._db.lock:
            found = steps.TABLE.get(self._db, step_id)
            if found is None:
                raise NotFound("No step found")
            return self._model(found.upload_id)[1][found.at][0].document

    def cancel_step(self, build_id: str, id_or_key: str) -> StepEntry:
        """Cancel every job of a step that has not ended. Raises NotFound."""
        with self._change():
            entry = self.step(build_id, id_or_key)
            for job in jobs.of_build(self._db, build_id):
                if entry.id in (job.step_id, job.group_id):
                    self._stop_job(job, "the step was canceled")
            self._advance(build_id)
            return entry

    def _step_of(self, job: Job) -> Any:
        entry = steps.TABLE.get(self._db, job.step_id)
        assert entry is not None
        return self._model(entry.upload_id)[1][entry.at][0]

    # Meta-data

    def meta_data(self, build_id: str) -> Dict[str, str]:
        """Return the meta-data of a build."""
        return meta_data.all_of(self._db, build_id)

    def get_meta_data(self, build_id: str, key: str) -> Optional[str]:
        """Return the value under a key, or None."""
        return meta_data.get(self._db, build_id, key)

    def set_meta_data(self, build_id: str, items: Mapping[str, str]) -> None:
        """Keep values under keys, all or none. Raises Rejected for what is too much or no text."""
        taken: Set[str] = set()
        with self._change():
            for key, value in items.items():
                if not isinstance(key, str) or not isinstance(value, str):
                    raise Rejected("keys and values of meta-data are texts")
                if not key.strip() or len(key) > limits.META_DATA_KEY_CHARACTERS:
                    raise Rejected(f"a meta-data key has 1 to {limits.META_DATA_KEY_CHARACTERS} characters")
                if len(value.encode("utf-8", "replace")) > limits.META_DATA_VALUE_BYTES:
                    raise Rejected(f'the value of "{key}" is larger than {limits.META_DATA_VALUE_BYTES} bytes')
                taken.add(key)
            if not taken:
                return
            meta_data.put(self._db, build_id, items)
            if meta_data.count(self._db, build_id) > limits.META_DATA_KEYS_PER_BUILD:
                raise Rejected(f"a build keeps at most {limits.META_DATA_KEYS_PER_BUILD} meta-data keys")
            self._tell(Event("meta_data", build_id))
