"""Builds: list, read, create, cancel, rebuild, retry."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Sequence

from bkagent.controlplane.records import Build, Job, NewBuild
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, build_list, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.build_request import BuildRequest
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader

# Words for jobs that a build's failed jobs may be. Source: the reference service's REST API.
_RETRIED = ("canceled", "expired", "failed", "soft_failed", "timed_out")
_RETRIED_BY_DEFAULT = ("failed", "timed_out")


def builds(site: Site, request: Request) -> Answer:
    """List builds, the newest first."""
    slug = request.parameters.get("pipeline", "")
    if slug:
        site.plane.pipelines.get(slug)
    wanted = build_list.read_filter(site, request, slug)
    page = Page.of(request)
    records = site.plane.builds.find(wanted, limit=page.per_page, offset=page.offset)
    forms_of_page = [_form(site, request, record) for record in records]
    return page.answer(site, request, forms_of_page, site.plane.builds.count(wanted))


def build(site: Site, request: Request) -> Answer:
    """Return one build."""
    record = access.build_of(site, request)
    jobs = site.plane.jobs.of_build(record.id, retried=access.flag(request, "include_retried_jobs"))
    form = _form(site, request, record)
    counts = Counter(job.shown_state for job in jobs)
    form["job_state_counts"] = {"total": len(jobs), "states": dict(sorted(counts.items()))}
    return json_answer(200, form)


def create(site: Site, request: Request) -> Answer:
    """Create a build from the steps that come with the request, or from those of the pipeline's last build."""
    build_request = BuildRequest.from_wire(access.body(request))
    creator = access.token_of(site, request).owner.to_wire()
    record = build_request.create(site.plane, request.parameters["pipeline"], creator)
    return json_answer(201, _form(site, request, record))


def cancel(site: Site, request: Request) -> Answer:
    """Cancel a build. Raises HttpError 422 for one that is being canceled already."""
    record = access.build_of(site, request)
    if record.state == "canceling":
        raise HttpError(422, "Build can't be canceled because it's already being canceled.")
    return json_answer(200, _form(site, request, site.plane.builds.cancel(record.id)))


def rebuild(site: Site, request: Request) -> Answer:
    """Create a build like another one."""
    old = access.build_of(site, request)
    new = NewBuild(
        old.pipeline_slug, site.plane.builds.document(old.id), branch=old.branch, commit=old.commit,
        message=old.message, env=old.env, repository=old.repository, author=old.author, tag=old.tag,
        pull_request=old.pull_request, clean_checkout=old.clean_checkout, rebuilt_from=old.id,
        creator=access.token_of(site, request).owner.to_wire(),
    )  # fmt: skip
    return json_answer(200, _form(site, request, site.plane.builds.create(new)))


def retry_failed_jobs(site: Site, request: Request) -> Answer:
    """Run the failed jobs of a build again, each that its step permits."""
    record = access.build_of(site, request)
    words = Reader(access.body(request), "retry").text("states", "") or ",".join(_RETRIED_BY_DEFAULT)
    states = [word.strip() for word in words.split(",")]
    if any(state not in _RETRIED for state in states):
        raise HttpError(400, f"states must be some of {', '.join(_RETRIED)}")
    count = site.plane.jobs.retry_all(record.id, states)
    form = _form(site, request, site.plane.builds.get(record.id))
    return json_answer(202, {**form, "retried_jobs_count": count})


def _form(site: Site, request: Request, record: Build) -> Dict[str, Any]:
    jobs: List[Job] = []
    if not access.flag(request, "exclude_jobs"):
        jobs = site.plane.jobs.of_build(record.id, retried=access.flag(request, "include_retried_jobs"))
        states = request.values("job_states")
        jobs = [job for job in jobs if not states or job.shown_state in states]
    form = describe(site, site.base_url(request), record, jobs)
    if access.flag(request, "exclude_pipeline"):
        del form["pipeline"]
    return form


def describe(site: Site, base: str, record: Build, job_records: Sequence[Job]) -> Dict[str, Any]:
    """Return a build with these jobs in the form of the API, its URLs below `base`."""
    agents = {
        id: forms.agent(site, base, site.plane.sessions.get(id)) for id in {job.agent_id for job in job_records} if id
    }
    jobs = [forms.job(site, base, job, record, agents.get(job.agent_id)) for job in job_records]
    form = forms.build(site, base, record, site.plane.pipelines.get(record.pipeline_slug), jobs)
    if record.rebuilt_from:
        source = site.plane.builds.get(record.rebuilt_from)
        url = f"{forms.organization_url(site, base)}/pipelines/{source.pipeline_slug}/builds/{source.number}"
        form["rebuilt_from"] = {"id": source.id, "number": source.number, "url": url}
    return form


_OF_PIPELINE = "/v2/organizations/{org}/pipelines/{pipeline}/builds"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", "/v2/builds", builds, "read_builds"),
    ("GET", "/v2/organizations/{org}/builds", builds, "read_builds"),
    ("GET", _OF_PIPELINE, builds, "read_builds"),
    ("POST", _OF_PIPELINE, create, "write_builds"),
    ("GET", _OF_PIPELINE + "/{number}", build, "read_builds"),
    ("PUT", _OF_PIPELINE + "/{number}/cancel", cancel, "write_builds"),
    ("PUT", _OF_PIPELINE + "/{number}/rebuild", rebuild, "write_builds"),
    ("PUT", _OF_PIPELINE + "/{number}/retry_failed_jobs", retry_failed_jobs, "write_builds"),
)
