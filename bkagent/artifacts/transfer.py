"""Upload the bytes of artifacts to the control plane's own storage: a form, or the parts of a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import List, Mapping, Optional, Tuple
from urllib.parse import urlsplit, urlunsplit

from bkagent.errors import Refused, Unavailable, WireError
from bkagent.remote.reply import retry_after_s
from bkagent.transport.body import Body, FileBody
from bkagent.transport.http_client import Pool
from bkagent.transport.response import Response
from bkagent.wire.artifacts import Action, Artifact, Instructions
from bkagent.wire.shown_text import one_line

LARGEST_BYTES = 5 * 1024 * 1024 * 1024
_SILENCE_LIMIT_S = 120.0  # a transfer may take any time, but not stand still for longer
_SHOWN_BYTES = 300


@dataclass(frozen=True)
class Unit:
    """What one request uploads: a whole artifact, or part `number` of `count`."""

    artifact: Artifact
    action: Action
    data: Mapping[str, str]
    offset: int = 0
    size: int = 0
    number: int = 0
    count: int = 0


def units(artifact: Artifact, instructions: Instructions) -> List[Unit]:
    """Return the requests that upload an artifact. Parts differ by a byte at most; the first ones are the longer."""
    actions = instructions.actions
    if not actions:
        return [Unit(artifact, instructions.action, instructions.data, 0, artifact.size)]
    share, rest = divmod(artifact.size, len(actions))
    parts, offset = [], 0
    for number, action in enumerate(actions):
        size = share + (1 if number < rest else 0)
        parts.append(Unit(artifact, action, {}, offset, size, number + 1, len(actions)))
        offset += size
    return parts


def send(pool: Pool, unit: Unit, user_agent: str) -> Tuple[int, str]:
    """Upload one unit, once. Return (part number, ETag), (0, "") for a form.

    Raises Unreachable, Unavailable or Refused with the storage's message, WireError for a part without an ETag, and
    AgentError when the file cannot be read.
    """
    headers = {"User-Agent": user_agent}
    if unit.count:
        headers["Content-Type"] = unit.artifact.content_type
        body: Body = FileBody(unit.artifact.absolute_path, unit.size, unit.offset)
        url = unit.action.url
    else:
        body, headers["Content-Type"] = form(unit)
        url = _with_path(unit.action.url, unit.action.path)
    response = pool.request_url(unit.action.method or "POST", url, headers, body, timeout_s=_SILENCE_LIMIT_S)
    _check(unit.action.method or "POST", url, response)
    if not unit.count:
        return 0, ""
    etag = response.headers.get("ETag")
    if not etag:
        raise WireError(f"part {unit.number} of {one_line(unit.artifact.path)}: the storage answered without an ETag")
    return unit.action.part_number or unit.number, etag


def form(unit: Unit, boundary: Optional[str] = None) -> Tuple[FileBody, str]:
    """Return a multipart form and its content type: the fields, then the file, named as the artifact's path."""
    mark = boundary or os.urandom(24).hex()
    pieces = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{_quote(name)}"\r\n\r\n'
        + value.replace("${artifact:path}", unit.artifact.path)
        + "\r\n"
        for name, value in unit.data.items()
    ]
    pieces.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="{_quote(unit.action.file_input)}"; '
        f'filename="{_quote(unit.artifact.path)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    before = "".join(pieces).encode("utf-8", "replace")
    after = f"\r\n--{mark}--\r\n".encode("ascii")
    body = FileBody(unit.artifact.absolute_path, unit.size, 0, before, after)
    return body, f"multipart/form-data; boundary={mark}"


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "%0D").replace("\n", "%0A")


def _with_path(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, path if path.startswith("/") else "/" + path, parts.query, ""))


def _check(method: str, url: str, response: Response) -> None:
    if 200 <= response.status < 300:
        return
    words = response.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()
    text = f"{method} {url.partition('?')[0]}: {response.status}" + (f": {words}" if words else "")
    if response.status == 429 or response.status >= 500:
        raise Unavailable(text, response.status, retry_after_s(response.headers))
    raise Refused(text, response.status)
