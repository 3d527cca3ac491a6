"""The part of the control plane that makes builds, lists and cancels them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, List, Mapping, Optional, Sequence

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.meta_data import PlaneMetaData
from bkagent.controlplane.plane.uploads import PlaneSteps, as_sent
from bkagent.controlplane.records import Build, Event, Job, PipelineEntry
from bkagent.controlplane.store import builds, jobs, pipelines, uploads
from bkagent.pipeline.model.fields import plain_text

_SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,99}", re.ASCII)
MOST_LISTED = 100


class PlaneBuilds(PlaneSteps, PlaneMetaData):
    """Pipelines and their builds."""

    def ensure_pipeline(
        self, slug: str, *, name: str = "", repository: str = "", default_branch: str = ""
    ) -> PipelineEntry:
        """Return the pipeline of this slug, made or brought up to date with what is given. Raises Rejected."""
        entry = self._drafted_pipeline(slug, name=name, repository=repository, default_branch=default_branch)
        with self._change():
            known = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
            if known is None:
                pipelines.TABLE.add(self._db, entry)
                return entry
            return pipelines.TABLE.change(
                self._db, known, name=entry.name, repository=entry.repository, default_branch=entry.default_branch
            )

    def _drafted_pipeline(
        self, slug: str, *, name: str = "", repository: str = "", default_branch: str = ""
    ) -> PipelineEntry:
        """Return the pipeline of this slug as `ensure_pipeline` would leave it, nothing kept. Raises Rejected."""
        if not _SLUG.fullmatch(slug):
            raise Rejected(f'"{slug[:120]}" cannot name a pipeline: letters, digits and "-" only, at most 100')
        known = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
        if known is None:
            return PipelineEntry(self.new_id(), slug, name or slug, repository, default_branch or "main", self._clock())
        return dataclasses.replace(
            known, name=name or known.name, repository=repository or known.repository,
            default_branch=default_branch or known.default_branch,
        )  # fmt: skip

    def pipelines(self) -> List[PipelineEntry]:
        """Return every pipeline, by name."""
        return pipelines.TABLE.all(self._db, "1 ORDER BY name, slug")

    def next_build_number(self, slug: str) -> int:
        """Return the number that the next build of a pipeline gets, if none comes in between."""
        return pipelines.last_number(self._db, slug) + 1

    def create_build(
        self,
        pipeline_slug: str,
        document: Any,
        *,
        branch: str = "main",
        commit: str = "HEAD",
        message: str = "",
        env: Optional[Mapping[str, Any]] = None,
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

        Raises Rejected with one sentence for what is wrong with the document, or not supported; the store is then as
        it was before.
        """
        document = as_sent(document)
        pipeline = self._checked(document, ())
        entry = self._drafted_pipeline(pipeline_slug, repository=repository)
        if not entry.repository:
            raise Rejected("a build needs a repository to check out: none was given, and its pipeline has none")
        if not branch or not commit:
            raise Rejected("a build needs a branch and a commit")
        draft = Build(
            id=self.new_id(), number=0, pipeline_slug=entry.slug, state="scheduled", branch=branch, commit=commit,
            message=message, repository=entry.repository, created_at=0.0, tag=tag, env=_texts(env or {}),
            source=source, author=dict(author or {}), creator=dict(creator or {}),
            pull_request=dict(pull_request or {}), clean_checkout=clean_checkout, rebuilt_from=rebuilt_from,
        )  # fmt: skip
        answers = self._try_conditions(draft, entry, pipeline)
        with self._change() as now:
            self.ensure_pipeline(pipeline_slug, repository=repository)
            number = pipelines.next_number(self._db, entry.slug)
            build = dataclasses.replace(draft, number=number, created_at=now, scheduled_at=now)
            builds.TABLE.add(self._db, build)
            self.set_meta_data(build.id, meta_data or {})
            self._tell(Event("build", build.id, state=build.state))
            self._add_steps(build, pipeline, document, uuid=self.new_id(), answers=answers)
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


def _texts(env: Mapping[str, Any]) -> Mapping[str, str]:
    """Return variables as texts. Raises Rejected naming one that is a list or a mapping."""
    found = {}
    for name, value in env.items():
        if isinstance(value, (Mapping, list, tuple)):
            raise Rejected(f"the variable {name[:100]} must be a text, a number or a boolean")
        found[name] = "" if value is None else plain_text(value)
    return found
