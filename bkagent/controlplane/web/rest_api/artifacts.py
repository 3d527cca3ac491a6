"""Artifacts: list, read, download by a redirect to a URL that needs no token, delete."""

from __future__ import annotations

from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.plane.artifacts import STATES
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

URL_VALID_S = 60  # a redirect is followed at once


def of_build(site: Site, request: Request) -> Answer:
    """List the artifacts of a build."""
    return _list(site, request, build_id=access.build_of(site, request).id)


def of_job(site: Site, request: Request) -> Answer:
    """List the artifacts of a job."""
    job = access.job_of(site, request)
    return _list(site, request, build_id=job.build_id, job_id=job.id)


def _list(site: Site, request: Request, *, build_id: str, job_id: str = "") -> Answer:
    states = request.values("state")
    if any(state not in STATES for state in states):
        raise HttpError(422, f"state must be one of {', '.join(STATES)}")
    artifacts = site.plane.artifacts.find(build_id=build_id, job_id=job_id, states=states, path=request.value("path"))
    record = site.plane.builds.get(build_id)
    base = site.base_url(request)
    page = Page.of(request)
    forms_of_page = [forms.artifact(site, base, artifact, record) for artifact in page.cut(artifacts)]
    return page.answer(site, request, forms_of_page, len(artifacts))


def artifact(site: Site, request: Request) -> Answer:
    """Return one artifact."""
    record = _artifact_of(site, request)
    build = site.plane.builds.get(record.build_id)
    return json_answer(200, forms.artifact(site, site.base_url(request), record, build))


def download(site: Site, request: Request) -> Answer:
    """Redirect to the bytes."""
    record = _artifact_of(site, request)
    if record.state != "finished":
        raise HttpError(404, f"the artifact is {record.state}; there are no bytes to download")
    url = record.url or site.base_url(request) + site.artifact_path(record, URL_VALID_S)
    # The URL of another store comes from a job: only plain characters may become a header.
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise HttpError(404, "the artifact has no valid URL")
    return json_answer(302, {"url": url}, (("Location", url),))


def delete(site: Site, request: Request) -> Answer:
    """Delete the bytes of an artifact."""
    site.plane.artifacts.delete(_artifact_of(site, request).id)
    return Answer(204)


def _artifact_of(site: Site, request: Request) -> ArtifactRecord:
    record = site.plane.artifacts.get(request.parameters["artifact"])
    if "job" in request.parameters:
        if access.job_of(site, request).id != record.job_id:
            raise NotFound("No artifact found")
    elif access.build_of(site, request).id != record.build_id:
        raise NotFound("No artifact found")
    return record


_BUILD = "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}/artifacts"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", _BUILD, of_build, "read_artifacts"),
    ("GET", _BUILD + "/{artifact}", artifact, "read_artifacts"),
    ("GET", _BUILD + "/{artifact}/download", download, "read_artifacts"),
    *access.both("GET", "/artifacts", of_job, "read_artifacts"),
    *access.both("GET", "/artifacts/{artifact}", artifact, "read_artifacts"),
    *access.both("GET", "/artifacts/{artifact}/download", download, "read_artifacts"),
    *access.both("DELETE", "/artifacts/{artifact}", delete, "write_artifacts"),
)
