"""Steps that a job adds to its build. They are applied before the answer: 200 means that they were added."""

from __future__ import annotations

from bkagent.controlplane.records import Caller, Upload, new_id
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader


def upload(site: Site, request: Request, caller: Caller) -> Answer:
    """Add steps; the same uuid again changes nothing."""
    document = request.json()
    reader = Reader(document, "pipeline upload")
    pipeline = document.get("pipeline") if isinstance(document, dict) else None
    if not isinstance(pipeline, (dict, list)):
        raise HttpError(422, "the pipeline must be an object with steps, or an array of steps")
    uuid = reader.text("uuid", "") or new_id()
    applied = site.plane.uploads.apply(caller.job_id, pipeline, uuid=uuid, replace=reader.flag("replace"))
    return json_answer(200, _form(applied))


def status(site: Site, request: Request, caller: Caller) -> Answer:
    """Return the state of an upload, for clients that ask after any answer to the upload."""
    return json_answer(200, _form(site.plane.uploads.status(caller.job_id, request.parameters["uuid"])))


def _form(upload: Upload) -> "dict[str, str]":
    return {"id": upload.id, "uuid": upload.uuid, "state": upload.state, "message": upload.message}
