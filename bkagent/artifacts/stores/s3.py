"""Amazon S3, and servers that speak its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from bkagent.artifacts.stores.amazon_s3 import settings as s3_settings
from bkagent.artifacts.stores.amazon_s3 import uploads
from bkagent.artifacts.stores.amazon_s3.bucket import S3Bucket, S3Request
from bkagent.artifacts.stores.amazon_s3.settings import S3Destination, S3Settings
from bkagent.artifacts.stores.amazon_s3.uploads import NewObject
from bkagent.artifacts.stores.answers import head_of
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, Receive, StoreUpload
from bkagent.cloud.aws.error_answers import AwsRefused, error_of
from bkagent.cloud.cloud_context import CloudContext
from bkagent.transport.client.answer_reader import Sink
from bkagent.transport.client.response import Headers

if TYPE_CHECKING:
    from bkagent.wire.artifacts import Artifact, Instructions

_PRESIGNED_LIFETIME_S = 3600  # the reference's
# The reference's, several of which it fetches at a time, but by a signed URL all at once.
_RANGE_BYTES = 8 * 1024 * 1024


def open_store(destination: str, context: CloudContext) -> ArtifactStore:
    """Return the store of s3://BUCKET/PATH. Raises ConfigError for a destination, or settings, that cannot be used."""
    return S3Store(s3_settings.parse_destination(destination), s3_settings.read(context.environ), context)


class S3Store(ArtifactStore):
    """One destination in a bucket."""

    title = "Amazon S3"

    def __init__(self, destination: S3Destination, settings: S3Settings, context: CloudContext) -> None:
        self._destination, self._settings, self._context = destination, settings, context
        self._bucket = S3Bucket(destination.bucket, settings, context)
        self.range_bytes = 0 if settings.presigns else _RANGE_BYTES

    def prepare(self) -> None:
        """Find the bucket, and see whether its objects may be listed. Raises AgentError saying what to set."""
        self._bucket.locate()
        self._bucket.check_access()
        self._context.report("debug", f"Using the {self._bucket.shown}")

    def url_of(self, artifact_path: str) -> str:
        """Return the URL of the record."""
        return s3_settings.record_url(self._destination, self._settings, artifact_path)

    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Begin an upload with the ACL, encryption and content type of its object."""
        headers = {"x-amz-acl": self._settings.acl}
        if artifact.content_type:
            headers["Content-Type"] = artifact.content_type
        if self._settings.encrypts:
            headers["x-amz-server-side-encryption"] = "AES256"
        new = NewObject(artifact, self._destination.key_of(artifact.path), headers)
        return uploads.begin(self._bucket, new, saved)

    def fetch(
        self,
        artifact: Artifact,
        receive: Receive,
        *,
        start_offset: int = 0,
        size: Optional[int] = None,
        version: str = "",
    ) -> None:
        """Download the object by a signed request, or by a signed URL where the settings ask for that."""
        headers: Dict[str, str] = {"Accept-Encoding": "identity"}
        if start_offset or size is not None:
            last = "" if size is None else str(start_offset + size - 1)
            headers["Range"] = f"bytes={start_offset}-{last}"
            if version:
                headers["If-Match"] = version
        try:
            self._get(artifact, headers, receive)
        except AwsRefused as problem:
            if problem.status != 412 or not version:
                raise
            self._get(artifact, {"Accept-Encoding": "identity"}, receive)  # another version by now, from its start

    def _get(self, artifact: Artifact, headers: Mapping[str, str], receive: Receive) -> None:
        def open_sink(status: int, answered: Headers) -> Sink:
            return receive(head_of(status, answered))

        request = S3Request("GET", self._destination.key_of(artifact.path), (), headers)
        if not self._settings.presigns:
            self._bucket.send(request, open_sink=open_sink)
            return
        url = self._bucket.presigned_url(S3Request("GET", request.key), _PRESIGNED_LIFETIME_S)
        sent = {**headers, "User-Agent": self._context.user_agent}
        response = self._context.pool.request_url(
            "GET", url, sent, timeout_s=SILENCE_LIMIT_S, open_sink=open_sink, follow_redirects=False
        )
        if not 200 <= response.status < 300:
            raise error_of(f"GET {url.partition('?')[0]}", response)
