"""Google Cloud Storage, by its JSON API: https://cloud.google.com/storage/docs/json_api/v1/objects."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional
from urllib.parse import quote

from bkagent.artifacts.stores.answers import head_of
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.google_objects import ObjectFolder
from bkagent.artifacts.stores.google_upload import RESUMABLE_FROM_BYTES, MultipartInsert, ObjectInsert, ResumableUpload
from bkagent.artifacts.stores.md5_check import Md5Check
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, StoreUpload
from bkagent.cloud.google.authorized_client import AuthorizedClient
from bkagent.cloud.google.configuration import read_file
from bkagent.cloud.google.default_credentials import Credentials, find_credentials, read_credentials
from bkagent.cloud.google.endpoint import refusal
from bkagent.errors import ConfigError
from bkagent.redaction.variables import GOOGLE_CREDENTIALS
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import Receive
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.transport.client.answer_reader import Sink
    from bkagent.transport.client.response import Headers
    from bkagent.wire.artifacts import Artifact, Instructions

ENDPOINT = "https://storage.googleapis.com"
_READ = "https://www.googleapis.com/auth/devstorage.read_only"
_WRITE = "https://www.googleapis.com/auth/devstorage.full_control"
FILE_VARIABLE = "BUILDKITE_GS_APPLICATION_CREDENTIALS"
ACL_VARIABLE = "BUILDKITE_GS_ACL"
ACLS = ("authenticatedRead", "private", "projectPrivate", "publicRead", "publicReadWrite")


def open_store(destination: str, context: CloudContext) -> ArtifactStore:
    """Return the store of gs://BUCKET/FOLDER. Raises AgentError for a destination without a bucket."""
    return GoogleStorage(ObjectFolder.of(destination), context)


class GoogleStorage(ArtifactStore):
    """Objects below a folder of a bucket. `endpoint` is another one in tests."""

    title = "Google Cloud Storage"

    def __init__(self, folder: ObjectFolder, context: CloudContext, endpoint: str = ENDPOINT) -> None:
        self._folder, self._context, self._endpoint = folder, context, endpoint
        self._clients: Dict[str, AuthorizedClient] = {}
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Check what permissions objects are to have, and that there are credentials. Raises AgentError."""
        acl = self._context.environ.get(ACL_VARIABLE, "")
        if acl and acl not in ACLS:
            raise ConfigError(f'{ACL_VARIABLE} must be one of {", ".join(ACLS)}, not "{one_line(acl[:60])}"')
        self._client(_WRITE)

    def url_of(self, artifact_path: str) -> str:
        """Return where a browser finds the object, by the variables that say so."""
        return self._folder.url_of(artifact_path, self._context.environ)

    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Return an upload in one request, or a resumable one for what is larger."""
        insert = ObjectInsert(
            self._client(_WRITE), self._endpoint, self._folder.bucket, self._folder.name_of(artifact.path), artifact,
            self._context.environ.get(ACL_VARIABLE, ""),
        )  # fmt: skip
        if artifact.size < RESUMABLE_FROM_BYTES:
            return MultipartInsert(insert)
        return ResumableUpload.resume(insert, saved) or ResumableUpload.begin(insert)

    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download an object, whose version is its generation; without one the whole is checked by its MD5."""
        name = self._folder.name_of(artifact.path)
        url = f"{self._endpoint}/storage/v1/b/{quote(self._folder.bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
        # Else an object that is kept compressed would come so, under the checksum of something else.
        headers = {"Accept-Encoding": "identity", **wanted.headers()}
        if wanted.version and not wanted.is_whole:
            url += f"&ifGenerationMatch={quote(wanted.version, safe='')}"
        md5 = Md5Check(receive)

        def open_sink(status: int, answered: Headers) -> Sink:
            head = head_of(status, answered)._replace(version=answered.get("X-Goog-Generation") or "")
            return md5.open_sink(head, "" if artifact.sha256 or status != 200 else _stored_md5(answered))

        response = self._client(_READ).send("GET", url, headers, timeout_s=SILENCE_LIMIT_S, open_sink=open_sink)
        if response.status == 412 and not wanted.is_whole:  # it was replaced meanwhile
            self.fetch(artifact, receive)
            return
        if not 200 <= response.status < 300:
            raise refusal(f"GET gs://{self._folder.bucket}/{one_line(name)}", response)
        md5.check(one_line(artifact.path))

    def _client(self, scope: str) -> AuthorizedClient:
        with self._lock:
            if scope not in self._clients:
                self._clients[scope] = AuthorizedClient(self._context, self._credentials(scope))
            return self._clients[scope]

    def _credentials(self, scope: str) -> Credentials:
        environ = self._context.environ
        text = environ.get(GOOGLE_CREDENTIALS)
        if text:
            content = text.encode("utf-8", "surrogateescape")
            return read_credentials(self._context, content, GOOGLE_CREDENTIALS, (scope,))
        path = environ.get(FILE_VARIABLE)
        if path:
            where = f"{path} ({FILE_VARIABLE})"
            return read_credentials(self._context, read_file(path, where), where, (scope,))
        return find_credentials(self._context, (scope,))


def _stored_md5(headers: Headers) -> str:
    """Return the MD5 of an object in base64, "" where it is unknown, or that of other bytes than those that come."""
    if headers.get("X-Goog-Stored-Content-Encoding", "identity") != "identity":
        return ""
    parts = (part.strip().partition("=") for part in (headers.get("X-Goog-Hash") or "").split(","))
    return next((text for name, _, text in parts if name == "md5"), "")
