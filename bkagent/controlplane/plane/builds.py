"""Builds: create, find and cancel them."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Mapping

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.meta_data import MetaData
from bkagent.controlplane.plane.pipelines import Pipelines
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.uploads import Uploads, as_sent
from bkagent.controlplane.records import Build, BuildFilter, Event, NewBuild, PipelineEntry, new_id
from bkagent.controlplane.store import builds, jobs, pipelines, uploads
from bkagent.controlplane.store.build_filter import condition
from bkagent.pipeline.model.fields import plain_text

MOST_LISTED = 100
EVERY_BUILD = BuildFilter()


class Builds:
    """Keeps builds, and starts and cancels them."""

    def __init__(
        self, ledger: Ledger, pipelines: Pipelines, uploads: Uploads, scheduler: Scheduler, meta_data: MetaData
    ) -> None:
        self._ledger, self._pipelines, self._uploads = ledger, pipelines, uploads
        self._scheduler, self._meta_data = scheduler, meta_data
        self._db = ledger.db

    def get(self, build_id: str) -> Build:
        """Return a build. Raises NotFound."""
        return self._ledger.build(build_id)

    def by_number(self, pipeline_slug: str, number: int) -> Build:
        """Return a build by its pipeline and number. Raises NotFound."""
        build = builds.TABLE.first(self._db, "pipeline_slug = ? AND number = ?", (pipeline_slug, number))
        if build is None:
            raise NotFound("No build found")
        return self._ledger.build(build.id)

    def create(self, new: NewBuild) -> Build:
        """Create a build and start it.

        Raises Rejected with one sentence for what is wrong with its document, or not supported; the store is then as
        it was before.
        """
        document = as_sent(new.document)
        pipeline = self._uploads.check(document, ())
        entry = self._pipelines.draft(new.pipeline_slug, repository=new.repository)
        if not entry.repository:
            raise Rejected("a build needs a repository to check out: neither the request nor the pipeline names one")
        if entry.archived_at is not None:
            raise Rejected("the pipeline is archived and has no further builds")
        if not new.branch or not new.commit:
            raise Rejected("a build needs a branch and a commit")
        draft = _draft(new, entry)
        answers = self._uploads.try_conditions(draft, entry, pipeline)
        with self._ledger.change() as now:
            self._pipelines.ensure(new.pipeline_slug, repository=new.repository)
            number = pipelines.next_number(self._db, entry.slug)
            build = dataclasses.replace(draft, number=number, created_at=now, scheduled_at=now)
            builds.TABLE.add(self._db, build)
            self._meta_data.put(build.id, new.meta_data)
            self._ledger.tell(Event("build", build.id, state=build.state))
            self._uploads.add_steps(build, pipeline, document, uuid=new_id(), answers=answers)
            self._scheduler.advance(build.id)
            return self._ledger.build(build.id)

    def find(self, wanted: BuildFilter = EVERY_BUILD, *, limit: int = 30, offset: int = 0) -> List[Build]:
        """Return builds, the newest first, at most MOST_LISTED of them."""
        with self._db.lock:
            return builds.page(self._db, *condition(wanted), max(0, min(limit, MOST_LISTED)), max(0, offset))

    def count(self, wanted: BuildFilter = EVERY_BUILD) -> int:
        """Return how many builds `find` could return."""
        return builds.TABLE.count(self._db, *condition(wanted))

    def document(self, build_id: str) -> Mapping[str, Any]:
        """Return the document that a build was created with, for another build like it. Raises NotFound."""
        upload = uploads.TABLE.first(self._db, "build_id = ? AND job_id = '' ORDER BY created_at", (build_id,))
        if upload is None:
            raise NotFound("No build found")
        return upload.document

    def cancel(self, build_id: str, *, reason: str = "") -> Build:
        """Cancel every job of a build that has not ended. Raises Rejected for a build that has ended."""
        with self._ledger.change() as now:
            build = self._ledger.build(build_id)
            if build.finished:
                raise Rejected("Build can't be canceled because it's already finished.")
            builds.TABLE.change(self._db, build, cancel_requested=True, cancel_reason=reason, canceled_at=now)
            for job in jobs.of_build(self._db, build_id):
                self._scheduler.cancel(job, reason or "the build was cancelled")
            self._scheduler.advance(build_id)
            return self._ledger.build(build_id)


def _draft(new: NewBuild, entry: PipelineEntry) -> Build:
    """Return the build to create, without a number and a time."""
    return Build(
        id=new_id(), number=0, pipeline_slug=entry.slug, state="scheduled", branch=new.branch, commit=new.commit,
        message=new.message, repository=entry.repository, created_at=0.0, tag=new.tag, env=_env_texts(new.env),
        source=new.source, author=dict(new.author), creator=dict(new.creator), pull_request=dict(new.pull_request),
        clean_checkout=new.clean_checkout, rebuilt_from=new.rebuilt_from,
    )  # fmt: skip


def _env_texts(env: Mapping[str, Any]) -> Mapping[str, str]:
    """Return variables as texts. Raises Rejected naming one that is a list or a mapping."""
    texts = {}
    for name, value in env.items():
        if isinstance(value, (Mapping, list, tuple)):
            raise Rejected(f"the variable {name[:100]} must be a string, a number or a boolean")
        texts[name] = "" if value is None else plain_text(value)
    return texts
