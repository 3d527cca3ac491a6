"""Uploads to Google Cloud Storage: small files in one request, others by a session that survives interruptions.

https://cloud.google.com/storage/docs/performing-resumable-uploads and .../json_api/v1/objects/insert.
"""

from __future__ import annotations

import json
import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional
from urllib.parse import quote, urlencode

from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, StoreUpload, UploadPart
from bkagent.cloud.google.endpoint import refusal
from bkagent.cloud.token_answer import read_object
from bkagent.errors import Refused, WireError
from bkagent.wire.digits import is_whole
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cloud.google.authorized_client import AuthorizedClient
    from bkagent.transport.client.body import Body, FileBody
    from bkagent.transport.client.response import Response
    from bkagent.wire.artifacts import Artifact

# A multiple of 256 KiB, as the API wants it; the reference's library has the same.
PART_BYTES = 16 * 1024 * 1024
RESUMABLE_FROM_BYTES = PART_BYTES
_SESSION_IS_GONE = (404, 410)
_INCOMPLETE = 308


@dataclass(frozen=True)
class ObjectInsert:
    """What becomes of an artifact: the object `name` of a bucket. `acl` is a predefined one, "" for the bucket's."""

    client: AuthorizedClient
    endpoint: str
    bucket: str
    name: str
    artifact: Artifact
    acl: str

    @property
    def shown(self) -> str:
        """The object, for messages."""
        return f"gs://{self.bucket}/{one_line(self.name)}"

    def url(self, upload_type: str) -> str:
        """Return where an upload of this type begins."""
        query = {"alt": "json", "prettyPrint": "false", "uploadType": upload_type}
        if self.acl:
            query["predefinedAcl"] = self.acl
        return f"{self.endpoint}/upload/storage/v1/b/{quote(self.bucket, safe='')}/o?{urlencode(query)}"

    def metadata(self) -> bytes:
        """Return the object's resource, as JSON."""
        # One backslash before what would end the text (RFC 9110 section 5.6.4); no letter may end the header.
        base = posixpath.basename(self.artifact.path).replace("\\", "\\\\").replace('"', '\\"')
        base = "".join(letter if letter.isprintable() else "_" for letter in base)
        document: Dict[str, str] = {"name": self.name, "contentDisposition": f'inline; filename="{base}"'}
        if self.artifact.content_type:
            document["contentType"] = self.artifact.content_type
        return json.dumps(document, separators=(",", ":")).encode("ascii")

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = b"") -> Response:
        """Send one request and return its answer, whatever its status."""
        return self.client.send(method, url, headers, body, timeout_s=SILENCE_LIMIT_S)

    def check_stored(self, response: Response) -> None:
        """Check that the answer is the resource of the whole object. Raises as the methods of a store do."""
        if response.status not in (200, 201):
            raise refusal(f"POST {self.shown}", response)
        size = read_object(response.body, f"POST {self.shown}").text("size", "")
        if size != str(self.artifact.size):
            raise WireError(
                f"{self.shown}: {size or 'an unknown number of'} bytes were stored, not {self.artifact.size}"
            )


