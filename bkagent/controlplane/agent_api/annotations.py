"""Annotations that jobs write on their build's page, or on their own."""

from __future__ import annotations

from bkagent.controlplane.agent_api import access
from bkagent.controlplane.site import Route, Site
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request


def annotate(site: Site, request: Request) -> Answer:
    """Make an annotation, or change the one of the same context."""
    job = access.any_job(site, request)
    read = access.fields(request, "annotation")
    site.plane.annotate(
        job.build_id, job_id=job.id, body=read.text("body", ""), context=read.text("context", ""),
        style=read.text("style", "") or None, append=read.flag("append"), priority=read.whole("priority", 0) or None,
        scope=read.text("scope", "") or "build",
    )  # fmt: skip
    return json_answer(201, {})


def remove(site: Site, request: Request) -> Answer:
    """Take an annotation away."""
    job = access.any_job(site, request)
    scope = request.value("scope") or "build"
    site.plane.remove_annotation(job.build_id, request.parameters["context"], scope=scope, job_id=job.id)
    return Answer(204)


ROUTES: "tuple[Route, ...]" = (
    ("POST", "/v3/jobs/{id}/annotations", annotate),
    ("DELETE", "/v3/jobs/{id}/annotations/{context}", remove),
)
