"""Jobs: list, read, retry, cancel, unblock, reprioritize, environment."""

from __future__ import annotations

from typing import Any, Dict

from bkagent.controlplane.records import Job
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.cursor import Cursor
from bkagent.transport.server.answer import Answer, json_answer, text_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

# Parameters of the list, and the attribute of a job that each compares with.
_FILTERS = {"step_key": "step_key", "group_key": "group_key", "state": "shown_state"}


def jobs(site: Site, request: Request) -> Answer:
    """List the jobs of a build, a page of `items` with links to its neighbours."""
    record = access.build_of(site, request)
    cursor = Cursor.of(request)
    records = site.plane.jobs.of_build(record.id, retried=access.flag(request, "include_retried_jobs", True))
    for name, attribute in _FILTERS.items():
        values = request.values(name)
        records = [job for job in records if not values or getattr(job, attribute) in values]
    ids = [job.id for job in records]
    start, end = cursor.cut(ids)
    items = [_form(site, request, job) for job in records[start:end]]
    return json_answer(200, {"items": items, "links": cursor.links(site, request, ids)})


def job(site: Site, request: Request) -> Answer:
    """Return one job."""
    return json_answer(200, _form(site, request, access.job_of(site, request)))


def retry(site: Site, request: Request) -> Answer:
    """Run a job again; the answer is the new job. Raises HttpError 400 for one that passed: only pages retry those."""
    record = access.job_of(site, request)
    if record.passed:
        raise HttpError(400, "Only failed, timed out or canceled jobs can be retried")
    return json_answer(200, _form(site, request, site.plane.jobs.retry(record.id)))


def cancel(site: Site, request: Request) -> Answer:
    """Cancel one job. Buildkite has this call in its GraphQL API only."""
    return json_answer(200, _form(site, request, site.plane.jobs.cancel(access.job_of(site, request).id)))


def unblock(site: Site, request: Request) -> Answer:
    """Let a build go on after a block step, with the answers to its fields."""
    record = access.job_of(site, request)
    document = access.body(request)
    fields = document.get("fields") or {}
    if not isinstance(fields, dict):
        raise HttpError(400, "fields must be an object")
    person_id = document.get("unblocker")
    unblocker = site.plane.api_tokens.person(person_id) if person_id else access.token_of(site, request).owner
    if unblocker is None:
        raise HttpError(422, "Unblocker is not a valid user id for this organization")
    unblocked = site.plane.jobs.unblock(record.id, fields=fields, unblocker=str(unblocker))
    return json_answer(200, _form(site, request, unblocked))


def reprioritize(site: Site, request: Request) -> Answer:
    """Change the priority of a job that has not started."""
    record = access.job_of(site, request)
    priority = access.body(request).get("priority")
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > 1 << 31:
        raise HttpError(400, "Priority must be an integer")
    return json_answer(200, _form(site, request, site.plane.jobs.reprioritize(record.id, priority)))


def env(site: Site, request: Request) -> Answer:
    """Return the variables that the job got from here."""
    return json_answer(200, {"env": site.plane.job_envs.of_job(access.job_of(site, request).id)})


def env_text(site: Site, request: Request) -> Answer:
    """Return the variables as lines."""
    env = site.plane.job_envs.of_job(access.job_of(site, request).id)
    lines = "".join(f"{name}={value}\n" for name, value in sorted(env.items()))
    return text_answer(200, lines.encode("utf-8", "replace"), "text/plain; charset=utf-8")


def _form(site: Site, request: Request, record: Job) -> Dict[str, Any]:
    base = site.base_url(request)
    agent = forms.agent(site, base, site.plane.sessions.get(record.agent_id)) if record.agent_id else None
    return forms.job(site, base, record, site.plane.builds.get(record.build_id), agent)


ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}/jobs", jobs, "read_builds"),
    *access.both("GET", "", job, "read_builds"),
    *access.both("PUT", "/retry", retry, "write_builds"),
    *access.both("PUT", "/cancel", cancel, "write_builds"),
    *access.both("PUT", "/unblock", unblock, "write_builds"),
    *access.both("PUT", "/reprioritize", reprioritize, "write_builds"),
    *access.both("GET", "/env", env, "read_job_env"),
    *access.both("GET", "/env.txt", env_text, "read_job_env"),
)
