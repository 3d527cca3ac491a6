"""Artifacts as agents see them: announce, send the bytes to this server's form, report, search."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from bkagent.controlplane.attachments import ArtifactRecord, ArtifactSpec
from bkagent.controlplane.records import Caller, new_id
from bkagent.controlplane.web.context import UPLOAD_TICKET_PURPOSE, Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader
from bkagent.wire.timestamps import text_of

_BATCH = re.compile(r"[A-Za-z0-9-]{1,100}")
URL_VALID_S = 6 * 3600  # as long as a job may take to download everything that one search found
BATCH_COUNT = 1000  # the reference's agents announce 30 at a time


def create(site: Site, request: Request, caller: Caller) -> Answer:
    """Announce files, and answer where to upload them. The same batch again gives the same answer."""
    document = request.json()
    reader = Reader(document, "artifact batch")
    entries = document.get("artifacts") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > BATCH_COUNT:
        raise HttpError(422, f"artifact batch: artifacts must be an array of at most {BATCH_COUNT}")
    destination = reader.text("upload_destination", "")
    specs = [_spec(Reader(entry, "artifact"), destination) for entry in entries]
    batch_id = reader.text("id", "") or new_id()
    if not _BATCH.fullmatch(batch_id):
        raise HttpError(422, "artifact batch: id must be 1 to 100 letters, digits and dashes")
    batch = site.plane.artifacts.create(caller.job_id, batch_id, specs)
    each = {artifact.id: _instructions(site, request, artifact) for artifact in batch}
    answer = {
        "id": batch_id, "artifact_ids": [artifact.id for artifact in batch],
        "upload_instructions": _of_batch(site, request, caller.job_id, batch_id),
        "per_artifact_instructions": each,
    }  # fmt: skip
    return json_answer(201, answer)


def _spec(reader: Reader, destination: str) -> ArtifactSpec:
    return ArtifactSpec(
        path=reader.text("path"), absolute_path=reader.text("absolute_path", ""),
        file_size=reader.whole("file_size", 0, low=0), sha1sum=reader.text("sha1sum", ""),
        sha256sum=reader.text("sha256sum", ""), content_type=reader.text("content_type", ""),
        upload_destination=reader.text("upload_destination", "") or destination, url=reader.text("url", ""),
    )  # fmt: skip


def _instructions(site: Site, request: Request, artifact: ArtifactRecord) -> Dict[str, Any]:
    return _form(site, request, artifact.id)


def _of_batch(site: Site, request: Request, job_id: str, batch_id: str) -> Dict[str, Any]:
    """Return one form for every file of a batch, for agents that ignore the instructions for each file."""
    return _form(site, request, f"{job_id}/{batch_id}")


def _form(site: Site, request: Request, subject: str) -> Dict[str, Any]:
    # The ticket is part of the path, so that a form without it is refused before its body is read.
    path = f"/-/uploads/{subject}/{site.plane.tokens.ticket(UPLOAD_TICKET_PURPOSE, subject)}"
    action = {"url": site.base_url(request), "method": "POST", "path": path, "file_input": "file"}
    return {"action": action, "data": {"path": "${artifact:path}"}}


def update(site: Site, request: Request, caller: Caller) -> Answer:
    """Note which files have been uploaded and which have failed."""
    document = request.json()
    entries = document.get("artifacts") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > BATCH_COUNT:
        raise HttpError(422, f"artifact update: artifacts must be an array of at most {BATCH_COUNT}")
    reads = [Reader(entry, "artifact update") for entry in entries]
    site.plane.artifacts.update(caller.job_id, {reader.text("id"): reader.text("state") for reader in reads})
    return json_answer(200, {})


def search(site: Site, request: Request, caller: Caller) -> Answer:
    """Return the artifacts of a build that match a query, with URLs that need no token for some hours."""
    query = request.query_of_any_bytes()
    artifacts = site.plane.artifacts.search(
        request.parameters["id"], query=query.get("query") or "*", scope=query.get("scope", ""),
        state=query.get("state", "finished"), include_retried_jobs=query.get("include_retried_jobs") == "true",
        include_duplicates=query.get("include_duplicates") == "true",
    )  # fmt: skip
    base = site.base_url(request)
    forms: List[Dict[str, Any]] = [_search_form(site, base, artifact) for artifact in artifacts]
    return json_answer(200, forms)


def _search_form(site: Site, base: str, artifact: ArtifactRecord) -> Dict[str, Any]:
    return {
        "id": artifact.id, "job_id": artifact.job_id, "path": artifact.path, "absolute_path": artifact.absolute_path,
        "glob_path": "", "file_size": artifact.file_size, "sha1sum": artifact.sha1sum,
        "sha256sum": artifact.sha256sum, "content_type": artifact.content_type,
        "upload_destination": artifact.upload_destination, "created_at": text_of(artifact.created_at),
        "url": artifact.url or base + site.artifact_path(artifact, URL_VALID_S),
    }  # fmt: skip
