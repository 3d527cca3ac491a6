"""Amazon S3, and servers that speak its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from bkagent.artifacts.stores.amazon_s3 import settings as s3_settings
from bkagent.artifacts.stores.amazon_s3 import uploads
from bkagent.artifacts.stores.amazon_s3.bucket import S3Bucket, path_of
from bkagent.artifacts.stores.amazon_s3.settings import S3Destination, S3Settings
from bkagent.artifacts.stores.amazon_s3.uploads import NewObject
from bkagent.artifacts.stores.answers import pass_head_to
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, StoreUpload
from bkagent.cloud.aws.client import AwsRequest
from bkagent.cloud.aws.error_answers import AwsRefused, error_of
from bkagent.cloud.cloud_context import CloudContext

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import Receive
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

    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download the object by a signed request, or by a signed URL where the settings ask for that."""
        try:
            self._get(artifact, receive, wanted)
        except AwsRefused as problem:
            if problem.status != 412 or not wanted.version:
                raise
            self._get(artifact, receive, WHOLE)  # another version by now, from its start

    def _get(self, artifact: Artifact, receive: Receive, wanted: FetchRange) -> None:
        headers = {"Accept-Encoding": "identity", **wanted.headers("If-Match")}
        path, open_sink = path_of(self._destination.key_of(artifact.path)), pass_head_to(receive)
        if not self._settings.presigns:
            self._bucket.send(AwsRequest("GET", path, (), headers), open_sink=open_sink)
            return
        url = self._bucket.presigned_url(AwsRequest("GET", path), _PRESIGNED_LIFETIME_S)
        sent = {**headers, "User-Agent": self._context.user_agent}
        response = self._context.pool.request_url(
            "GET", url, sent, timeout_s=SILENCE_LIMIT_S, open_sink=open_sink, follow_redirects=False
        )
        if not 200 <= response.status < 300:
            raise error_of(f"GET {url.partition('?')[0]}", response)
