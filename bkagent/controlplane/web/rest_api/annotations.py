"""Annotations of builds and jobs."""

from __future__ import annotations

from typing import Any, Dict

from bkagent.controlplane.attachments import Annotation
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.controlplane.web.ui import annotation_view
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader


def listing(site: Site, request: Request) -> Answer:
    """List annotations, the most important first."""
    if "job" in request.parameters:
        job = access.job_of(site, request)
        records = site.plane.annotations.find(job.build_id, scope="job", job_id=job.id)
    else:
        scope = request.value("scope") or "build"
        if scope not in ("build", "job", "all"):
            raise HttpError(400, "scope must be build, job or all")
        records = site.plane.annotations.find(access.build_of(site, request).id, scope=scope)
    without_body = access.flag(request, "omit_body")
    page = Page.of(request)
    forms_of_page = [form(site, annotation, without_body=without_body) for annotation in page.cut(records)]
    return page.answer(site, request, forms_of_page, len(records))


def create(site: Site, request: Request) -> Answer:
    """Add an annotation, or change the one of the same context."""
    job_id = access.job_of(site, request).id if "job" in request.parameters else ""
    build_id = site.plane.jobs.get(job_id).build_id if job_id else access.build_of(site, request).id
    reader = Reader(access.body(request), "annotation")
    annotation = site.plane.annotations.annotate(
        build_id, job_id=job_id, body=reader.text("body"), context=reader.text("context", ""),
        style=reader.text("style", "") or None, append=reader.flag("append"),
        priority=reader.whole("priority", 0) or None, scope="job" if job_id else "build",
    )  # fmt: skip
    return json_answer(201, form(site, annotation))


def delete(site: Site, request: Request) -> Answer:
    """Remove an annotation."""
    job = access.job_of(site, request) if "job" in request.parameters else None
    build_id = job.build_id if job is not None else access.build_of(site, request).id
    for annotation in site.plane.annotations.find(build_id, scope="all"):
        is_meant = annotation.job_id == request.parameters.get("job", annotation.job_id)
        if is_meant and annotation.id == request.parameters["annotation"]:
            context, scope, job_id = annotation.context, annotation.scope, annotation.job_id
            site.plane.annotations.remove(build_id, context, scope=scope, job_id=job_id)
            return Answer(204)
    raise NotFound("No annotation found")


def form(site: Site, annotation: Annotation, *, without_body: bool = False) -> Dict[str, Any]:
    """Return an annotation; of its text only the safe HTML."""
    fields = {
        "id": annotation.id, "context": annotation.context, "style": annotation.style or None,
        "scope": annotation.scope, "job_id": annotation.job_id or None, "priority": annotation.priority,
        "body_html": annotation_view.body(site, annotation),
        "created_at": forms.date(annotation.created_at), "updated_at": forms.date(annotation.updated_at),
    }  # fmt: skip
    if without_body:
        del fields["body_html"]
    return fields


_BUILD = "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", _BUILD + "/annotations", listing, "read_builds"),
    ("POST", _BUILD + "/annotations", create, "write_builds"),
    ("DELETE", _BUILD + "/annotations/{annotation}", delete, "write_builds"),
    *access.both("GET", "/annotations", listing, "read_builds"),
    *access.both("POST", "/annotations", create, "write_builds"),
    *access.both("DELETE", "/annotations/{annotation}", delete, "write_builds"),
)