class MultipartInsert(StoreUpload):
    """A file in one request, behind what is said of it (RFC 2387)."""

    def __init__(self, insert: ObjectInsert) -> None:
        self._insert = insert
        self.parts = (UploadPart(1, 0, insert.artifact.size),)

    def send(self, part: UploadPart, body: FileBody) -> str:
        """Send the file."""
        boundary = os.urandom(24).hex()
        opening = f"--{boundary}\r\nContent-Type: application/json\r\n\r\n".encode("ascii")
        media = f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n".encode("ascii")
        form = body.between(opening + self._insert.metadata() + media, f"\r\n--{boundary}--\r\n".encode("ascii"))
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        self._insert.check_stored(self._insert.send("POST", self._insert.url("multipart"), headers, form))
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Do nothing: the object is there."""
        return {}

    def abandon(self) -> None:
        """Do nothing: what was not sent whole is not kept."""


class ResumableUpload(StoreUpload):
    """A file in parts that go one after the other to the URL of a session.

    Whoever has the URL can write the object, so that it is as secret as a token. After a request that failed the
    session says how many bytes it has.
    """

    in_parts = True
    sequential = True

    def __init__(self, insert: ObjectInsert, session_url: str, stored_bytes: Optional[int]) -> None:
        """Go on with a session that has so many bytes; None where that is to be asked."""
        size = insert.artifact.size
        offsets = range(0, size, PART_BYTES)
        self.parts = tuple(UploadPart(i, start, min(PART_BYTES, size - start)) for i, start in enumerate(offsets, 1))
        self._insert, self._session_url, self._stored_bytes = insert, session_url, stored_bytes
        self.kept_tags = {
            part.number: "" for part in self.parts if part.offset + part.size <= (stored_bytes or 0)
        }  # fmt: skip

    @classmethod
    def begin(cls, insert: ObjectInsert) -> ResumableUpload:
        """Begin a session. Raises as the methods of a store do."""
        return cls(insert, _begin_session(insert), 0)

    @classmethod
    def resume(cls, insert: ObjectInsert, saved: Mapping[str, Any]) -> Optional[ResumableUpload]:
        """Go on with the session of an earlier run, None where it was for something else or is gone."""
        url = saved.get("session_url")
        if saved.get("object") != insert.shown or saved.get("size") != insert.artifact.size:
            return None
        if not isinstance(url, str) or not _is_session(insert, url):
            return None
        upload = cls(insert, url, None)
        try:
            return cls(insert, url, upload._ask_stored_bytes())
        except Refused:
            return None

    @property
    def saved(self) -> Mapping[str, Any]:  # type: ignore[override]
        """Return the session, for a later run."""
        return {"object": self._insert.shown, "size": self._insert.artifact.size, "session_url": self._session_url}

    def send(self, part: UploadPart, body: FileBody) -> str:
        """Send what the session lacks of a part, and of those before it that it has lost."""
        end = part.offset + part.size
        stored_bytes, self._stored_bytes = self._stored_bytes, None
        if stored_bytes is None:
            stored_bytes = self._ask_or_begin_anew()
        while stored_bytes < end:
            rest = body.part(stored_bytes, end - stored_bytes)
            headers = {
                "Content-Range": f"bytes {stored_bytes}-{end - 1}/{self._insert.artifact.size}",
                "Content-Type": "application/octet-stream",
            }
            sent_from = stored_bytes
            stored_bytes = self._read_stored_bytes(self._insert.send("PUT", self._session_url, headers, rest))
            if not sent_from < stored_bytes <= end:
                raise WireError(f"{self._insert.shown}: the session has {stored_bytes} bytes after byte {end} was sent")
        self._stored_bytes = stored_bytes
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Do nothing: with the last part the object is there."""
        return {}

    def abandon(self) -> None:
        """End the session, which would keep what it has for a week."""
        self._insert.send("DELETE", self._session_url, {})

    def _ask_or_begin_anew(self) -> int:
        try:
            return self._ask_stored_bytes()
        except Refused as problem:
            if problem.status not in _SESSION_IS_GONE:
                raise
        self._session_url = _begin_session(self._insert)
        return 0

    def _ask_stored_bytes(self) -> int:
        headers = {"Content-Range": f"bytes */{self._insert.artifact.size}"}
        return self._read_stored_bytes(self._insert.send("PUT", self._session_url, headers))

    def _read_stored_bytes(self, response: Response) -> int:
        """Return how many bytes the session has: all of them once the object is there."""
        if response.status != _INCOMPLETE:
            self._insert.check_stored(response)
            return self._insert.artifact.size
        unit, _, last = (response.headers.get("Range") or "").partition("=0-")
        if not unit and not last:
            return 0
        if unit != "bytes" or not is_whole(last) or int(last) >= self._insert.artifact.size:
            raise WireError(f"{self._insert.shown}: the session answered with a range that makes no sense")
        return int(last) + 1


def _begin_session(insert: ObjectInsert) -> str:
    """Return the URL of a new session."""
    headers = {
        "Content-Type": "application/json; charset=UTF-8", "X-Upload-Content-Length": str(insert.artifact.size),
    }  # fmt: skip
    response = insert.send("POST", insert.url("resumable"), headers, insert.metadata())
    if response.status not in (200, 201):
        raise refusal(f"POST {insert.shown}", response)
    url = response.headers.get("Location") or ""
    if not _is_session(insert, url):
        raise WireError(f"POST {insert.shown}: the answer has no session at {insert.endpoint} in its Location")
    return url


def _is_session(insert: ObjectInsert, url: str) -> bool:
    """Return whether a URL leads to where tokens and bytes may go: the API that was asked."""
    return url.startswith(f"{insert.endpoint}/upload/storage/") and url.isascii() and url.isprintable()
