"""The bytes of artifacts, for whoever holds the URL that permits it. Browsers may only save them."""

from __future__ import annotations

import os
from urllib.parse import quote

from bkagent.controlplane.records import Artifact
from bkagent.controlplane.site import ARTIFACT_TICKET_PURPOSE, Route, Site
from bkagent.transport.answer import Answer, FilePart, Headers
from bkagent.transport.byte_range import read_range
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError


def download(site: Site, request: Request) -> Answer:
    """Answer with an artifact, or the range of it that is asked for."""
    artifact_id = request.parameters["id"]
    if not site.plane.tokens.is_ticket(request.parameters["ticket"], ARTIFACT_TICKET_PURPOSE, artifact_id):
        raise HttpError(404, "No artifact found")
    artifact = site.plane.artifact(artifact_id)
    try:
        file = open(site.plane.artifact_path(artifact_id), "rb")  # noqa: SIM115 - the server closes it once it is sent
    except OSError:
        raise HttpError(404, "the bytes of this artifact are not here") from None
    size = os.fstat(file.fileno()).st_size
    headers = _headers(artifact)
    try:
        part = read_range(request.headers.get("range", ""), size)
    except HttpError:
        file.close()
        raise
    if part is None:
        return Answer(200, FilePart(file, 0, size), headers)
    offset, count = part
    headers += (("Content-Range", f"bytes {offset}-{offset + count - 1}/{size}"),)
    return Answer(206, FilePart(file, offset, count), headers)


def _headers(artifact: Artifact) -> Headers:
    """What a job made may be a page with a script: it is never shown as one, and never under its own type."""
    name = artifact.path.replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    return (
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"),
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "private, no-store"),
    )


ROUTES: "tuple[Route, ...]" = (("GET", "/-/artifacts/{id}/{ticket}", download),)
