"""The bytes of artifacts and logs. An artifact is for holders of a URL that permits it; browsers only save it."""

from __future__ import annotations

import os
from typing import Iterator, Optional
from urllib.parse import quote

from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, Blocks, FilePart, Headers
from bkagent.transport.server.byte_range import read_range
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

LOG_BLOCK_BYTES = 1 << 20


def download(site: Site, request: Request, caller: Caller) -> Answer:
    """Answer with an artifact; the route has checked the permission in its URL."""
    return send(site, request, site.plane.artifacts.get(request.parameters["id"]))


def send(site: Site, request: Request, artifact: ArtifactRecord) -> Answer:
    """Answer with an artifact's bytes, or the range of them that is asked for. The caller has checked who asks."""
    try:
        file = open(site.plane.artifacts.path(artifact.id), "rb")  # noqa: SIM115 - the server closes it once it is sent
    except OSError:
        raise HttpError(404, "the bytes of this artifact are missing") from None
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


def log_body(site: Site, job_id: str, offset: int = 0, count: Optional[int] = None) -> Blocks:
    """Return a log as a body that is read while it is sent: a log may be larger than memory."""
    total = site.plane.logs.size(job_id) if count is None else count

    def blocks() -> Iterator[bytes]:
        at = offset
        while at < offset + total:
            block = site.plane.logs.read(job_id, at, min(LOG_BLOCK_BYTES, offset + total - at))
            if not block:
                return
            yield block
            at += len(block)

    return Blocks(blocks(), total)


def _headers(artifact: ArtifactRecord) -> Headers:
    """Return headers that keep a browser from showing an artifact: it may be a page with a script."""
    name = artifact.path.replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    return (
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"),
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "private, no-store"),
    )
