"""The form that takes the bytes of artifacts. A ticket in its path, not a token, permits the upload."""

from __future__ import annotations

import os
from typing import Iterator

from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.records import Caller
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.multipart import FormReader, boundary_of
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire import go_decoding

FIELD_BYTES = 32 * 1024
FORM_BYTES = 128 * 1024  # what a form may hold besides its file


def of_artifact(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep the file of a form as the bytes of one artifact."""
    artifact = site.plane.artifacts.get(request.parameters["id"])
    form = _form(request, artifact.file_size)
    for part in form.parts():
        if part.name == "file":
            return _store(site, artifact, form)
        form.read(FIELD_BYTES)
    raise HttpError(400, 'the form has no field "file"')


def of_batch(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep the file of a form as the bytes of the artifact of a batch that the form's field "path" names."""
    batch_id = request.parameters["batch"]
    form = _form(request, limits.ARTIFACT_BYTES)
    path = ""
    for part in form.parts():
        if part.name == "file":
            return _store(site, _artifact_of_batch(site, caller.job_id, batch_id, path), form)
        text = go_decoding.text_of(form.read(FIELD_BYTES))
        path = text if part.name == "path" else path
    raise HttpError(400, 'the form has no field "file"')


def _form(request: Request, file_bytes: int) -> FormReader:
    return FormReader(request.blocks(FORM_BYTES + file_bytes), boundary_of(request.headers.get("content-type", "")))


def _artifact_of_batch(site: Site, job_id: str, batch_id: str, path: str) -> ArtifactRecord:
    candidates = [artifact for artifact in site.plane.artifacts.create(job_id, batch_id, ()) if artifact.path == path]
    # Names that are not UTF-8 may have become equal: each form brings the bytes of another of them.
    for artifact in candidates:
        if not os.path.exists(site.plane.artifacts.path(artifact.id)):
            return artifact
    if candidates:
        return candidates[0]
    raise NotFound('the batch has no artifact with the path of the form\'s field "path"')


def _store(site: Site, artifact: ArtifactRecord, form: FormReader) -> Answer:
    """Keep the present part as the artifact's bytes; parts after it are not read."""
    blocks: Iterator[bytes] = form.blocks()
    site.plane.artifacts.store(artifact.id, lambda size: next(blocks, b""))
    return json_answer(201, {})
