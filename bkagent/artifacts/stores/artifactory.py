"""Artifactory (`rt://REPOSITORY/PATH`): one PUT for each file, whose checksums Artifactory compares with its own.

https://jfrog.com/help/r/jfrog-rest-apis/deploy-artifact
"""

from __future__ import annotations

import base64
from io import FileIO
from typing import TYPE_CHECKING, Any, Mapping, Optional

from bkagent.artifacts.digests import unreadable, weak_digest
from bkagent.artifacts.stores.answers import check_is_no_page, pass_head_to, refusal
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.object_path import object_path
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, StoreUpload, UploadPart
from bkagent.cloud.cloud_context import CloudContext
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, ConfigError
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.response import Response
from bkagent.wire import go_url, json_text
from bkagent.wire.artifacts import Artifact, Instructions
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import Receive

_URL, _USER, _PASSWORD = (f"BUILDKITE_ARTIFACTORY_{name}" for name in ("URL", "USER", "PASSWORD"))
_BLOCK_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
_SHOWN_LETTERS = 300


def open_store(destination: str, context: CloudContext) -> ArtifactStore:
    """Return the store. Raises AgentError for a destination without a repository, and where a variable is missing."""
    address, user, password = (context.environ.get(name, "") for name in (_URL, _USER, _PASSWORD))
    if not (address and user and password):
        raise AgentError(f"must set {_URL}, {_USER}, and {_PASSWORD} when using an rt:// path")
    if not address.lower().startswith(("http://", "https://")):
        raise ConfigError(f"{_URL} must be an http:// or https:// URL")
    repository, _, folder = destination[len("rt://") :].partition("/")
    if not repository:
        raise AgentError(f"the destination {one_line(destination)} must name a repository: rt://REPOSITORY/PATH")
    pair = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode("ascii")
    url = f"{address.rstrip('/')}/{go_url.escape_path(repository)}"
    return ArtifactoryStore(context, url, folder, Secret(f"Basic {pair}"))


class ArtifactoryStore(ArtifactStore):
    """Files below one path of one repository."""

    title = "Artifactory"

    def __init__(self, context: CloudContext, repository_url: str, folder: str, authorization: Secret) -> None:
        self._context, self._repository_url = context, repository_url
        self._folder, self._authorization = folder, authorization

    def prepare(self) -> None:
        """Do nothing: there is no request that tells whether the user may write, but writing."""

    def url_of(self, artifact_path: str) -> str:
        """Return the URL that files are sent to, which is also that of the record."""
        return f"{self._repository_url}/{go_url.escape_path(object_path(self._folder, artifact_path))}"

    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Return the upload of a whole file; sends nothing."""
        return _ArtifactoryUpload(self, artifact)

    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download by a GET. It may be redirected to the storage behind Artifactory, which gets no password."""
        url = self.url_of(artifact.path)
        response = self._context.pool.request_url(
            "GET", url, self._headers(wanted.headers("If-Range")), timeout_s=SILENCE_LIMIT_S,
            open_sink=pass_head_to(receive),
        )  # fmt: skip
        _check("GET", url, response)

    def send(self, artifact: Artifact, body: FileBody) -> None:
        """Send a whole file. Artifactory refuses it (409) where a checksum differs from what arrived."""
        url = self.url_of(artifact.path)
        headers = self._headers(
            {
                "X-Checksum-MD5": _md5(body),
                "X-Checksum-SHA1": artifact.sha1,
                "X-Checksum-SHA256": artifact.sha256,
            }
        )
        # Not redirected: most redirects turn a PUT into a GET, whose success would be taken for that of the upload.
        response = self._context.pool.request_url(
            "PUT", url, headers, body, timeout_s=SILENCE_LIMIT_S, follow_redirects=False
        )  # fmt: skip
        _check("PUT", url, response)
        check_is_no_page("PUT", url, response)

    def _headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        authorization = self._authorization.reveal()
        return {"User-Agent": self._context.user_agent, "Authorization": authorization, **headers}


class _ArtifactoryUpload(StoreUpload):
    """A whole file in one request."""

    def __init__(self, store: ArtifactoryStore, artifact: Artifact) -> None:
        self._store, self._artifact = store, artifact
        self.parts = (UploadPart(1, 0, artifact.size),)

    def send(self, part: UploadPart, body: FileBody) -> str:
        self._store.send(self._artifact, body)
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        return {}

    def abandon(self) -> None:
        """Do nothing: Artifactory keeps nothing of a request that it did not read to its end."""


def _check(method: str, url: str, response: Response) -> None:
    """Raise Unavailable or Refused, with what Artifactory says, for an answer other than 2xx."""
    if 200 <= response.status < 300:
        return
    text = f"{method} {url}: {response.status}"
    location = response.headers.get("Location")
    if 300 <= response.status < 400 and location:
        text += (
            f": it redirects to {one_line(location.partition('?')[0][:_SHOWN_LETTERS])}; {_URL} must be the final URL"
        )
    else:
        text += _reason(response.body)
    raise refusal(text, response)


def _reason(body: bytes) -> str:
    """Return the messages of an answer: {"errors": [{"status": 403, "message": "..."}]}. "" for anything else."""
    try:
        document = json_text.loads(body[:_READ_BYTES])
    except (ValueError, RecursionError):
        return ": the answer is not Artifactory's, which would have been JSON" if body.strip() else ""
    errors = document.get("errors") if isinstance(document, dict) else None
    messages = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    text = "; ".join(message for message in messages if isinstance(message, str))
    return ": " + one_line(text[:_SHOWN_LETTERS]) if text else ""


def _md5(body: FileBody) -> str:
    """Return the checksum of a file's range, in hexadecimal digits. Raises AgentError when it cannot be read."""
    digest, left, block = weak_digest("md5"), body.size, bytearray(_BLOCK_BYTES)
    view = memoryview(block)
    try:
        with FileIO(body.path) as file:
            file.seek(body.offset)
            while left:
                count = file.readinto(view[: min(left, len(block))])
                if not count:
                    raise AgentError(f"{one_line(body.path)} has become shorter while it was sent")
                digest.update(view[:count])
                left -= count
    except OSError as problem:
        raise unreadable(body.path, problem) from problem
    return digest.hexdigest()
