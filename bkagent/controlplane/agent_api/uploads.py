"""The form that takes the bytes of artifacts. A ticket among its fields, not a token, says which may come."""

from __future__ import annotations

from typing import Dict, Iterator

from bkagent.controlplane.errors import Forbidden
from bkagent.controlplane.records import Artifact
from bkagent.controlplane.site import UPLOAD_TICKET_PURPOSE, Site
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.multipart import FormReader, boundary_of
from bkagent.transport.request import Request
from bkagent.transport.request_head import BadRequest, HttpError

FIELD_BYTES = 16 * 1024
FORM_BYTES = 256 * 1024  # what a form may hold besides its file
FIELDS = ("ticket", "job", "batch", "path")


def upload(site: Site, request: Request) -> Answer:
    """Keep the file of a form as the bytes of the artifact that the path or the form's fields name."""
    largest = site.plane.artifact(request.parameters["id"]).file_size if "id" in request.parameters else None
    limit = FORM_BYTES + (1 << 50 if largest is None else largest)
    form = FormReader(request.blocks(limit), boundary_of(request.headers.get("content-type", "")))
    fields: Dict[str, str] = {}
    stored = False
    for part in form.parts():
        if part.name == "file":
            if stored:
                raise BadRequest(400, "the form holds two files")
            _store(site, _artifact(site, request, fields), form.blocks())
            stored = True
        elif part.name in FIELDS:
            fields[part.name] = form.read(FIELD_BYTES).decode("utf-8", "replace")
    if not stored:
        raise HttpError(400, 'the form holds no "file"')
    return json_answer(201, {})


def _artifact(site: Site, request: Request, fields: Dict[str, str]) -> Artifact:
    """Return the artifact whose bytes come now. Raises Forbidden without the ticket for it."""
    tokens = site.plane.tokens
    ticket = fields.get("ticket", "")
    if "id" in request.parameters:
        artifact = site.plane.artifact(request.parameters["id"])
        if tokens.is_ticket(ticket, UPLOAD_TICKET_PURPOSE, artifact.id):
            return artifact
    elif tokens.is_ticket(ticket, UPLOAD_TICKET_PURPOSE, f"{fields.get('job', '')} {fields.get('batch', '')}"):
        for artifact in site.plane.create_artifacts(fields["job"], fields["batch"], ()):
            if artifact.path == fields.get("path"):
                return artifact
    raise Forbidden("the form's ticket, which must come before its file, does not permit this upload")


def _store(site: Site, artifact: Artifact, blocks: Iterator[bytes]) -> None:
    site.plane.store_artifact(artifact.id, lambda size: next(blocks, b""))


ROUTES = (
    ("POST", "/-/uploads", upload),
    ("POST", "/-/uploads/{id}", upload),
)
