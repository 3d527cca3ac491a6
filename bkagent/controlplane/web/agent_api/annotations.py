"""Annotations that jobs write on their build's page, or on their own."""

from __future__ import annotations

from bkagent.controlplane.errors import Forbidden
from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request


def annotate(site: Site, request: Request, caller: Caller) -> Answer:
    """Add an annotation, or change the one of the same context."""
    reader = access.fields(request, "annotation")
    scope = reader.text("scope", "") or "build"
    site.plane.annotations.annotate(
        caller.build_id, job_id=_owner(request, caller, scope), body=reader.text("body", ""),
        context=reader.text("context", ""), style=reader.text("style", "") or None, append=reader.flag("append"),
        priority=reader.whole("priority", 0) or None, scope=scope,
    )  # fmt: skip
    return json_answer(201, {})


def remove(site: Site, request: Request, caller: Caller) -> Answer:
    """Remove an annotation."""
    scope = request.value("scope") or "build"
    owner = _owner(request, caller, scope)
    site.plane.annotations.remove(caller.build_id, request.parameters["context"], scope=scope, job_id=owner)
    return Answer(204)


def _owner(request: Request, caller: Caller, scope: str) -> str:
    """Return the job of the path; an annotation of the scope "job" is for that job alone. Raises Forbidden."""
    job_id = request.parameters["id"]
    if scope == "job" and job_id != caller.job_id:
        raise Forbidden("a job may annotate its own page only")
    return job_id
